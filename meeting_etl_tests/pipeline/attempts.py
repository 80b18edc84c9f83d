"""Attempts of one meeting that ended on 2026-03-02 at 10:07 UTC."""

from datetime import UTC, datetime, timedelta

from meeting_etl.pipeline.ledger.outcomes import Attempt, apply_outcome
from meeting_etl.pipeline.ledger.schedule import AttemptSchedule
from meeting_etl.pipeline.ledger.work_item import Outcome, WorkItem

ENDED = datetime(2026, 3, 2, 10, 7, tzinfo=UTC)
SCHEDULE = AttemptSchedule()
LONG_AFTER = ENDED + timedelta(days=30)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def attempted(
    item: WorkItem,
    outcome: Outcome,
    now: datetime,
    rows: int = 0,
    *,
    has_none: bool = False,
) -> WorkItem:
    attempt = Attempt(
        outcome,
        now,
        "run",
        rows=rows,
        http_status=200,
        may_grow=item.resource in ("recordings", "transcripts"),
        has_none=has_none,
    )
    return apply_outcome(item, attempt, ENDED, SCHEDULE)
