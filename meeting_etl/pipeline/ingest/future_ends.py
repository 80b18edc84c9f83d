"""Lines rejected because their meeting's end is in the future: retried when that time has come.

Belongs here: the small file with the dates of rejected_lines that have such lines, and moving the
lines to webhook_events. Does not: parsing a line (webhook_logs/events.py), new lines (ingest.py).

Such lines are correct when this machine's clock was behind. They move in an order that survives a
kill: the events, each once by its place; news for their days; the counts of their logs; then their
rows of rejected_lines are removed, and finally the date in the file. The lock of ingest is held
throughout.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime

import pyarrow as pa

from meeting_etl.lake.arrow_rows import to_arrow
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.meeting_index import Mention
from meeting_etl.pipeline.ingest.rejected_lines import places_by_log, rejected_on
from meeting_etl.schemas import INGESTED_LOGS, REJECTED_LINES, WEBHOOK_EVENTS
from meeting_etl.storage import Storage
from meeting_etl.times import format_timestamp, parse_day, parse_timestamp
from meeting_etl.webhook_logs.events import Event, Rejected, RejectionReason, read_event
from meeting_etl.webhook_logs.logs import Logs

_FILE = "lake/early_ends.json"

Place = tuple[str, int]
Announce = Callable[[Mapping[Mention, Collection[str]]], None]


def note_future_ends(files: Storage, retry_at: Mapping[date | None, datetime]) -> None:
    """Remember dates of rejected_lines with such lines, and when to retry the first of them."""
    if retry_at:
        noted = _noted(files)
        for day, at in retry_at.items():
            noted[day] = min(at, noted.get(day, at))
        _store(files, noted)


def retry_future_ends(logs: Logs, lake: Lake, now: datetime, announce: Announce) -> int:
    """Make events of the lines whose end has passed; returns how many. The lock must be held.

    Lines whose log no longer exists stay rejected.
    """
    noted, count = _noted(lake.storage), 0
    for day in [day for day, at in noted.items() if at <= now]:
        events, retry_later = _read_again(logs, lake, day, now)
        if events:
            _add(lake, events)
            announce({_mention(event): [event.resource] for event, _ in events.values()})
            _update_counts(lake, events.keys())
            lake.filter_rows(REJECTED_LINES, day, _without(events.keys()), newest_only=False)
        del noted[day]
        if retry_later:
            noted[day] = min(retry_later)
        _store(lake.storage, noted)
        count += len(events)
    return count


# Events by place, each with the columns that describe the place.
Accepted = dict[Place, tuple[Event, dict[str, object]]]


def _read_again(
    logs: Logs, lake: Lake, day: date | None, now: datetime
) -> tuple[Accepted, list[datetime]]:
    """The lines of a date that are events now, and when the others can be retried."""
    events: Accepted = {}
    retry_later: list[datetime] = []
    with logs.line_finder() as lines:
        for rejected in rejected_on(lake, day, [RejectionReason.END_OUT_OF_RANGE]):
            pieces = rejected.read(lines)
            parsed = read_event(b"".join(pieces), now=now) if pieces else None
            if isinstance(parsed, Event):
                place = {"log_file": rejected.log_file, "line_number": rejected.number}
                events[rejected.log_id, rejected.offset] = parsed, place
            elif isinstance(parsed, Rejected) and parsed.retry_at is not None:
                retry_later.append(parsed.retry_at)
    return events, retry_later


def _add(lake: Lake, events: Accepted) -> None:
    by_day = defaultdict[date | None, list[dict[str, object]]](list)
    for (log_id, offset), (event, place) in events.items():
        row = {name: getattr(event, name) for name in _EVENT_COLUMNS}
        row |= {"log_id": log_id, "byte_offset": offset, **place}
        by_day[_received_date(event)].append(row)
    for day, rows in by_day.items():
        lake.sweep([WEBHOOK_EVENTS], [day])
        # Rows that were added before a kill.
        lake.filter_rows(WEBHOOK_EVENTS, day, _without(events.keys()), newest_only=False)
        with lake.appending(WEBHOOK_EVENTS, day, rows=len(rows)) as write:
            write(to_arrow(WEBHOOK_EVENTS, rows))


_EVENT_COLUMNS = [name for name in Event.__struct_fields__ if name in WEBHOOK_EVENTS.schema.names]


def _mention(event: Event) -> Mention:
    ended = event.meeting_ended_at
    return Mention(str(event.meeting_id), _received_date(event), ended.date() if ended else None)


def _received_date(event: Event) -> date | None:
    return event.dated_at.date() if event.dated_at else None


def _update_counts(lake: Lake, moved: Collection[Place]) -> None:
    """Count these lines as events in the rows of their logs; repeating this changes nothing."""
    rejected = places_by_log(lake, {log_id for log_id, _ in moved})
    moving = Counter(log_id for log_id, _ in moved)
    rows = lake.read(INGESTED_LOGS, where={"log_id": rejected.keys()}).to_pylist()
    for row in rows:
        total = row["events"] + row["rejected"]
        left = len(rejected[row["log_id"]].difference(moved))
        # Of a log whose older rejected lines are pruned only the count is left.
        row["rejected"] = max(left, row["rejected"] - moving[row["log_id"]])
        row["events"] = total - row["rejected"]
    lake.merge(INGESTED_LOGS, None, rows)


def _without(places: Collection[Place]) -> Callable[[pa.Table], pa.Table]:
    def keep(rows: pa.Table) -> pa.Table:
        found: Iterator[Place] = zip(
            rows["log_id"].to_pylist(), rows["byte_offset"].to_pylist(), strict=True
        )
        return rows.filter(pa.array([place not in places for place in found], pa.bool_()))

    return keep


def _noted(files: Storage) -> dict[date | None, datetime]:
    """The file's content; empty when it is missing or damaged: then the lines stay rejected."""
    try:
        content = json.loads(files.read_bytes(_FILE) or b"{}")
        parsed = {parse_day(day): parse_timestamp(text) for day, text in content.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
    return {day: at for day, at in parsed.items() if at}


def _store(files: Storage, noted: Mapping[date | None, datetime]) -> None:
    if not noted:
        files.remove(_FILE)
        return
    content = {str(day): format_timestamp(at) for day, at in noted.items()}
    files.replace_bytes(_FILE, json.dumps(content).encode())
