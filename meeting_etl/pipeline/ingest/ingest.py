"""New log bytes → webhook_events, rejected_lines, ingested_logs; announces the days with news.

Belongs here: the order of commit (rule 2) and what the rows of the three tables say. Does
not: putting rows into files (event_writer.py), finding and reading logs (webhook_logs/logs.py),
judging a line (webhook_logs/events.py), folding meetings (pipeline/meetings/fold.py).
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Any, cast

from meeting_etl.lake.lake import INGEST_LOCK, Lake
from meeting_etl.lake.meeting_index import FOLDED, INDEX_LOCK, MeetingIndex, Mention
from meeting_etl.pipeline.ingest.event_writer import EventWriter
from meeting_etl.pipeline.ingest.future_ends import note_future_ends, retry_future_ends
from meeting_etl.pipeline.ingest.log_problems import log_problems
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.reconcile.recordings_without_meeting import queue_recording
from meeting_etl.schemas import INGESTED_LOGS, REJECTED_LINES, WEBHOOK_EVENTS
from meeting_etl.times import Clock
from meeting_etl.webhook_logs.events import Event, Rejected, RejectionReason, read_event
from meeting_etl.webhook_logs.known_logs import QUICK_COLUMNS, KnownLogs
from meeting_etl.webhook_logs.logs import LogLine, LogReader, Logs, LogToRead

# A kill repeats at most this much.
COMMIT_SECONDS = 20.0
_LOOK_AT_CLOCK_EVERY = 4096

_TOO_LONG = Rejected(RejectionReason.TOO_LONG, "It is longer than the limit for one line.", None)
_HOLE = Rejected(
    RejectionReason.NUL_BYTES,
    "NUL bytes that a crash or a truncation left; what stands before and behind them is read.",
    None,
)
_MOVED = (
    "{:,} lines that were rejected because their end lay ahead of this machine's clock are events "
    "now."
)


@dataclass
class IngestReport:
    """What one ingest did. Counts are of this run."""

    logs: int = 0
    lines: int = 0
    events: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    days: set[date] = field(default_factory=set)
    notices: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def ingest(
    logs: Logs,
    lake: Lake,
    ledger: Ledger,
    clock: Clock,
    *,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> IngestReport:
    """Read what the logs have new; nothing new costs a look at each file's size and time.

    `progress` is called with the log's path, the logs done and the logs to do. Raises StorageError
    when the lake cannot be written; what was committed before stays and is not read again.
    """
    with lake.files.lock(INGEST_LOCK):
        index = MeetingIndex(lake)
        with lake.files.lock(INDEX_LOCK):
            index.rebuild_if_incomplete()
        known = KnownLogs(lake.read(INGESTED_LOGS))
        logs_to_read = logs.scan(known)
        work = _Work(lake, ledger, index, clock, known, logs_to_read)
        with work.rows:
            if known.is_empty():
                work.rows.remove_all_rows()
            for number, log_to_read in enumerate(logs_to_read):
                progress(log_to_read.log_file, number, len(logs_to_read))
                _read(logs, log_to_read, work, clock)
            work.commit()
        if moved := retry_future_ends(logs, lake, clock.now(), work.announce):
            work.report.events += moved
            work.report.notices.append(_MOVED.format(moved))
        work.report.problems.extend(log_problems(logs, lake))
        return work.report


def logs_to_ingest(logs: Logs, lake: Lake, *, whole: bool = False) -> list[str]:
    """Paths of logs that ingest would read now.

    Costs the names of all files and a look at the newest, and more only when those have changed.
    What is written to a log that was finished long ago is found with `whole` alone, which looks at
    every file.
    """
    if not whole:
        known = KnownLogs(lake.read(INGESTED_LOGS, columns=QUICK_COLUMNS))
        if not logs.may_have_new_lines(known):
            return []
    logs_to_read = logs.scan(KnownLogs(lake.read(INGESTED_LOGS)))
    return [log_to_read.log_file for log_to_read in logs_to_read]


def _read(logs: Logs, log_to_read: LogToRead, work: "_Work", clock: Clock) -> None:
    """Put the new lines of one log into the work, committing when it is time."""
    if log_to_read.notice:
        work.report.notices.append(log_to_read.notice)
    now = clock.now()
    with logs.read(log_to_read) as reader:
        log = _Log(work, log_to_read, reader)
        for line in reader:
            found = _unread(line) if line.data is None else read_event(line.data, now=now)
            if type(found) is Event:
                log.accept(line, found)
            else:
                log.reject(line, cast(Rejected, found))
            if work.is_due():
                work.commit(unfinished=log)
        work.end(log)


def _unread(line: LogLine) -> Rejected:
    return _HOLE if line.is_nul_run else _TOO_LONG


class _Log:
    """The counts of one log while it is read, and the rows that its lines become.

    A row leaves out what is the same for all rows of a log (log_id, log_file) and `extra`.
    """

    def __init__(self, work: "_Work", log_to_read: LogToRead, reader: LogReader) -> None:
        self.log_to_read = log_to_read
        self.reader = reader
        self._log_id = log_to_read.log_id
        before = work.before.get(log_to_read.log_id, {})
        self.events = before.get("events", 0)
        self.rejected = before.get("rejected", 0)
        self.last_date: date | None = before.get("last_date")
        self._work = work

    def accept(self, line: LogLine, event: Event) -> None:
        ended_at = event.meeting_ended_at
        dated_at = event.received_at or ended_at
        if dated_at is not None:
            self.last_date = dated_at.date()
        received = self.last_date
        self.events += 1
        row = (
            line.offset,
            line.number,
            event.received_at,
            event.resource,
            event.event,
            event.meeting_id,
            event.resource_id,
            ended_at,
            event.body,
        )
        work = self._work
        work.rows.add(WEBHOOK_EVENTS.name, received, self._log_id, row, len(event.body))
        is_created = (event.resource, event.event) == ("recordings", "created")
        if is_created and event.resource_id and event.meeting_id is None:
            work.unowned[event.resource_id] = event
        if event.meeting_id is not None and event.resource in FOLDED:
            ended = ended_at.date() if ended_at else None
            work.mentions.add(Mention(event.meeting_id, received, ended))

    def reject(self, line: LogLine, rejected: Rejected) -> None:
        if rejected.received_at is not None:
            self.last_date = rejected.received_at.date()
        self.rejected += 1
        self._work.report.rejected[rejected.reason.value] += 1
        row = (
            line.offset,
            line.number,
            rejected.reason.value,
            rejected.detail,
            line.byte_length,
            line.sha256 or hashlib.sha256(line.data or b"").hexdigest(),
        )
        if at := rejected.retry_at:
            early = self._work.early
            early[self.last_date] = min(at, early.get(self.last_date, at))
        size = len(rejected.detail)
        self._work.rows.add(REJECTED_LINES.name, self.last_date, self._log_id, row, size)

    def row(self, now: datetime, *, finished: bool) -> dict[str, Any]:
        """The log's row of ingested_logs. An unfinished log is marked as changed since."""
        reader = self.reader
        return {
            "log_id": self.log_to_read.log_id,
            "log_file": self.log_to_read.log_file,
            "bytes_consumed": reader.consumed,
            "lines": reader.lines,
            "events": self.events,
            "rejected": self.rejected,
            "size": reader.size,
            "mtime": reader.mtime if finished else 0,
            "digests": {"head": reader.head, "tail": reader.tail},
            "last_date": self.last_date,
            "problem": reader.problem,
            "updated_at": now,
        }


