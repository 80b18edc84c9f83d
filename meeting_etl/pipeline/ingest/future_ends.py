"""Lines rejected for an end that lies ahead of the reader's clock: judged again when it has come.

Belongs here: the small file that says which dates of rejected_lines have such lines, and moving
them to webhook_events. Does not: judging a line (webhook_logs/events.py), new lines (ingest.py).

A clock that was behind is no fault of the lines. They move in an order that a kill cannot hurt:
the events, each once by its place; their days' announcement; the counts of their logs; then their
rows of rejected_lines go, and at last the note. All of it under the lock of ingest.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime

import pyarrow as pa

from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake, to_arrow
from meeting_etl.lake.meeting_index import Mention
from meeting_etl.pipeline.ingest.rejected_lines import places_by_log, rejected_on
from meeting_etl.schemas import INGESTED_LOGS, REJECTED_LINES, WEBHOOK_EVENTS
from meeting_etl.times import format_timestamp, parse_day, parse_timestamp
from meeting_etl.webhook_logs.events import Event, Rejected, RejectionReason, read_event
from meeting_etl.webhook_logs.logs import Logs

_FILE = "lake/early_ends.json"

Place = tuple[str, int]
Announce = Callable[[set[Mention]], None]


def note_future_ends(files: Files, found: Mapping[date | None, datetime]) -> None:
    """Remember dates of rejected_lines with such lines, and when the first of each has come."""
    if found:
        known = _noted(files)
        for day, at in found.items():
            known[day] = min(at, known.get(day, at))
        _keep(files, known)


def retry_future_ends(logs: Logs, lake: Lake, now: datetime, announce: Announce) -> int:
    """Make events of the lines whose end has come; returns how many. The lock must be held.

    Lines whose log is gone stay rejected.
    """
    known, count = _noted(lake.files), 0
    for day in [day for day, at in known.items() if at <= now]:
        events, later = _judged(logs, lake, day, now)
        if events:
            _add(lake, events)
            announce({_mention(event) for event, _ in events.values()})
            _count(lake, events.keys())
            lake.filter_rows(REJECTED_LINES, day, _without(events.keys()), newest_only=False)
        del known[day]
        note_later = {day: min(later)} if later else {}
        _keep(lake.files, known | note_later)
        known |= note_later
        count += len(events)
    return count


Judged = dict[Place, tuple[Event, dict[str, object]]]


def _judged(
    logs: Logs, lake: Lake, day: date | None, now: datetime
) -> tuple[Judged, list[datetime]]:
    """Events by place, each with what a row says of the place; and when others have come."""
    events: Judged = {}
    later: list[datetime] = []
    with logs.line_finder() as lines:
        for row in rejected_on(lake, day, [RejectionReason.END_OUT_OF_RANGE]):
            pieces = row.read(lines)
            found = read_event(b"".join(pieces), now=now) if pieces else None
            if isinstance(found, Event):
                place = {"log_file": row.log_file, "line_number": row.number}
                events[row.log_id, row.offset] = found, place
            elif isinstance(found, Rejected) and found.retry_at is not None:
                later.append(found.retry_at)
    return events, later


def _add(lake: Lake, events: Judged) -> None:
    by_day = defaultdict[date | None, list[dict[str, object]]](list)
    for (log_id, offset), (event, place) in events.items():
        row = {name: getattr(event, name) for name in _OF_THE_EVENT}
        row |= {"log_id": log_id, "byte_offset": offset, **place}
        by_day[_received(event)].append(row)
    for day, rows in by_day.items():
        lake.sweep([WEBHOOK_EVENTS], [day])
        # Those that were added before a kill.
        lake.filter_rows(WEBHOOK_EVENTS, day, _without(events.keys()), newest_only=False)
        with lake.appending(WEBHOOK_EVENTS, day, rows=len(rows)) as write:
            write(to_arrow(WEBHOOK_EVENTS, rows))


_OF_THE_EVENT = [name for name in Event.__struct_fields__ if name in WEBHOOK_EVENTS.schema.names]


def _mention(event: Event) -> Mention:
    ended = event.meeting_ended_at
    return Mention(str(event.meeting_id), _received(event), ended.date() if ended else None)


def _received(event: Event) -> date | None:
    return event.dated_at.date() if event.dated_at else None


def _count(lake: Lake, moved: Collection[Place]) -> None:
    """The counts of the logs without these lines among the rejected; the same when repeated."""
    rejected = places_by_log(lake, {log_id for log_id, _ in moved})
    rows = lake.read(INGESTED_LOGS, where={"log_id": rejected.keys()}).to_pylist()
    for row in rows:
        total = row["events"] + row["rejected"]
        row["rejected"] = len(rejected[row["log_id"]].difference(moved))
        row["events"] = total - row["rejected"]
    lake.merge(INGESTED_LOGS, None, rows)


def _without(places: Collection[Place]) -> Callable[[pa.Table], pa.Table]:
    def keep(rows: pa.Table) -> pa.Table:
        here: Iterator[Place] = zip(
            rows["log_id"].to_pylist(), rows["byte_offset"].to_pylist(), strict=True
        )
        return rows.filter(pa.array([place not in places for place in here], pa.bool_()))

    return keep


def _noted(files: Files) -> dict[date | None, datetime]:
    """What is noted; nothing when the file is missing or damaged: the lines stay rejected then."""
    try:
        known = json.loads(files.read_bytes(_FILE) or b"{}")
        return {parse_day(day): at for day, text in known.items() if (at := parse_timestamp(text))}
    except (ValueError, TypeError, AttributeError):
        return {}


def _keep(files: Files, known: Mapping[date | None, datetime]) -> None:
    if not known:
        files.remove(_FILE)
        return
    content = {str(day): format_timestamp(at) for day, at in known.items()}
    files.replace_bytes(_FILE, json.dumps(content).encode())
