"""What nobody has asked for yet, because it was switched on after its days were done.

Belongs here: finding recordings and transcripts without a pair for their files, meetings without
one for their summary, and opening it. Does not: pairs of what is found while it is switched on
(ledger.py and pipeline/resources/ open those).
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime

from meeting_etl import schemas
from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.deletions.tombstones import is_deleted
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.ledger.work_item import WorkItem

_PARENTS = {
    schemas.RECORDING_FILES.name: schemas.RECORDINGS,
    schemas.TRANSCRIPT_FILES.name: schemas.TRANSCRIPTS,
    schemas.MEETING_SUMMARIES.name: schemas.MEETINGS,
}


def open_newly_enabled(
    lake: Lake, ledger: Ledger, days: Iterable[date], resources: Collection[str], now: datetime
) -> int:
    """Open the pairs that are missing on these days, due now; returns how many."""
    count = 0
    for day in days if resources else ():
        with lake.lock_days([day]):
            missing = _missing(lake, ledger, day, resources, now)
            if missing:
                ledger.record(day, missing)
                count += len(missing)
            # Also what stayed open when it was switched off for a while.
            ledger.refresh(day)
    return count


def _missing(
    lake: Lake, ledger: Ledger, day: date, resources: Collection[str], now: datetime
) -> list[WorkItem]:
    known = {item.key for item in ledger.items(day)}
    items = (item for resource in sorted(resources) for item in _pairs(lake, day, resource, now))
    return [item for item in items if item.key not in known]


def _pairs(lake: Lake, day: date, resource: str, now: datetime) -> Iterator[WorkItem]:
    parent = _PARENTS[resource]
    for row in lake.read(parent, day).to_pylist():
        # A meeting's summaries are a list, which has no id of its own.
        resource_id = "" if parent is schemas.MEETINGS else row[parent.key[0]]
        if parent is schemas.MEETINGS or not is_deleted(row):
            yield WorkItem(
                row["meeting_id"], resource, resource_id, opened_at=now, next_attempt_at=now
            )