class _Work:
    """One ingest under way: its logs, and what waits for the next commit."""

    def __init__(
        self,
        lake: Lake,
        ledger: Ledger,
        index: MeetingIndex,
        clock: Clock,
        known: KnownLogs,
        logs_to_read: Sequence[LogToRead],
    ) -> None:
        log_files = {log_to_read.log_id: log_to_read.log_file for log_to_read in logs_to_read}
        # Rows of ingested_logs by log id; none of a new log.
        self.before = known.rows(log_files)
        self.report = IngestReport()
        self.mentions: set[Mention] = set()
        # Events of recordings that do not say of which meeting they are, by recording id.
        self.unowned: dict[str, Event] = {}
        # When lines that are rejected too early may be events, by received date.
        self.early: dict[date | None, datetime] = {}
        new = log_files.keys() - self.before.keys()
        starts = known.consumed() | dict.fromkeys(new, 0)
        self.rows = EventWriter(lake, starts, new, log_files)
        self._lake, self._ledger, self._index, self._clock = lake, ledger, index, clock
        self._finished: list[dict[str, Any]] = []
        self._lines = 0
        self._since = clock.monotonic()

    def end(self, log: _Log) -> None:
        """Note a log that was read to its end."""
        before = self.before.get(log.log_to_read.log_id, {})
        self.report.logs += 1
        self.report.lines += log.reader.lines - before.get("lines", 0)
        self.report.events += log.events - before.get("events", 0)
        if log.reader.problem:
            self.report.problems.append(log.reader.problem)
        self._finished.append(log.row(self._clock.now(), finished=True))
        if self._time_is_up():
            self.commit()

    def is_due(self) -> bool:
        """Asked after each line: whether it is time to commit."""
        self._lines += 1
        if self.rows.is_full:
            return True
        return self._lines % _LOOK_AT_CLOCK_EVERY == 0 and self._time_is_up()

    def commit(self, unfinished: _Log | None = None) -> None:
        """Events and rejected lines; then what days have news; then how far the logs were read."""
        rows = list(self._finished)
        if unfinished is not None:
            rows.append(unfinished.row(self._clock.now(), finished=False))
        self.rows.commit({row["log_id"]: row["bytes_consumed"] for row in rows})
        self.announce(self.mentions)
        self.mentions.clear()
        note_future_ends(self._lake.files, self.early)
        self.early.clear()
        for recording_id, event in self.unowned.items():
            queue_recording(self._lake.files, recording_id, event.received_at, event.body)
        self.unowned.clear()
        if rows:
            self._lake.merge(INGESTED_LOGS, None, rows)
        self._finished.clear()
        self._since = self._clock.monotonic()

    def _time_is_up(self) -> bool:
        return self._clock.monotonic() - self._since > COMMIT_SECONDS

    def announce(self, mentions: set[Mention]) -> None:
        """Tell every day that a mentioned meeting ended on, before or now, of the news."""
        if not mentions:
            return
        with self._lake.files.lock(INDEX_LOCK):
            before = self._index.add(mentions)
        news: dict[date, set[str]] = defaultdict(set)
        for mention in chain(mentions, *before.values()):
            if mention.date is not None:
                news[mention.date].add(mention.meeting_id)
        self._ledger.announce(news)
        self.report.days.update(news)
