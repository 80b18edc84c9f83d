"""A lake with 400 settled meetings a day and 24 webhook logs a day, made without reading logs.

Belongs here: rows of past days, written as the pipeline writes them, and log files that are known.
Does not: what is measured (history.py).
"""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.lake import catalog
from meeting_etl.lake.meeting_index import MeetingIndex
from meeting_etl.lake.migration import migrate
from meeting_etl.lake.writers_locks import INDEX_LOCK
from meeting_etl.pipeline.ledger.work_item import RESOURCES
from meeting_etl.schemas import (
    FETCH_LEDGER,
    INGESTED_LOGS,
    MEETINGS,
    PARTICIPANTS,
    RECORDINGS,
    TRANSCRIPT_SNIPPETS,
    TRANSCRIPTS,
    WEBHOOK_EVENTS,
    Table,
)
from meeting_etl.settings import Etl

MEETINGS_A_DAY = 400
LOGS_A_DAY = 24
# Rows of a meeting in each table; of participants and words fewer than there are, to be quick.
A_MEETING = {MEETINGS: 1, RECORDINGS: 1, PARTICIPANTS: 4, TRANSCRIPTS: 1, TRANSCRIPT_SNIPPETS: 10}
LINE = b'{"received_at": "", "body": {}}\n'


def build(etl: Etl, until: date, days: int) -> None:
    """So many days before `until`, with all that was fetched of them."""
    logs: list[dict[str, Any]] = []
    for number in range(days, 0, -1):
        day = until - timedelta(days=number)
        ids = pa.array(
            f"{day:%Y%m%d}{place:024x}_I_{place + 10**17}" for place in range(MEETINGS_A_DAY)
        )
        _fetched(etl, day, ids)
        logs += _logs(etl, day)
        _events(etl, day, ids, [log["log_id"] for log in logs[-LOGS_A_DAY:]])
    for place in range(0, len(logs), INGESTED_LOGS.part_rows):
        etl.lake.merge(INGESTED_LOGS, None, logs[place : place + INGESTED_LOGS.part_rows])
    with etl.state.lock(INDEX_LOCK):
        MeetingIndex(etl.lake).rebuild_if_incomplete()
    migrate(etl.lake)  # with the metrics of all days
    catalog.publish(etl.files, etl.lake)


def _fetched(etl: Etl, day: date, ids: pa.Array) -> None:
    moment = datetime(day.year, day.month, day.day, 11, tzinfo=UTC)
    same = {"ended_at": moment, "fetched_at": moment, "started_at": moment, "status": "available"}
    for table, count in A_MEETING.items():
        etl.lake.merge(
            table, day, _rows(table, ids, [str(number) for number in range(count)], same)
        )
    same = {"status": "ready", "settled": True, "attempts": 3, "last_attempt_at": moment}
    pairs = _rows(FETCH_LEDGER, ids, [*RESOURCES], same | {"resource_id": ""}, key="resource")
    etl.lake.merge(FETCH_LEDGER, day, pairs)


def _events(etl: Etl, day: date, ids: pa.Array, log_ids: list[str]) -> None:
    """An end and four more events of each meeting, from all logs of the day."""
    moment = datetime(day.year, day.month, day.day, 11, tzinfo=UTC)
    same = {"received_at": moment, "event": "ended", "body": '{"data": {}}'}
    kinds = ["meetings", *["meetingParticipants"] * 4]
    rows = _rows(WEBHOOK_EVENTS, ids, kinds, same, key="resource")
    numbers = range(rows.num_rows)
    ended = pa.array(
        [moment, *[None] * 4] * len(ids), WEBHOOK_EVENTS.schema.field("received_at").type
    )
    for name, values in {
        "log_id": pa.array(log_ids[number % LOGS_A_DAY] for number in numbers),
        "byte_offset": pa.array([number * 1000 for number in numbers], pa.int64()),
        "meeting_ended_at": ended,
    }.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    with etl.lake.appending(WEBHOOK_EVENTS, day, rows=rows.num_rows) as write:
        write(rows.cast(WEBHOOK_EVENTS.schema))


def _rows(
    table: Table,
    ids: pa.Array,
    each: Iterable[str],
    same: Mapping[str, Any],
    *,
    key: str | None = None,
) -> pa.Table:
    """A row for each meeting and each of `each`: the column `key`, or what other ids end with."""
    parts = list(each)
    count = len(ids) * len(parts)
    meeting_ids = pc.take(ids, pa.array(number // len(parts) for number in range(count)))
    endings = pa.array(parts * len(ids))
    columns = []
    for field in table.schema:
        if field.name == "meeting_id":
            columns.append(meeting_ids)
        elif field.name == key:
            columns.append(endings)
        elif field.name in same:
            columns.append(pa.repeat(pa.scalar(same[field.name], field.type), count))
        elif field.name in table.key and pa.types.is_string(field.type):
            columns.append(pc.binary_join_element_wise(meeting_ids, endings, "-"))
        else:
            columns.append(pa.nulls(count, field.type))
    return pa.table(columns, schema=table.schema)


def _logs(etl: Etl, day: date) -> list[dict[str, Any]]:
    """One log file an hour, and what is known of it."""
    rows = []
    for hour in range(LOGS_A_DAY):
        log_id, name = f"{day:%Y%m%d}{hour:08x}", f"{day}/{hour:02}.jsonl"
        path = etl.logs_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(LINE)
        moment = datetime(day.year, day.month, day.day, hour, 59, tzinfo=UTC)
        os.utime(path, (moment.timestamp(), moment.timestamp()))
        rows.append(
            {
                "log_id": log_id,
                "log_file": name,
                "bytes_consumed": len(LINE),
                "lines": 1,
                "events": 1,
                "rejected": 0,
                "size": len(LINE),
                "mtime": path.stat().st_mtime_ns,
                "digests": {"head": os.urandom(32).hex(), "tail": os.urandom(32).hex()},
                "updated_at": moment,
            }
        )
    return rows
