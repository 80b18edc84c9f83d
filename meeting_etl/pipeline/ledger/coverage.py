"""Counts of the ledger: how far each resource of a day was fetched.

Belongs here: statuses, reasons and the next attempt of one resource and day. Does not: the view
`coverage`, which shows the same (lake/views/).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.many_days import read_days
from meeting_etl.pipeline.ledger.work_item import RESOURCES
from meeting_etl.schemas import FETCH_LEDGER

_COLUMNS = ("resource", "status", "reason")


@dataclass
class Coverage:
    """The work items of one resource of a day, counted."""

    day: date
    resource: str
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    next_attempt_at: datetime | None = None

    def add(self, group: Mapping[str, Any]) -> None:
        """Add work items of one status and reason."""
        self.statuses[group["status"]] += group["count_all"]
        self.reasons[group["reason"]] += group["count_all"]
        moments = [at for at in (self.next_attempt_at, group["next_attempt_at_min"]) if at]
        self.next_attempt_at = min(moments, default=None)


def coverage(lake: Lake, days: Iterable[date]) -> Iterator[Coverage]:
    """One Coverage a day and resource that has work items, newest day first."""
    newest_first, columns = sorted(days, reverse=True), [*_COLUMNS, "next_attempt_at"]
    for day, rows in read_days(lake, FETCH_LEDGER, newest_first, columns):
        by_resource = {resource: Coverage(day, resource) for resource in RESOURCES}
        groups: Any = rows.group_by(list(_COLUMNS))
        counted = groups.aggregate([([], "count_all"), ("next_attempt_at", "min")])
        for row in counted.to_pylist():
            by_resource[row["resource"]].add(row)
        yield from (entry for entry in by_resource.values() if entry.statuses)
