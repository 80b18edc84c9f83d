"""Which log each file is: a known one that grew, moved or was compressed, or a new one.

Belongs here: the identity of logs (by content, not by path) and the ids of new ones. Does not:
listing (listing.py) and reading files (reader.py).

An id begins with a stem, a digest of the first line that is not blank; of what it was, where it was
rewritten (log_ids.py). So the same logs get the same ids when the lake is deleted and they are read
again, and a file that moved is compared with few known logs: those with its stem. Logs that begin
alike are numbered in the order of their paths.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from meeting_etl.webhook_logs.known_logs import KnownLog, KnownLogs
from meeting_etl.webhook_logs.listing import FileStat, list_logs, rotated_from, stat_file
from meeting_etl.webhook_logs.log_file import LogFile
from meeting_etl.webhook_logs.log_ids import FormerStems, stem_of, stem_of_line
from meeting_etl.webhook_logs.reader import LogReader


@dataclass(frozen=True, slots=True)
class LogToRead:
    """A log to read now.

    `log_file` is its path below the folder, with slashes. `known` is how far it was read, None for
    a new log. `notice` is a sentence for the user when another log had this path, else None.
    `moved`: it had another path before.
    """

    log_id: str
    log_file: str
    known: KnownLog | None
    notice: str | None
    moved: bool


class LogScan:
    """One scan of the folder: `logs_to_read` in the order of paths, `problems` as sentences.

    Files of a known path with unchanged size and modification time are not opened, nor are those
    that had no finished line at the latest scan (`unfinished`, which is updated). A copy that log
    rotation is just making is skipped until the original is truncated. `skipped` are the files that
    match no known log and are not read now, with their stats.
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
        # Files with unchanged stats need no further check.
        self._changed = known.changed(self._listing.found)
        self._known_at_path = known.at_paths(self._changed)
        self._claimed: set[str] = set()

        unmatched = self._match_in_place()
        for name in [name for name in unmatched if self._is_being_copied(name)]:
            del unmatched[name]
        self._begin(self._match_moved(unmatched))
        self.logs_to_read.sort(key=lambda log_to_read: log_to_read.log_file)
        read = {log_to_read.log_file for log_to_read in self.logs_to_read}
        self.skipped = {name: stat_file(folder, name) for name in self._listing.others}
        for name in self._changed:
            if name not in read:
                self.skipped[name] = self._listing.found[name]

    def all_logs(self) -> list[LogToRead]:
        """Every log, in the order of paths, then all other paths, which have no id.

        These may be further paths of a file, or files that are not surely a certain log.
        """
        names = self._listing.found.keys() - set(self._changed)
        unchanged = [
            LogToRead(log.log_id, name, log, None, moved=False)
            for name, logs in self._known.at_paths(names).items()
            for log in logs
            if self._listing.found[name] == (log.size, log.mtime)
        ]
        others = [LogToRead("", name, None, None, moved=False) for name in self.skipped]
        return [*sorted([*self.logs_to_read, *unchanged], key=lambda log: log.log_file), *others]

    def _match_in_place(self) -> dict[str, str]:
        """Match files with the logs known at their paths; returns the others, with their stems."""
        unmatched = {}
        for name in self._changed:
            stat, known = self._listing.found[name], self._known_at_path.get(name, [])
            if self._unfinished_before.get(name) == stat:
                self._unfinished[name] = stat
                continue
            with self._reporting_errors(name):
                stem = self._stem(name)
                if stem is None and not self._listing.may_hold(name):
                    self._unfinished[name] = stat
                if stem and not self._claim(name, known):
                    unmatched[name] = stem
        return unmatched

    def _is_being_copied(self, name: str) -> bool:
        """Whether the file is X.1, say, and X begins with all of it.

        Then copytruncate has not truncated X yet. If the copy became a new log now, it would not be
        recognised as the former X, and its lines would be stored twice.
        """
        original = rotated_from(name)
        if original is None or original not in self._listing.found:
            return False
        with (
            self._reporting_errors(name),
            closing(LogFile(self._folder / name)) as copy,
            closing(LogFile(self._folder / original)) as whole,
        ):
            return (
                copy.skip_to(copy.size)
                and whole.skip_to(copy.size)
                and copy.fingerprint == whole.fingerprint
            )
        return False

    def _match_moved(self, unmatched: dict[str, str]) -> dict[str, str]:
        """Match files with logs known elsewhere; returns the others, with their stems.

        A log is looked for elsewhere only if it is certainly no longer at its path.
        """
        missing: dict[str, list[KnownLog]] = defaultdict(list)
        for log in self._known_beginning_like(unmatched.values()):
            if not self._is_claimed(log) and not self._listing.may_hold(log.log_file):
                missing[_stem_of(log)].append(log)
        new = {}
        for name, stem in unmatched.items():
            with self._reporting_errors(name):
                alike = [log for each in self._former.of(stem) for log in missing[each]]
                if not self._claim(name, alike):
                    new[name] = stem
        return new

    def _begin(self, new: dict[str, str]) -> None:
        """Give ids to new logs."""
        taken = {log.log_id for log in self._known_beginning_like(new.values())}
        for name, stem in new.items():
            log_id = next(each for each in self._former.ids(stem) if each not in taken)
            taken.add(log_id)
            self.logs_to_read.append(LogToRead(log_id, name, None, self._notice(name), moved=False))

    def _known_beginning_like(self, stems: Iterable[str]) -> list[KnownLog]:
        """The known logs that may begin as files with these stems do."""
        return self._known.with_stems({each for stem in stems for each in self._former.of(stem)})

    @cached_property
    def _former(self) -> FormerStems:
        return FormerStems(self._folder)

    def _stem(self, name: str) -> str | None:
        """None for a file without a finished line, NUL runs aside: it needs no identity yet."""
        open_log = partial(LogFile, self._folder / name)
        reader = LogReader(open_log, name, None, max_line_bytes=self._max_line_bytes)
        with reader:
            first = next((line for line in reader if not line.is_nul_run), None)
        if first:
            return stem_of(first.sha256) if first.sha256 else stem_of_line(first.data or b"")
        if reader.problem:
            self._listing.unseen.append(name)
            self.problems.append(reader.problem)
        return None

    def _claim(self, name: str, candidates: Iterable[KnownLog]) -> bool:
        """Find the log that the file is; of two that match, the one that was read further."""
        for log in sorted(candidates, key=lambda log: (-log.bytes_consumed, log.log_id)):
            if self._is_claimed(log):
                continue
            with closing(LogFile(self._folder / name)) as file:
                if not log.is_continued_by(file):
                    continue
            self._claimed.add(log.log_id)
            moved = log.log_file != name
            self.logs_to_read.append(LogToRead(log.log_id, name, log, None, moved))
            return True
        return False

    def _is_claimed(self, log: KnownLog) -> bool:
        """Whether it was found: unchanged at its path, or in a file that was opened."""
        return log.log_id in self._claimed or self._listing.found.get(log.log_file) == (
            log.size,
            log.mtime,
        )

    @contextmanager
    def _reporting_errors(self, name: str) -> Iterator[None]:
        """Report an OSError for a file, so that it stops no other."""
        try:
            yield
        except OSError as error:
            self._listing.add_unseen(name, error)

    def _notice(self, name: str) -> str | None:
        earlier = {log.log_id for log in self._known_at_path.get(name, [])}
        if not earlier:
            return None
        for log_to_read in self.logs_to_read:
            if log_to_read.moved and log_to_read.log_id in earlier:
                return f"{name} is a new log; the former one is now {log_to_read.log_file}."
        return f"{name} was truncated or replaced; it is read from its start as a new log."


def _stem_of(log: KnownLog) -> str:
    return log.log_id.partition("-")[0]
