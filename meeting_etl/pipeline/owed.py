"""Files that nobody has asked for yet, because they were switched on after their days were done.

Belongs here: finding recordings and transcripts without a pair for their files, and opening it.
Does not: pairs of what is found while files are wanted (fetch_specs.py opens those).
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime

from meeting_etl import schemas
from meeting_etl.lake.store import Lake
from meeting_etl.pipeline.deletions import is_deleted
from meeting_etl.pipeline.ledger import Ledger
from meeting_etl.pipeline.settling import Pair

_PARENTS = {
    schemas.RECORDING_FILES.name: schemas.RECORDINGS,
    schemas.TRANSCRIPT_FILES.name: schemas.TRANSCRIPTS,
}


def open_owed(
    lake: Lake, ledger: Ledger, days: Iterable[date], resources: Collection[str], now: datetime
) -> int:
    """Open the pairs of files that are missing on these days, due now; returns how many."""
    count = 0
    for day in days if resources else ():
        with lake.lock_days([day]):
            missing = _missing(lake, ledger, day, resources, now)
            if missing:
                ledger.record(day, missing)
                ledger.refresh(day)
                count += len(missing)
    return count


def _missing(
    lake: Lake, ledger: Ledger, day: date, resources: Collection[str], now: datetime
) -> list[Pair]:
    known = {pair.key for pair in ledger.pairs(day)}
    pairs = (pair for resource in sorted(resources) for pair in _pairs(lake, day, resource, now))
    return [pair for pair in pairs if pair.key not in known]


def _pairs(lake: Lake, day: date, resource: str, now: datetime) -> Iterator[Pair]:
    parent = _PARENTS[resource]
    (key,) = parent.key
    for row in lake.read(parent, day, columns=[key, "meeting_id", "status"]).to_pylist():
        if not is_deleted(row):
            yield Pair(row["meeting_id"], resource, row[key], opened_at=now, next_attempt_at=now)
