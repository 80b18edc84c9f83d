"""What killed processes leave beside files that are no partition of a day.

Belongs here: in which folders that is, and when it is nobody's any more. Does not: partitions,
which those sweep who hold the lock of their day.
"""

from datetime import datetime, timedelta

from meeting_etl.files import Files
from meeting_etl.lake.lake import INGEST_LOCK
from meeting_etl.lake.meeting_index import INDEX_LOCK

# Folders whose files are written under one lock.
_LOCKS = {
    "lake/ingested_logs": INGEST_LOCK,
    "lake/meeting_index": INDEX_LOCK,
    "lake/due_days": "due_days",
    "lake/orphans": "orphans",
}
# Folders whose files are written under various locks, or none; each in a moment.
_SHARED = ("state", "lake", "lake/unowned_recordings", "dagster")
_NOBODYS_AFTER = timedelta(days=1)


def sweep_leftovers(files: Files, now: datetime) -> None:
    """Remove them without waiting for a lock: what is in use is left to the next time."""
    for folder, lock in _LOCKS.items():
        with files.lock_if_free(lock) as is_free:
            if is_free:
                files.sweep(folder)
    for folder in _SHARED:
        files.sweep(folder, before=now - _NOBODYS_AFTER)
    files.sweep_locks("run-", before=now - _NOBODYS_AFTER)
