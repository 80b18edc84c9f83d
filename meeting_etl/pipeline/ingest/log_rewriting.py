"""rewrite_logs(): lines of the webhook logs changed in place, for what has to be forgotten.

Belongs here: which logs and lines change, in which order, and redoing what a killed process began.
Does not: the bytes of a log (webhook_logs/line_changes.py), logs in a bucket
(segment_rewriting.py), what the tables say about logs (log_rows.py), what a line becomes (the
caller).

Some lines at a time, in an order that survives a kill (rule 2): the new bytes go to a file in
state/, then into the logs, then what follows from them into the tables; then the file is removed.
Whoever finds it repeats all that, before logs are compared with what is known of them. It never has
a line as it was before. The lock of ingest is held throughout.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from itertools import chain
from pathlib import Path

import msgspec

from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.writers_locks import INGEST_LOCK
from meeting_etl.pipeline.ingest.log_rows import LogRows, RewrittenLog
from meeting_etl.pipeline.ingest.logs_rewritten import LogsRewritten
from meeting_etl.pipeline.ingest.segment_rewriting import rewrite_segments
from meeting_etl.schemas import INGESTED_LOGS
from meeting_etl.times import Clock
from meeting_etl.webhook_logs.known_logs import KnownLogs
from meeting_etl.webhook_logs.line_changes import (
    Change,
    ChangedLine,
    LineChanges,
    check_writable,
    overwrite,
    write_compressed,
)
from meeting_etl.webhook_logs.listing import names_of_logs, shown
from meeting_etl.webhook_logs.log_file import LogFile
from meeting_etl.webhook_logs.log_ids import FormerStems, stem_of, stem_of_line
from meeting_etl.webhook_logs.logs import LogReader, Logs, LogToRead

_PENDING = "rewritten_lines"
# A kill repeats at most so much, and so much is in memory.
_MAX_BYTES = 8 * 2**20
_MAX_LOGS = 100
# Hidden, so that it is not a log.
_REPLACEMENT = ".{}.rewritten"
_UNSOUND = (
    "{} may have lines as they were: it is damaged, was changed while it was rewritten, or is "
    "compressed and has hard links. Mend that and run the command again."
)

_Inode = tuple[int, int]


class _Pending(msgspec.Struct):
    """Lines of a log that are being written, or the compressed file that replaces it.

    `inodes` are those of its file, and of the replacement: it may be moved before the work is
    repeated. `stems` are those of its first line, if that changes, as it is to be and as it was.
    The rest is as in RewrittenLog.
    """

    log_file: str
    log_id: str
    is_whole: bool
    inodes: list[_Inode]
    lines: list[ChangedLine] = []
    digests: dict[int, str] = {}
    stems: tuple[str, str] | None = None
    replacement: str | None = None
    # Size and time of the file that is replaced: a number of an inode may be used again.
    replaced: tuple[int, int] = (0, 0)


_decode = msgspec.json.Decoder(list[_Pending]).decode


def rewrite_logs(
    logs: Logs,
    lake: Lake,
    clock: Clock,
    change: Change,
    *,
    progress: Callable[[str, int, int], None] = lambda *_: None,
    dry_run: bool = False,
) -> LogsRewritten:
    """Change lines of all webhook logs, also of those that were not ingested yet.

    `change` gets a line without newline and returns what it becomes, at most as long, or None to
    leave it. The same line must always become the same. `progress` is called as by ingest. Raises
    StorageError when a log or the lake cannot be written; what was done before stays, and a
    repetition is safe.
    """
    with lake.lock(INGEST_LOCK):
        problems = finish_rewriting(logs, lake, clock)
        rewriting = _Rewriting(logs, lake, clock, change, dry_run=dry_run)
        done = rewriting.run(progress)
        done.problems[:0] = problems
        if logs.in_bucket:
            rows = LogRows(lake, clock)
            rewrite_segments(logs, logs.in_bucket, rows, change, done, dry_run=dry_run)
        return done


def finish_rewriting(logs: Logs, lake: Lake, clock: Clock) -> list[str]:
    """Repeat what a killed process began; returns problems. The lock of ingest must be held."""
    content = lake.state.get(_PENDING)
    if content is None:
        return []
    problems = _write(logs.folder, LogRows(lake, clock), _decode(content))
    lake.state.remove(_PENDING)
    return problems


class _Rewriting:
    """One pass over all logs, with the lines that wait to be written."""

    def __init__(
        self, logs: Logs, lake: Lake, clock: Clock, change: Change, *, dry_run: bool
    ) -> None:
        known = KnownLogs(lake.read(INGESTED_LOGS))
        self._logs, self._change, self._dry_run = logs, change, dry_run
        self._state = lake.state
        self._rows = LogRows(lake, clock)
        self._all = logs.all_logs(known)
        self._done = LogsRewritten(problems=list(logs.problems))
        self._seen: set[_Inode] = set()
        self._waiting: list[_Pending] = []
        self._bytes = 0

    def run(self, progress: Callable[[str, int, int], None]) -> LogsRewritten:
        """Rewrite log by log; a file with several paths once."""
        if not self._dry_run:
            for leftover in self._logs.folder.rglob(_REPLACEMENT.format("*") + "*"):
                leftover.unlink(missing_ok=True)
        for number, log in enumerate(self._all):
            progress(log.log_file, number, len(self._all))
            inode = _inode(self._logs.folder / log.log_file)
            if inode and inode not in self._seen:
                self._seen.add(inode)
                with self._logs.read_whole(log.log_file) as reader:
                    self._rewrite(log, inode, reader)
        self._commit()
        return self._done

    def _rewrite(self, log: LogToRead, inode: _Inode, reader: LogReader) -> None:
        path = (self._logs.folder / log.log_file).resolve()
        changes = LineChanges(partial(LogFile, path), reader, self._change)
        lines = iter(changes)
        first = next(lines, None)
        is_written = True
        if first and self._dry_run:
            deque(lines, maxlen=0)
        elif first:
            try:
                is_written = self._write(log, inode, path, chain((first,), lines))
            except FileNotFoundError:  # rotation moved it just now
                is_written = False
        if is_written:
            self._done.logs += changes.count > 0
            self._done.lines += changes.count
        else:
            self._done.problems.append(_UNSOUND.format(shown(log.log_file)))
        self._done.lines_left["too_long"] += changes.too_long
        self._done.lines_left["unfinished"] += reader.has_unfinished_line
        if reader.problem:
            self._done.problems.append(reader.problem)

    def _write(
        self, log: LogToRead, inode: _Inode, path: Path, lines: Iterator[ChangedLine]
    ) -> bool:
        """Write the lines now or with the next commit; False when the file is not sound."""
        with closing(LogFile(path)) as file:
            if _inode(path) != inode or (log.known and not log.known.is_continued_by(file)):
                return False
            stat = file.size, file.mtime
            is_gzip = file.is_gzip
        is_whole = log.known is not None and stat == (log.known.size, log.known.mtime)
        pending = _Pending(log.log_file, log.log_id, is_whole, [inode])
        if is_gzip:
            return self._replace(pending, path, lines, stat)
        check_writable(path)
        self._waiting.append(pending)
        for line in lines:
            _note(pending, line)
            pending.lines.append(line)
            self._bytes += len(line.data)
            if self._bytes > _MAX_BYTES:
                self._commit()
                pending = _Pending(log.log_file, log.log_id, is_whole, [inode])
                self._waiting.append(pending)
        if len(self._waiting) >= _MAX_LOGS:
            self._commit()
        return True

    def _replace(
        self, pending: _Pending, path: Path, lines: Iterator[ChangedLine], stat: tuple[int, int]
    ) -> bool:
        def noted() -> Iterator[ChangedLine]:
            for line in lines:
                _note(pending, line)
                yield line

        if path.stat().st_nlink > 1:  # the other links would become another log
            return False
        replacement = path.with_name(_REPLACEMENT.format(path.name))
        is_sound = write_compressed(path, replacement, noted())
        now = path.stat()
        if not is_sound or (now.st_size, now.st_mtime_ns) != stat:
            replacement.unlink()
            return False
        pending.replacement, pending.replaced = str(replacement), stat
        pending.inodes.extend(filter(None, [_inode(replacement)]))
        self._waiting.append(pending)
        self._commit()
        return True

    def _commit(self) -> None:
        if self._waiting:
            with self._state.swap(_PENDING, secret=True) as value:
                value.content = msgspec.json.encode(self._waiting)
            self._done.problems += _write(self._logs.folder, self._rows, self._waiting)
            self._state.remove(_PENDING)
        self._waiting.clear()
        self._bytes = 0


def _note(pending: _Pending, line: ChangedLine) -> None:
    """Note what follows from a line for its log."""
    if pending.log_id:
        pending.digests[line.offset] = hashlib.sha256(line.data).hexdigest()
    if line.is_first:
        pending.stems = (stem_of_line(line.data), stem_of(line.former))


def _write(folder: Path, rows: LogRows, pending: Sequence[_Pending]) -> list[str]:
    """Write lines into logs and what follows from them into the tables; returns problems."""
    written, problems = list[RewrittenLog](), list[str]()
    if stems := [log.stems for log in pending if log.stems]:
        FormerStems(folder).add(stems)
    for log in pending:
        path = _located(folder, log)
        count = _write_log(path, log) if path else 0
        if count < (len(log.lines) or 1):
            problems.append(_UNSOUND.format(shown(log.log_file)))
        if path and count and log.log_id:
            written.append(RewrittenLog(path, log.log_id, log.is_whole, log.digests))
    rows.update(written)
    return problems


def _write_log(path: Path, log: _Pending) -> int:
    """Write the lines, or the replacement; returns how many of them are in place."""
    if log.replacement is None:
        return overwrite(path, log.lines)
    status = path.stat()
    if (status.st_dev, status.st_ino) != log.inodes[0]:
        return 1  # it was replaced before
    if (status.st_size, status.st_mtime_ns) != log.replaced:
        return 0
    files = Files(path.parent)
    files.move_in(files.path(log.replacement), path.name)
    return 1


def _located(folder: Path, log: _Pending) -> Path | None:
    """The file, wherever it is now."""
    for name in chain((log.log_file,), names_of_logs(folder)):
        if _inode(folder / name) in log.inodes:
            return (folder / name).resolve()
    return None


def _inode(path: Path) -> _Inode | None:
    with suppress(OSError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None
