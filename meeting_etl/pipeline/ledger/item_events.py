"""What webhook events do to a work item: they open it, or open it again.

Belongs here: whether events are new, and from which moment their attempts count; pure functions.
Does not: the attempts themselves (schedule.py), which events are about which work item
(pipeline/meetings/fold.py).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from meeting_etl.pipeline.ledger.schedule import AttemptSchedule, next_attempt, reopened_by_event
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.times import start_of


def with_events(
    item: WorkItem,
    events: Iterable[Mapping[str, Any]],
    ended_at: datetime,
    schedule: AttemptSchedule,
    now: datetime,
) -> WorkItem:
    """The work item with its next attempt, reopened if some of the events about it are new.

    `events` are rows of webhook_events, with the received date of those without a time. They are
    known by their places in the logs, which stay when logs are read again: an event is new once,
    and never taken for another one, whatever was lost from the lake.
    """
    seen = {tuple(place) for place in json.loads(item.events_seen or "[]")}
    new = [event for event in events if _place(event) not in seen]
    if new:
        seen.update(map(_place, new))
        item = replace(item, events_seen=json.dumps(sorted(seen)))
        event_at = _event_time(item, new, ended_at, now)
        if event_at is not None:
            return reopened_by_event(item, event_at, ended_at, schedule)
    if item.settled or item.failures:
        return item
    scheduled = next_attempt(item, ended_at, schedule)
    if item.last_attempt_at is None:
        return replace(item, next_attempt_at=scheduled)
    # A refetch is due sooner than the schedule says. After a correction of the end the schedule may
    # be over: then one more attempt, so that nothing open is forgotten.
    moments = [moment for moment in (scheduled, item.next_attempt_at) if moment]
    return replace(item, next_attempt_at=min(moments, default=now))


def _place(event: Mapping[str, Any]) -> tuple[str, int]:
    return event["log_id"], event["byte_offset"]


def _event_time(
    item: WorkItem, events: Sequence[Mapping[str, Any]], ended_at: datetime, now: datetime
) -> datetime | None:
    """The moment from which the attempts of these events count; None for those of the end."""
    dated: list[datetime] = [event["received_at"] for event in events if event["received_at"]]
    if len(dated) == len(events):
        return max(dated)
    if item.attempts:
        return now  # it was ingested just now
    # Before the first attempt it only matters how long after the meeting they may have arrived. The
    # place in the log points to a day.
    days = [event["received_date"] for event in events if not event["received_at"]]
    latest = max([*dated, *(start_of(day) for day in days if day)], default=None)
    return latest if latest is not None and (dated or latest > ended_at) else None
