"""The attempt schedule: when a work item is due after the meeting's end and after an event.

Belongs here: pure functions over a work item (rule 4), and reopening one. Does not: what
an outcome makes of a work item (outcomes.py), where work items are stored and how due ones are
found (ledger.py).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from meeting_etl.pipeline.ledger.work_item import Reason, Status, WorkItem
from meeting_etl.times import round_up

_QUARTER = timedelta(minutes=15)


@dataclass(frozen=True)
class AttemptSchedule:
    """When a pair is asked, in seconds after the meeting's end and after an event for the pair."""

    after_end_seconds: tuple[int, ...] = (900, 3_600, 21_600, 86_400, 259_200)
    after_event_seconds: tuple[int, ...] = (0, 900, 3_600, 21_600, 86_400)


def attempt_times(item: WorkItem, ended_at: datetime, schedule: AttemptSchedule) -> list[datetime]:
    """All moments at which the pair is asked, oldest first, in full quarter hours.

    An event adds attempts of its own, the first of them at once. Nothing is asked before the first
    attempt after the end.
    """
    times = {
        round_up(ended_at + timedelta(seconds=seconds), _QUARTER)
        for seconds in schedule.after_end_seconds
    }
    earliest = min(times)
    if item.opened_by == "event" and item.opened_at is not None:
        first, *later = schedule.after_event_seconds
        times.add(item.opened_at + timedelta(seconds=first))
        times |= {
            round_up(item.opened_at + timedelta(seconds=seconds), _QUARTER) for seconds in later
        }
    return sorted({max(moment, earliest) for moment in times})


def next_attempt(item: WorkItem, ended_at: datetime, schedule: AttemptSchedule) -> datetime | None:
    """The first attempt after the last one made; those missed meanwhile collapse into it."""
    for moment in attempt_times(item, ended_at, schedule):
        if item.last_attempt_at is None or moment > item.last_attempt_at:
            return moment
    return None


def reopened_by_event(
    item: WorkItem, at: datetime, ended_at: datetime, schedule: AttemptSchedule
) -> WorkItem:
    """The pair with the attempts of an event; an event that earlier attempts cover adds none."""
    item = replace(item, opened_at=at, opened_by="event")
    asked = item
    if item.covered_until is not None and at >= item.covered_until:
        # However late it was asked, the answer could not show what this event tells of.
        asked = replace(item, last_attempt_at=item.covered_until)
    moment = next_attempt(asked, ended_at, schedule)
    if moment is None:
        return item
    earlier = min(moment, item.next_attempt_at) if item.next_attempt_at else moment
    return replace(_with_a_new_week(item), settled=False, next_attempt_at=earlier)


def reopened_by_list(
    new: WorkItem, known: WorkItem | None, ended_at: datetime, schedule: AttemptSchedule
) -> WorkItem:
    """What becomes of a pair when the list that it was found in shows it: `new`, as that opens it.

    A known one that has not all yet goes by the event that opened the list, if that is news: it may
    tell of just what is missing.
    """
    if known is None:
        return replace(new, next_attempt_at=next_attempt(new, ended_at, schedule))
    at = new.opened_at
    if new.opened_by != "event" or at is None or _has_all(known):
        return known
    if known.opened_at is not None and known.opened_at >= at:
        return known
    return reopened_by_event(known, at, ended_at, schedule)


def _has_all(item: WorkItem) -> bool:
    """Whether its rows are here, and no stand-in for them nor a part of them."""
    lacking = (Reason.FROM_VTT, Reason.LINKS_MISSING)
    return item.status == Status.READY and item.reason not in lacking


def reopened(item: WorkItem, now: datetime) -> WorkItem:
    """The pair asked once now, beside what its schedule holds (a refetch, a retry)."""
    return replace(_with_a_new_week(item), settled=False, next_attempt_at=now)


def _with_a_new_week(item: WorkItem) -> WorkItem:
    """A pair that had failed for too long, as if it had not failed yet."""
    return replace(item, failures=0, first_failed_at=None) if item.settled else item


def is_last(item: WorkItem, now: datetime, ended_at: datetime, schedule: AttemptSchedule) -> bool:
    """Whether no attempt of the pair's schedule is left after one made now."""
    return next_attempt(replace(item, last_attempt_at=now), ended_at, schedule) is None
