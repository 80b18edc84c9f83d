"""The due work items of a day, each with what is stored about it.

Belongs here: which work items are due, and what a request needs to know beside them: meeting,
transcript, flags, stored rows. Does not: when they are due (pipeline/ledger/schedule.py), requests
(day_fetch.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from meeting_etl.pipeline.deletions.tombstones import is_deleted
from meeting_etl.pipeline.fetch.day_state import DayState
from meeting_etl.pipeline.fetch.spec import FetchSpec, Target
from meeting_etl.pipeline.ledger.schedule import AttemptSchedule
from meeting_etl.pipeline.ledger.work_item import DETAILS, FILES, Status, WorkItem


def due_targets(
    state: DayState, spec: FetchSpec, schedule: AttemptSchedule, now: datetime
) -> list[Target]:
    """The targets of a resource that are due now."""
    due = (item for item in state.items.values() if item.resource == spec.resource)
    return targets_of(state, spec, schedule, (item for item in due if is_due(item, now)))


def is_due(item: WorkItem, now: datetime) -> bool:
    """Whether an attempt is due."""
    return item.next_attempt_at is not None and item.next_attempt_at <= now


def targets_of(
    state: DayState, spec: FetchSpec, schedule: AttemptSchedule, items: Iterable[WorkItem]
) -> list[Target]:
    """Work items of a resource with their meetings, and what else is stored of them."""
    items = [item for item in items if item.meeting_id in state.meetings]
    if not items:
        return []
    parents = state.rows(spec.parent) if spec.parent is not None else {}
    files = state.files(spec) if spec.resource in FILES else {}
    last_attempt = timedelta(seconds=schedule.after_end_seconds[-1])
    targets = [
        Target(
            item,
            state.meetings[item.meeting_id],
            parents.get(item.resource_id),
            final_at=state.meetings[item.meeting_id]["ended_at"] + last_attempt,
            stored_files=files.get(item.resource_id, ()),
        )
        for item in items
    ]
    return targets if spec.flag is None else _with_flags(state, spec, spec.flag, targets)


def _with_flags(
    state: DayState, spec: FetchSpec, flag: str, targets: Sequence[Target]
) -> list[Target]:
    """The targets with Webex's flag, but not where it is true only for what is deleted.

    Webex never takes such a flag back (docs/webex-api-notes.md T15).
    """
    rows = state.rows(spec.table).values()
    deleted = {row["meeting_id"] for row in rows if is_deleted(row)}
    flagged = [_with_flag(state, target, flag) for target in targets]
    return [
        replace(target, flagged=None) if target.flagged and target.meeting_id in deleted else target
        for target in flagged
    ]


def _with_flag(state: DayState, target: Target, flag: str) -> Target:
    """The target with the value of Webex's flag, unless that may change or an event contradicts.

    An event about a recording or transcript is newer than a flag that says there is none.
    """
    item = state.items.get((target.meeting_id, DETAILS, ""))
    if item is None or item.last_attempt_at is None:
        return target
    is_final = item.status == Status.READY and item.last_attempt_at >= target.final_at
    value = target.meeting[flag]
    if not is_final or (value is False and target.work_item.events_seen):
        return target
    return replace(target, flagged=value)
