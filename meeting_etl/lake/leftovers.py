"""Temporary files that killed processes leave outside the partitions of days.

Belongs here: the folders that have them. Does not: partitions, which the holders of a day's lock
sweep (lake.py).
"""

from datetime import datetime, timedelta

from meeting_etl.lake.lake import Lake

_FOLDERS = (
    "dagster",
    "lake",
    "lake/due_days",
    "lake/ingested_logs",
    "lake/meeting_index",
    "lake/orphans",
    "lake/unowned_recordings",
    "reports",
    "state",
)
_RUN_BEGAN_BY_NOW = timedelta(days=1)


def sweep_leftovers(lake: Lake, now: datetime) -> None:
    """Remove them, and the locks of killed runs."""
    for folder in _FOLDERS:
        lake.files.sweep(folder)
    lake.state.sweep_locks("run-", before=now - _RUN_BEGAN_BY_NOW)
