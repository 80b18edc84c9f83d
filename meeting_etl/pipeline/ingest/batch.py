"""class Batch: what ingest has read and not committed yet, and the order in which it is committed.

Belongs here: rows of the three tables, progress in each log, when and how a batch is committed
(rule 2). Does not: reading lines (ingest.py), writing rows into files (event_writer.py).
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Any

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.meeting_index import MeetingIndex, Mention
from meeting_etl.lake.writers_locks import INDEX_LOCK
from meeting_etl.pipeline.ingest.event_writer import EventWriter
from meeting_etl.pipeline.ingest.future_ends import note_future_ends
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.reconcile.recordings_without_meeting import queue_recording
from meeting_etl.schemas import FOLDED, INGESTED_LOGS, REJECTED_LINES, WEBHOOK_EVENTS
from meeting_etl.times import Clock
from meeting_etl.webhook_logs.events import Event, Rejected
from meeting_etl.webhook_logs.known_logs import KnownLogs
from meeting_etl.webhook_logs.logs import LogLine, LogReader, LogToRead

# A kill repeats at most this much work.
COMMIT_SECONDS = 20.0
_LINES_BETWEEN_CLOCK_READS = 4096


@dataclass
class IngestReport:
    """What one ingest did; the counts are those of this run."""

    logs: int = 0
    lines: int = 0
    events: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    days: set[date] = field(default_factory=set)
    notices: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Batch:
    """The rows, mentions and progress of one ingest that wait for the next commit."""

    def __init__(
        self,
        lake: Lake,
        ledger: Ledger,
        index: MeetingIndex,
        clock: Clock,
        known_logs: KnownLogs,
        logs_to_read: Sequence[LogToRead],
    ) -> None:
        log_files = {log_to_read.log_id: log_to_read.log_file for log_to_read in logs_to_read}
        # Rows of ingested_logs by log id; a new log has none.
        self.before = known_logs.rows(log_files)
        self.report = IngestReport()
        # Mentions, with the resources of their events.
        self.mentions: dict[Mention, set[str]] = defaultdict(set)
        # Events of recordings without a meeting id, by recording id.
        self.recordings_without_meeting: dict[str, Event] = {}
        # When to retry lines rejected for an end in the future, by received date.
        self.future_ends: dict[date | None, datetime] = {}
        # Earlier events are pruned: they are counted, and neither stored nor news.
        self.events_since = lake.floors.of(WEBHOOK_EVENTS)
        new = log_files.keys() - self.before.keys()
        starts = known_logs.consumed() | dict.fromkeys(new, 0)
        self.rows = EventWriter(lake, starts, new, log_files)
        self._lake, self._ledger, self._index, self._clock = lake, ledger, index, clock
        self._finished_logs: list[dict[str, Any]] = []
        self._lines = 0
        self._committed_at = clock.monotonic()

    def finish(self, log: "LogProgress") -> None:
        """Record a log that was read to its end."""
        before = self.before.get(log.log_to_read.log_id, {})
        self.report.logs += 1
        self.report.lines += log.reader.lines - before.get("lines", 0)
        self.report.events += log.events - before.get("events", 0)
        if log.reader.problem:
            self.report.problems.append(log.reader.problem)
        self._finished_logs.append(log.row(self._clock.now(), finished=True))
        if self._time_is_up():
            self.commit()

    def is_due(self) -> bool:
        """Whether it is time to commit; called after each line."""
        self._lines += 1
        if self.rows.is_full:
            return True
        return self._lines % _LINES_BETWEEN_CLOCK_READS == 0 and self._time_is_up()

    def commit(self, unfinished: "LogProgress | None" = None) -> None:
        """Write events and rejected lines, then news for days, then how far the logs were read."""
        rows = list(self._finished_logs)
        if unfinished is not None:
            rows.append(unfinished.row(self._clock.now(), finished=False))
        self.rows.commit({row["log_id"]: row["bytes_consumed"] for row in rows})
        self.announce(self.mentions)
        self.mentions.clear()
        note_future_ends(self._lake.storage, self.future_ends)
        self.future_ends.clear()
        for recording_id, event in self.recordings_without_meeting.items():
            queue_recording(self._lake, recording_id, event.received_at, event.body)
        self.recordings_without_meeting.clear()
        if rows:
            self._lake.merge(INGESTED_LOGS, None, rows)
        self._finished_logs.clear()
        self._committed_at = self._clock.monotonic()

    def _time_is_up(self) -> bool:
        return self._clock.monotonic() - self._committed_at > COMMIT_SECONDS

    def announce(self, mentions: Mapping[Mention, Collection[str]]) -> None:
        """Add news to every due day on which a mentioned meeting ended, before or now.

        They say which resources the new events are about.
        """
        if not mentions:
            return
        with self._lake.state.lock(INDEX_LOCK):
            before = self._index.add(mentions)
        resources: dict[str, set[str]] = defaultdict(set)
        for mention, of_events in mentions.items():
            resources[mention.meeting_id].update(of_events)
        news: dict[date, dict[str, set[str]]] = defaultdict(dict)
        for mention in chain(mentions, *before.values()):
            if mention.date is not None:
                news[mention.date][mention.meeting_id] = resources[mention.meeting_id]
        self._ledger.announce(news)
        self.report.days.update(news)


class LogProgress:
    """How far one log was read, its counts, and the rows that its lines become.

    A row omits what is the same for all rows of a log (log_id, log_file) and `extra`.
    """

    def __init__(self, batch: Batch, log_to_read: LogToRead, reader: LogReader) -> None:
        self.log_to_read = log_to_read
        self.reader = reader
        self._log_id = log_to_read.log_id
        before = batch.before.get(log_to_read.log_id, {})
        self.events = before.get("events", 0)
        self.rejected = before.get("rejected", 0)
        self.last_date: date | None = before.get("last_date")
        self._batch = batch

    def accept(self, line: LogLine, event: Event) -> None:
        """Take an event as a row of webhook_events, with the mention that it makes."""
        ended_at = event.meeting_ended_at
        dated_at = event.received_at or ended_at
        if dated_at is not None:
            self.last_date = dated_at.date()
        received = self.last_date
        self.events += 1
        if received is not None and received < self._batch.events_since:
            return
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
        batch = self._batch
        batch.rows.add(WEBHOOK_EVENTS.name, received, self._log_id, row, len(event.body))
        is_created = (event.resource, event.event) == ("recordings", "created")
        if is_created and event.resource_id and event.meeting_id is None:
            batch.recordings_without_meeting[event.resource_id] = event
        if event.meeting_id is not None and event.resource in FOLDED:
            ended = ended_at.date() if ended_at else None
            batch.mentions[Mention(event.meeting_id, received, ended)].add(event.resource)

    def reject(self, line: LogLine, rejected: Rejected) -> None:
        """Take a line as a row of rejected_lines."""
        if rejected.received_at is not None:
            self.last_date = rejected.received_at.date()
        self.rejected += 1
        self._batch.report.rejected[rejected.reason.value] += 1
        row = (
            line.offset,
            line.number,
            rejected.reason.value,
            rejected.detail,
            line.byte_length,
            line.sha256 or hashlib.sha256(line.data or b"").hexdigest(),
        )
        if at := rejected.retry_at:
            retry_at = self._batch.future_ends
            retry_at[self.last_date] = min(at, retry_at.get(self.last_date, at))
        size = len(rejected.detail)
        self._batch.rows.add(REJECTED_LINES.name, self.last_date, self._log_id, row, size)

    def row(self, now: datetime, *, finished: bool) -> dict[str, Any]:
        """The log's row of ingested_logs. mtime 0 marks an unfinished log as changed."""
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
