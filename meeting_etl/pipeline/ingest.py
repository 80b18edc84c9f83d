"""New log bytes → webhook_events, rejected_lines, ingested_logs; announces the days with news.

Belongs here: the order of commit (design.md rule 2) and the rows of the three tables. Does not:
finding and reading logs (webhooks/logs.py), judging a line (webhooks/events.py), folding meetings
(meetings.py).
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.lake.meeting_index import MeetingIndex, Mention
from meeting_etl.lake.store import Lake
from meeting_etl.pipeline.ledger import Ledger
from meeting_etl.schemas import INGESTED_LOGS, REJECTED_LINES, TABLES, WEBHOOK_EVENTS, Table
from meeting_etl.times import Clock
from meeting_etl.webhooks.events import Event, Reason, Rejected, read_event
from meeting_etl.webhooks.logs import KnownLog, Line, LogReader, Logs, Sighting

# A kill repeats at most this much.
COMMIT_SECONDS = 20.0
# Rows wait in memory until their bodies are this large together, then go to the open files.
FLUSH_BYTES = 32 * 2**20
# Each partition is an open file until the commit; systems may allow as few as 256.
MOST_PARTITIONS = 100
_LOOK_AT_CLOCK_EVERY = 4096

# Table, received date and log of a row on its way.
_Key = tuple[str, date | None, str]
_TOO_LONG = Rejected(Reason.TOO_LONG, "It is longer than the limit for one line.", None)


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
    with lake.files.lock("ingest"):
        index = MeetingIndex(lake)
        index.heal()
        known = {row["log_id"]: row for row in lake.read(INGESTED_LOGS).to_pylist()}
        sightings = logs.sightings([_known_log(row) for row in known.values()])
        work = _Work(lake, ledger, index, clock, known, sightings)
        with work:
            for number, sighting in enumerate(sightings):
                progress(sighting.log_file, number, len(sightings))
                _read(logs, sighting, work, clock)
            work.commit()
        work.report.problems.extend(logs.problems)
        return work.report


def news(logs: Logs, lake: Lake) -> list[str]:
    """Paths of logs that ingest would read now; costs a look at each file's size and time."""
    known = [_known_log(row) for row in lake.read(INGESTED_LOGS).to_pylist()]
    return [sighting.log_file for sighting in logs.sightings(known)]


def _read(logs: Logs, sighting: Sighting, work: "_Work", clock: Clock) -> None:
    """Put the new lines of one log into the work, committing when it is time."""
    if sighting.notice:
        work.report.notices.append(sighting.notice)
    now = clock.now()
    with logs.read(sighting) as reader:
        log = work.begin(sighting, reader)
        for line in reader:
            found = _TOO_LONG if line.data is None else read_event(line.data, now=now)
            if type(found) is Event:
                log.accept(line, found)
            else:
                log.reject(line, cast(Rejected, found))
            if work.is_due():
                work.commit(unfinished=log)
        work.end(log)


