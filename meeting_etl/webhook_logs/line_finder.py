"""class LineFinder: a line that was read before, found again in its log by offset and digest.

Belongs here: the bytes of single lines. Does not: reading what is new (reader.py).
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Self

from meeting_etl.webhook_logs.log_file import OpenLog
from meeting_etl.webhook_logs.reader import BOM

_MAX_BUFFERED_BYTES = 16 * 1024 * 1024


class LineFinder:
    """Finds lines in logs, which `open_log` opens by their path. The latest log stays open.

    So finding many lines of a compressed log, in order, decompresses it once.
    """

    def __init__(self, open_log: Callable[[str], OpenLog]) -> None:
        self._open_log = open_log
        self._file: OpenLog | None = None
        self._log_file = ""
        self._position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def find(
        self, log_file: str, offset: int, byte_length: int, sha256: str
    ) -> Iterator[bytes] | None:
        """The line, as in LogLine.data, in pieces; however long it is.

        `offset` is its first uncompressed byte. None when the log is gone or cannot be read, or has
        other bytes there now.
        """
        try:
            if byte_length > _MAX_BUFFERED_BYTES:
                return self._long_line(log_file, offset, byte_length, sha256)
            file = self._opened(log_file, offset)
            data = b"".join(_bytes_at(file, offset, byte_length))
        except OSError:
            return None
        self._position = offset + byte_length
        return iter((data,)) if hashlib.sha256(data).hexdigest() == sha256 else None

    def _opened(self, log_file: str, offset: int) -> OpenLog:
        """The log, at or before the offset."""
        if self._file and (log_file != self._log_file or offset <= self._position):
            self._close()
        if self._file is None:
            self._file = self._open_log(log_file)
            self._log_file = log_file
        return self._file

    def _close(self) -> None:
        if self._file:
            self._file.close()
        self._file = None

    def _long_line(
        self, log_file: str, offset: int, length: int, sha256: str
    ) -> Iterator[bytes] | None:
        """A line that is too long for memory: read once to compare, and once more."""
        digest = hashlib.sha256()
        with closing(self._open_log(log_file)) as file:
            for piece in _bytes_at(file, offset, length):
                digest.update(piece)
        return self._pieces(log_file, offset, length) if digest.hexdigest() == sha256 else None

    def _pieces(self, log_file: str, offset: int, length: int) -> Iterator[bytes]:
        with closing(self._open_log(log_file)) as file:
            yield from _bytes_at(file, offset, length)


def _bytes_at(file: OpenLog, offset: int, length: int) -> Iterator[bytes]:
    """`length` bytes from the offset, fewer at the end; without a BOM at the start of a log."""
    if not file.skip_to(offset):
        return
    if offset == 0:
        begin = b"".join(file.take(len(BOM))).removeprefix(BOM)
        yield begin[:length]
        length = max(0, length - len(begin))
    yield from file.take(length)
