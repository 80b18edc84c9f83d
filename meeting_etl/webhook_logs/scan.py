"""Which log each file is: a known one that grew, moved or was compressed, or a new one.

Belongs here: the identity of logs (a log is known by its content, not by its path) and the ids of
new ones. Does not: listing (listing.py) and reading files (reader.py).

An id begins with a stem made of the first line that is not blank. So the same logs get the same ids
when the lake is deleted and they are read again, and few known logs have to be compared with a
file: those with its stem. Logs that begin alike are numbered in the order of their paths.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from meeting_etl.webhook_logs.known_logs import KnownLog, KnownLogs
from meeting_etl.webhook_logs.listing import FileStat, list_logs, rotated_from, stat_file
from meeting_etl.webhook_logs.log_file import LogFile
from meeting_etl.webhook_logs.reader import LogReader

_STEM_DIGITS = 16


@dataclass(frozen=True, slots=True)
class LogToRead:
    """A log that has to be read now.

    `log_file` is its path below the folder, with slashes. `known` is what was known of it, None for
    a new log. `notice` is a sentence for the user when another log used to lie here, else None.
    `moved`: it lay elsewhere before.
    """

    log_id: str
    log_file: str
    known: KnownLog | None
    notice: str | None
    moved: bool


class LogScan:
    """One look at the folder: `logs_to_read` in the order of paths, `problems` in sentences.

    Files of a known path whose size and modification time are unchanged are not opened, nor are
    those that had no finished line when they were last looked at (`unfinished` tells which, and
    is brought up to date). A copy that log rotation is just making is left alone as long as the
    log that it is made from is not truncated. `passed_over` are the files that are not as any known
    log was and yet have not to be read now, as they were.
    """

    def __init__(
        self,
        folder: Path,
        known: KnownLogs,
        unfinished: dict[str, FileStat],
        *,
        max_line_bytes: int,
    ) -> None:
        self.logs_to_read: list[LogToRead] = []
        self._folder = folder
        self._max_line_bytes = max_line_bytes
        self._listing = list_logs(folder)
        self.problems = self._listing.problems
        self.unread = sorted(self._listing.unread)
        self._unfinished_before = dict(unfinished)
        self._unfinished = unfinished
        self._unfinished.clear()
        self._known = known
        # Files that are as they were when they were read are not looked at any further.
        self._changed = known.changed(self._listing.found)
        self._known_here = known.at(self._changed)
        self._placed: set[str] = set()

        strangers = self._find_what_stayed()
        for name in [name for name in strangers if self._is_being_copied(name)]:
            del strangers[name]
        newcomers = self._find_what_moved(strangers)
        self._begin(newcomers)
        self.logs_to_read.sort(key=lambda log_to_read: log_to_read.log_file)
        read = {log_to_read.log_file for log_to_read in self.logs_to_read}
        self.passed_over = {name: stat_file(folder, name) for name in self._listing.others}
        for name in self._changed:
            if name not in read:
                self.passed_over[name] = self._listing.found[name]

    def _find_what_stayed(self) -> dict[str, str]:
        """The files that are none of the logs known at their paths, with their stems."""
        strangers = {}
        for name in self._changed:
            found, here = self._listing.found[name], self._known_here.get(name, [])
            if self._unfinished_before.get(name) == found:
                self._unfinished[name] = found
                continue
            with self._watching(name):
                stem = self._stem(name)
                if stem is None and not self._listing.may_hold(name):
                    self._unfinished[name] = found
                if stem and not self._place(name, [log for log in here if _stem_of(log) == stem]):
                    strangers[name] = stem
        return strangers

    def _is_being_copied(self, name: str) -> bool:
        """The file is X.1, say, and holds nothing that X does not begin with.

        copytruncate has not truncated X yet. Were the copy begun as a log now, it would not be
        recognised as what X was, and its lines would be there twice.
        """
        original = rotated_from(name)
        if original is None or original not in self._listing.found:
            return False
        with (
            self._watching(name),
            closing(LogFile(self._folder / name)) as copy,
            closing(LogFile(self._folder / original)) as whole,
        ):
            return (
                copy.skip_to(copy.size) and whole.skip_to(copy.size) and copy.prefix == whole.prefix
            )
        return False

    def _find_what_moved(self, strangers: dict[str, str]) -> dict[str, str]:
        """The files that are no known log at all, with their stems.

        A log is looked for elsewhere only if it surely is no longer where it was.
        """
        homeless: dict[str, list[KnownLog]] = defaultdict(list)
        for log in self._known.beginning(set(strangers.values())):
            if not self._is_placed(log) and not self._listing.may_hold(log.log_file):
                homeless[_stem_of(log)].append(log)
        newcomers = {}
        for name, stem in strangers.items():
            with self._watching(name):
                if not self._place(name, homeless[stem]):
                    newcomers[name] = stem
        return newcomers

    def _begin(self, newcomers: dict[str, str]) -> None:
        taken = {log.log_id for log in self._known.beginning(set(newcomers.values()))}
        for name, stem in newcomers.items():
            log_id, number = stem, 1
            while log_id in taken:
                number += 1
                log_id = f"{stem}-{number}"
            taken.add(log_id)
            self.logs_to_read.append(LogToRead(log_id, name, None, self._notice(name), moved=False))

    def _stem(self, name: str) -> str | None:
        """None for a file without a finished line, holes aside: it needs no identity yet."""
        reader = LogReader(self._folder / name, name, None, max_line_bytes=self._max_line_bytes)
        with reader:
            first = next((line for line in reader if not line.is_nul_run), None)
        if first:
            digest = first.sha256 or hashlib.sha256(first.data or b"").hexdigest()
            return digest[:_STEM_DIGITS]
        if reader.problem:
            self._listing.unseen.append(name)
            self.problems.append(reader.problem)
        return None

    def _place(self, name: str, candidates: Iterable[KnownLog]) -> bool:
        """Find the log that the file is, of two that both fit the one that was read further."""
        for log in sorted(candidates, key=lambda log: (-log.bytes_consumed, log.log_id)):
            if self._is_placed(log):
                continue
            with closing(LogFile(self._folder / name)) as file:
                if not log.is_continued_by(file):
                    continue
            self._placed.add(log.log_id)
            moved = log.log_file != name
            self.logs_to_read.append(LogToRead(log.log_id, name, log, None, moved))
            return True
        return False

    def _is_placed(self, log: KnownLog) -> bool:
        """Whether it was found: where it lay, as it was, or in a file that was looked at."""
        return log.log_id in self._placed or self._listing.found.get(log.log_file) == (
            log.size,
            log.mtime,
        )

    @contextmanager
    def _watching(self, name: str) -> Iterator[None]:
        """A file that cannot be read stops no other."""
        try:
            yield
        except OSError as error:
            self._listing.missed(name, error)

    def _notice(self, name: str) -> str | None:
        before = {log.log_id for log in self._known_here.get(name, [])}
        if not before:
            return None
        for log_to_read in self.logs_to_read:
            if log_to_read.moved and log_to_read.log_id in before:
                return f"{name} is a new log: the one before it is now {log_to_read.log_file}."
        return f"{name} was truncated or replaced: it is read from its start as a new log."


def _stem_of(log: KnownLog) -> str:
    return log.log_id.partition("-")[0]