class _Log:
    """The counts of one log while it is read, and the rows that its lines become.

    A row leaves out what is the same for all rows of a log (log_id, log_file) and `extra`.
    """

    def __init__(self, work: "_Work", sighting: Sighting, reader: LogReader) -> None:
        self.sighting = sighting
        self.reader = reader
        self._log_id = sighting.log_id
        before = work.known.get(sighting.log_id, {})
        self.events = before.get("events", 0)
        self.rejected = before.get("rejected", 0)
        self.last_date: date | None = before.get("last_date")
        self._work = work

    def accept(self, line: Line, event: Event) -> None:
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
        work.add((WEBHOOK_EVENTS.name, received, self._log_id), row, len(event.body))
        if event.meeting_id is not None:
            ended = ended_at.date() if ended_at else None
            work.mentions.add(Mention(event.meeting_id, received, ended))

    def reject(self, line: Line, rejected: Rejected) -> None:
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
        key = (REJECTED_LINES.name, self.last_date, self._log_id)
        self._work.add(key, row, len(rejected.detail))

    def row(self, now: datetime, *, finished: bool) -> dict[str, Any]:
        """The log's row of ingested_logs. An unfinished log is marked as changed since."""
        reader = self.reader
        return {
            "log_id": self.sighting.log_id,
            "log_file": self.sighting.log_file,
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
    """Rows that are on their way to the lake: buffered, then in open files, then committed."""

    def __init__(
        self,
        lake: Lake,
        ledger: Ledger,
        index: MeetingIndex,
        clock: Clock,
        known: dict[str, dict[str, Any]],
        sightings: Sequence[Sighting],
    ) -> None:
        self.known = known
        self.report = IngestReport()
        self.mentions: set[Mention] = set()
        self._lake, self._ledger, self._index, self._clock = lake, ledger, index, clock
        # From where on each log's lines are not committed: rows beyond are of a killed ingest.
        self._starts = {
            one.log_id: known[one.log_id]["bytes_consumed"] if one.log_id in known else 0
            for one in sightings
        }
        self._log_files = {one.log_id: one.log_file for one in sightings}
        self._buffers: dict[_Key, list[tuple[Any, ...]]] = {}
        self._partitions: set[tuple[str, date | None]] = set()
        self._lines = 0
        self._buffered_bytes = 0
        self._writers: dict[tuple[str, date | None], Callable[[pa.Table], None]] = {}
        self._open = ExitStack()
        self._finished: list[dict[str, Any]] = []
        self._since = clock.monotonic()

    def __enter__(self) -> "_Work":
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def begin(self, sighting: Sighting, reader: LogReader) -> _Log:
        self.report.logs += 1
        return _Log(self, sighting, reader)

    def add(self, key: _Key, row: tuple[Any, ...], size: int) -> None:
        rows = self._buffers.get(key)
        if rows is None:
            rows = self._buffers[key] = []
            self._partitions.add(key[:2])
        rows.append(row)
        self._buffered_bytes += size + 200
        if self._buffered_bytes > FLUSH_BYTES:
            self._flush()

    def end(self, log: _Log) -> None:
        before = self.known.get(log.sighting.log_id, {})
        self.report.lines += log.reader.lines - before.get("lines", 0)
        self.report.events += log.events - before.get("events", 0)
        if log.reader.problem:
            self.report.problems.append(f"{log.sighting.log_file}: {log.reader.problem}")
        self._finished.append(log.row(self._clock.now(), finished=True))
        if self._clock.monotonic() - self._since > COMMIT_SECONDS:
            self.commit()

    def is_due(self) -> bool:
        """Asked after each line: whether it is time to commit."""
        self._lines += 1
        if len(self._partitions) >= MOST_PARTITIONS:
            return True
        if self._lines % _LOOK_AT_CLOCK_EVERY:
            return False
        return self._clock.monotonic() - self._since > COMMIT_SECONDS

    def commit(self, unfinished: _Log | None = None) -> None:
        """Events and rejected lines; then what days have news; then how far the logs were read."""
        self._flush()
        self._open.close()
        self._writers.clear()
        self._partitions.clear()
        self._announce()
        rows = list(self._finished)
        if unfinished is not None:
            rows.append(unfinished.row(self._clock.now(), finished=False))
        if rows:
            self._lake.merge(INGESTED_LOGS, None, rows)
        for row in rows:
            self._starts[row["log_id"]] = row["bytes_consumed"]
        self._finished.clear()
        self._since = self._clock.monotonic()

    def _announce(self) -> None:
        """Tell every day that a mentioned meeting ended on, before or now, of the news."""
        if not self.mentions:
            return
        before = self._index.find({mention.meeting_id for mention in self.mentions})
        self._index.add(self.mentions)
        news: dict[date, set[str]] = defaultdict(set)
        for mention in chain(self.mentions, *before.values()):
            if mention.date is not None:
                news[mention.date].add(mention.meeting_id)
        self._ledger.announce(news)
        self.report.days.update(news)
        self.mentions.clear()

    def _flush(self) -> None:
        """Put the buffered rows into the open files, those of one partition together."""
        tables: dict[tuple[str, date | None], list[pa.Table]] = defaultdict(list)
        for (name, received, log_id), rows in self._buffers.items():
            same = {"log_id": log_id, "log_file": self._log_files[log_id]}
            tables[name, received].append(_table(TABLES[name], same, rows))
        for (name, received), some in tables.items():
            self._writer(TABLES[name], received)(pa.concat_tables(some))
        self._buffers.clear()
        self._buffered_bytes = 0

    def _writer(self, table: Table, received: date | None) -> Callable[[pa.Table], None]:
        key = (table.name, received)
        if key not in self._writers:
            self._lake.sweep([table], [received])
            rewriting = self._lake.rewriting(table, received, self._without_repeats)
            self._writers[key] = self._open.enter_context(rewriting)
        return self._writers[key]

    def _without_repeats(self, rows: pa.Table) -> pa.Table:
        """Rows without those of lines that are being read again after a kill."""
        ids = pa.array(self._starts.keys(), pa.string())
        starts = pa.array(self._starts.values(), pa.int64())
        start = pc.take(starts, pc.index_in(rows["log_id"], ids))
        return rows.filter(pc.fill_null(pc.less(rows["byte_offset"], start), True))


def _table(table: Table, same: dict[str, str], rows: list[tuple[Any, ...]]) -> pa.Table:
    """Rows as a table; `same` are the columns that have one value for all rows."""
    names = [name for name in table.schema.names if name not in (*same, "extra")]
    columns = {
        name: pa.array(values, table.schema.field(name).type)
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    for name, value in same.items():
        columns[name] = pa.repeat(value, len(rows))
    columns["extra"] = pa.nulls(len(rows), pa.string())
    return pa.table([columns[name] for name in table.schema.names], schema=table.schema)


def _known_log(row: dict[str, Any]) -> KnownLog:
    return KnownLog(
        log_id=row["log_id"],
        log_file=row["log_file"],
        bytes_consumed=row["bytes_consumed"],
        lines=row["lines"],
        size=row["size"],
        mtime=row["mtime"],
        head=row["digests"]["head"],
        tail=row["digests"]["tail"],
    )
