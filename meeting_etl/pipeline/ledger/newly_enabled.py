"""Resources that were switched on after their days had settled: opening their work items.

Belongs here: finding recordings and transcripts without a work item for their files, and meetings
without one for their summaries or invitees. Does not: work items of what is found while a resource
is on (ledger.py and the files of pipeline/resources/ open those).
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime

from meeting_etl import schemas
from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.deletions.tombstones import is_deleted
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.ledger.work_item import WorkItem

# Resource → the table of what it is fetched for.
_PARENTS = {
    schemas.RECORDING_FILES.name: schemas.RECORDINGS,
    schemas.TRANSCRIPT_FILES.name: schemas.TRANSCRIPTS,
    schemas.MEETING_SUMMARIES.name: schemas.MEETINGS,
    schemas.INVITEES.name: schemas.MEETINGS,
}


def open_newly_enabled(
    lake: Lake, ledger: Ledger, days: Iterable[date], resources: Collection[str], now: datetime
) -> int:
    """Open the work items that these days lack, due now; returns how many."""
    count = 0
    for day in days if resources else ():
        with lake.lock_days([day]):
            existing = {item.key for item in ledger.items(day)}
            kept = [name for name in sorted(resources) if not ledger.is_pruned(name, day)]
            missing = [
                item
                for resource in kept
                for item in _items(lake, day, resource, now)
                if item.key not in existing
            ]
            ledger.open_now(day, missing)
            count += len(missing)
            # Items that were open when the resource was switched off make the day due again.
            ledger.refresh(day)
    return count


def _items(lake: Lake, day: date, resource: str, now: datetime) -> Iterator[WorkItem]:
    """The work items of a resource that a day must have."""
    parent = _PARENTS[resource]
    for row in lake.read(parent, day).to_pylist():
        # Summaries and invitees are lists of the meeting, which have no id of their own.
        is_list = parent is schemas.MEETINGS
        if is_list or not is_deleted(row):
            resource_id = "" if is_list else row[parent.key[0]]
            yield WorkItem(
                row["meeting_id"], resource, resource_id, opened_at=now, next_attempt_at=now
            )
