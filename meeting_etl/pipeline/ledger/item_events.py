"""What webhook events do to a work item: they open it, or open it again.

Belongs here: whether events are new, and from which moment their attempts count; pure functions.
Does not: the attempts themselves (schedule.py), which events are about which work item
(pipeline/meetings/fold.py).
"""

from dataclasses import dataclass, replace
from datetime import datetime

from meeting_etl.pipeline.ledger.schedule import AttemptSchedule, next_attempt, reopened_by_event
from meeting_etl.pipeline.ledger.work_item import WorkItem


@dataclass(frozen=True)
class ItemEvents:
    """Webhook events about one work item: how many, and when the latest of known time arrived.

    `undated`: the log has no time of some; `undated_from` is the start of the day to which their
    place in the log points, None where it points to none.
    """

    count: int
    latest_at: datetime | None
    undated: bool = False
    undated_from: datetime | None = None


def with_events(
    item: WorkItem,
    events: ItemEvents | None,
    ended_at: datetime,
    schedule: AttemptSchedule,
    now: datetime,
) -> WorkItem:
    """The work item with its next attempt, reopened if there are more events than before."""
    if events is not None and events.count > item.event_count:
        item = replace(item, event_count=events.count)
        event_at = _event_time(item, events, ended_at, now)
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


def _event_time(
    item: WorkItem, events: ItemEvents, ended_at: datetime, now: datetime
) -> datetime | None:
    """The moment from which the attempts of these events count; None for those of the end."""
    if not events.undated:
        return events.latest_at
    if item.attempts:
        return now  # any of them may be the new one, and it was ingested just now
    # Before the first attempt it only matters how long after the meeting they may have arrived.
    moments = (events.latest_at, events.undated_from)
    latest = max((moment for moment in moments if moment), default=None)
    if latest is None or not (events.latest_at or latest > ended_at):
        return None
    return latest
