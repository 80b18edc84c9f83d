"""The attempt schedule: when a work item is due after the meeting's end and after an event.

Belongs here: pure functions over a work item (rule 4), and reopening one. Does not: what an outcome
makes of a work item (outcomes.py), where work items are stored and how due ones are found
(ledger.py).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from meeting_etl.pipeline.ledger.work_item import Reason, Status, WorkItem
from meeting_etl.times import round_up

_QUARTER = timedelta(minutes=15)
_HOUR = timedelta(hours=1)
# Later attempts are on full hours: a night of attempts is then a few runs.
_ON_FULL_HOURS_FROM = timedelta(hours=6)


@dataclass(frozen=True)
class AttemptSchedule:
    """Attempts, in seconds after the meeting's end and after an event that opens the work item."""

    after_end_seconds: tuple[int, ...] = (900, 3_600, 21_600, 86_400, 259_200)
    after_event_seconds: tuple[int, ...] = (0, 900, 3_600, 21_600, 86_400)


def attempt_times(item: WorkItem, ended_at: datetime, schedule: AttemptSchedule) -> list[datetime]:
    """The times of all attempts, oldest first, on quarter hours, the later ones on full hours.

    An event adds attempts of its own, the first of them immediately, but none before the first
    attempt after the end.
    """
    event_at = item.opened_at if item.opened_by == "event" else None
    return _attempt_times(ended_at, event_at, schedule)


# The work items of a meeting have mostly the same times.
@lru_cache(maxsize=4096)
def _attempt_times(
    ended_at: datetime, event_at: datetime | None, schedule: AttemptSchedule
) -> list[datetime]:
    times = {_after(ended_at, seconds) for seconds in schedule.after_end_seconds}
    earliest = min(times)
    if event_at is not None:
        first, *later = schedule.after_event_seconds
        times.add(event_at + timedelta(seconds=first))
        times |= {_after(event_at, seconds) for seconds in later}
    return sorted({max(moment, earliest) for moment in times})


def _after(moment: datetime, seconds: int) -> datetime:
    delay = timedelta(seconds=seconds)
    return round_up(moment + delay, _HOUR if delay >= _ON_FULL_HOURS_FROM else _QUARTER)


def next_attempt(item: WorkItem, ended_at: datetime, schedule: AttemptSchedule) -> datetime | None:
    """The first attempt after the last one made; missed ones collapse into it."""
    for moment in attempt_times(item, ended_at, schedule):
        if item.last_attempt_at is None or moment > item.last_attempt_at:
            return moment
    return None


def is_last(item: WorkItem, now: datetime, ended_at: datetime, schedule: AttemptSchedule) -> bool:
    """Whether an attempt made now is the last one of the schedule."""
    return next_attempt(replace(item, last_attempt_at=now), ended_at, schedule) is None


def reopened(item: WorkItem, now: datetime) -> WorkItem:
    """The work item with one more attempt, due now."""
    return replace(_without_failures(item), settled=False, next_attempt_at=now)


def reopened_by_event(
    item: WorkItem, event_at: datetime, ended_at: datetime, schedule: AttemptSchedule
) -> WorkItem:
    """The work item with the attempts of an event; one that earlier attempts cover adds none."""
    item = replace(item, opened_at=event_at, opened_by="event")
    covered = item
    if item.covered_until is not None and event_at >= item.covered_until:
        # However late the last attempt was, its response could not show what the event is about.
        covered = replace(item, last_attempt_at=item.covered_until)
    next_at = next_attempt(covered, ended_at, schedule)
    if next_at is None:
        return item
    earliest = min(next_at, item.next_attempt_at) if item.next_attempt_at else next_at
    return replace(_without_failures(item), settled=False, next_attempt_at=earliest)


def reopened_by_list(
    new: WorkItem, existing: WorkItem | None, ended_at: datetime, schedule: AttemptSchedule
) -> WorkItem:
    """The work item of something that a list shows: `new`, or the `existing` one.

    An existing one that lacks something is reopened by the event that opened the list, if that
    event is newer than its own: it may be about just what is missing.
    """
    if existing is None:
        return replace(new, next_attempt_at=next_attempt(new, ended_at, schedule))
    event_at = new.opened_at
    if new.opened_by != "event" or event_at is None or _is_complete(existing):
        return existing
    if existing.opened_at is not None and existing.opened_at >= event_at:
        return existing
    return reopened_by_event(existing, event_at, ended_at, schedule)


def _is_complete(item: WorkItem) -> bool:
    """Whether all its rows are stored."""
    return item.status == Status.READY and item.reason != Reason.LINKS_MISSING


def _without_failures(item: WorkItem) -> WorkItem:
    """A work item that settled as failed may fail for another seven days."""
    return replace(item, failures=0, first_failed_at=None) if item.settled else item
