"""Temporary files that killed processes leave outside the partitions of days.

Belongs here: the folders that have them, and from when they are abandoned. Does not: partitions,
which the holders of a day's lock sweep (lake.py).
"""

from datetime import datetime, timedelta

from meeting_etl.lake.lake import INGEST_LOCK, Lake
from meeting_etl.lake.meeting_index import INDEX_LOCK

# Folders whose files are written under one lock.
_LOCKS = {
    "lake/ingested_logs": INGEST_LOCK,
    "lake/meeting_index": INDEX_LOCK,
    "lake/due_days": "due_days",
    "lake/orphans": "orphans",
}
# Folders whose files are written under various locks, or none; no write takes long.
_SHARED = ("state", "lake", "lake/unowned_recordings", "dagster", "reports")
_ABANDONED_AFTER = timedelta(days=1)


def sweep_leftovers(lake: Lake, now: datetime) -> None:
    """Remove them without waiting for locks: folders in use are left to the next time."""
    for folder, name in _LOCKS.items():
        with lake.state.lock_if_free(name) as lock:
            if lock:
                lake.files.sweep(folder)
    for folder in _SHARED:
        lake.files.sweep(folder, before=now - _ABANDONED_AFTER)
    lake.state.sweep_locks("run-", before=now - _ABANDONED_AFTER)
