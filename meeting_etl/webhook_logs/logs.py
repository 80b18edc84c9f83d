"""The folder of webhook logs, as the pipeline sees it.

Belongs here: the one class that the layers above use for logs. Does not: identifying (scan.py) and
reading a log (reader.py), those in a bucket (segmented_logs.py), the event of a line (events.py).
"""

from functools import partial
from pathlib import Path

from meeting_etl.object_storage.log_segments import LogSegments
from meeting_etl.webhook_logs.known_logs import KnownLog, KnownLogs
from meeting_etl.webhook_logs.line_finder import LineFinder
from meeting_etl.webhook_logs.listing import FileStat, names_of_logs, stat_file
from meeting_etl.webhook_logs.log_file import LogFile, OpenLog
from meeting_etl.webhook_logs.reader import LogLine, LogReader
from meeting_etl.webhook_logs.scan import LogScan, LogToRead
from meeting_etl.webhook_logs.segmented_logs import SegmentedLog, SegmentedLogs, is_segmented

__all__ = ["KnownLog", "KnownLogs", "LineFinder", "LogLine", "LogReader", "LogToRead", "Logs"]

MAX_LINE_BYTES = 16 * 1024 * 1024


class Logs:
    """The webhook logs below `folder`, at any depth, and those in a bucket, if there is one.

    listing.py defines the names of files.

    After a `scan`, `problems` are sentences about what could not be read: files and folders without
    permission, links to nothing, names that are not UTF-8; `unread` are the files that are not
    named like logs, and `unfinished` those without a finished line, with their sizes. OSError is
    never raised: one file stops no other. StorageError is, where the bucket cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        *,
        segments: LogSegments | None = None,
        max_line_bytes: int = MAX_LINE_BYTES,
    ) -> None:
        self.problems: list[str] = []
        self.unread: list[str] = []
        self._unfinished: dict[str, FileStat] = {}
        self._skipped: dict[str, FileStat | None] = {}
        self.folder = folder
        self.in_bucket = SegmentedLogs(segments) if segments else None
        self._max_line_bytes = max_line_bytes

    def may_have_new_lines(self, known: KnownLogs) -> bool:
        """Whether a `scan` may find something, by the names of all files and the stats of a few.

        Misses lines written to a log whose last change was long ago. A file that the latest scan
        skipped counts when it has changed since.
        """
        for name in known.unknown_paths(names_of_logs(self.folder)):
            if name not in self._skipped or self._has_changed(name):
                return True
        for name, as_known in known.unfinished().items():
            found = stat_file(self.folder, name)
            if found is not None and found not in as_known and self._has_changed(name):
                return True  # a file that is gone is found by its new name
        return self.in_bucket is not None and self.in_bucket.has_new_lines(known)

    def has_files(self) -> bool:
        """Whether the folder has any file that is named like a log."""
        return bool(names_of_logs(self.folder))

    def _has_changed(self, name: str) -> bool:
        return self._skipped.get(name) != stat_file(self.folder, name)

    def scan(self, known: KnownLogs) -> list[LogToRead]:
        """The logs to read now: new, changed or moved, in the order of their paths.

        A log that only moved is among them, so that its row is updated.
        """
        scan = LogScan(self.folder, known, self._unfinished, max_line_bytes=self._max_line_bytes)
        self.problems = scan.problems
        self.unread = scan.unread
        self._skipped = scan.skipped
        if self.in_bucket is None:
            return scan.logs_to_read
        in_bucket = self.in_bucket.scan(known, self.problems, self.unread)
        return sorted([*scan.logs_to_read, *in_bucket], key=lambda log: log.log_file)

    def all_logs(self, known: KnownLogs) -> list[LogToRead]:
        """All files that are logs, changed or not; then all others named so, without an id.

        Such are a compressed copy beside its log, a second path, a file without a finished line.
        """
        scan = LogScan(self.folder, known, {}, max_line_bytes=self._max_line_bytes)
        self.problems = scan.problems
        self.unread = scan.unread
        return scan.all_logs()

    @property
    def unfinished(self) -> dict[str, int]:
        """Sizes in bytes, by path, of the files that are not empty and have no finished line."""
        return {name: found.size for name, found in self._unfinished.items() if found.size}

    def read(self, log_to_read: LogToRead) -> LogReader:
        """A reader for the new lines of a log: a context manager."""
        return self._reader(log_to_read.log_file, log_to_read.known)

    def read_whole(self, log_file: str) -> LogReader:
        """A reader for all lines of a log, read before or not."""
        return self._reader(log_file, None)

    def line_finder(self) -> LineFinder:
        """Access to lines that were read before: a context manager."""
        return LineFinder(self.open)

    def open(self, log_file: str) -> OpenLog:
        """A log by its path. Raises OSError."""
        if self.in_bucket and is_segmented(log_file):
            return SegmentedLog(self.in_bucket.segments, log_file)
        return LogFile(self.folder / log_file)

    def _reader(self, log_file: str, known: KnownLog | None) -> LogReader:
        open_log = partial(self.open, log_file)
        return LogReader(open_log, log_file, known, max_line_bytes=self._max_line_bytes)
