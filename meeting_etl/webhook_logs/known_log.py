"""What is known of a log from reading it before, and whether a file goes on from there.

Belongs here: the identity of a log as ingested_logs keeps it. Does not: finding the file that a
log lies in now (scan.py).
"""

from typing import NamedTuple

from meeting_etl.webhook_logs.fingerprint import WINDOW_BYTES
from meeting_etl.webhook_logs.log_file import LogFile


class KnownLog(NamedTuple):
    """How far a log was read, as a row of ingested_logs tells it.

    `log_file` is its path below the folder, with slashes. `bytes_consumed` counts uncompressed
    bytes, `lines` blank lines too. `size` and `mtime` (nanoseconds) are those of the file when it
    had been read to its end, else 0. `head` and `tail` are the SHA-256, in hex, of the first and
    the last (at most) 64 KiB consumed. A tuple, which is quick to make: there are thousands.
    """

    log_id: str
    log_file: str
    bytes_consumed: int
    lines: int
    size: int
    mtime: int
    head: str | None
    tail: str | None

    def is_continued_by(self, file: LogFile) -> bool:
        """The file, just opened, begins with all that was read of this log; it is then behind it.

        A file with another head is not read further, which for gzip saves decompressing it. Raises
        OSError.
        """
        if not file.skip_to(min(self.bytes_consumed, WINDOW_BYTES)):
            return False
        if file.prefix.digests()[0] != self.head:
            return False
        return file.skip_to(self.bytes_consumed) and file.prefix.digests()[1] == self.tail
