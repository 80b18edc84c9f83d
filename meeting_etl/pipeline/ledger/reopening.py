"""Reopening work items by hand: what `run --refetch`, `retry` and the job `reopen` share.

Belongs here: which days and work items that are. Does not: what an event or another token reopens
(item_events.py, token_history.py), the change of a work item (schedule.py), asking the user first.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.schemas import FETCH_LEDGER, MEETINGS
from meeting_etl.times import Span


@dataclass(frozen=True)
class Reopening:
    """The work items to reopen: those of all days, resources and statuses unless some are named."""

    span: Span | None = None
    resources: Collection[str] = ()
    statuses: Collection[str] = ()

    @property
    def is_refetch(self) -> bool:
        """Whether everything of the days is fetched again; their events are folded again, too."""
        return not self.resources and not self.statuses

    def wants(self, item: WorkItem) -> bool:
        """Whether the work item has one of the resources and statuses."""
        return item.resource in (self.resources or (item.resource,)) and item.status in (
            self.statuses or (item.status,)
        )


def reopen(lake: Lake, ledger: Ledger, wanted: Reopening) -> int:
    """Make these work items due now, the newest day's first; returns how many there are."""
    return ledger.reopen(
        _days(lake, wanted),
        lambda item: wanted.wants(item) and ledger.wants(item.resource),
        fold=wanted.is_refetch,
    )


def count_to_reopen(lake: Lake, ledger: Ledger, wanted: Reopening) -> int:
    """How many work items reopen() would make due."""
    return sum(
        wanted.wants(item) and ledger.wants(item.resource)
        for day in _days(lake, wanted)
        for item in ledger.kept_items(day)
    )


def _days(lake: Lake, wanted: Reopening) -> list[date]:
    """Days with meetings or work items, all or those of the span, newest first."""
    stored = {*lake.days(MEETINGS), *lake.days(FETCH_LEDGER)}
    span = wanted.span
    return sorted((day for day in stored if span is None or day in span), reverse=True)
