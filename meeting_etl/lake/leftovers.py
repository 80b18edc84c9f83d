"""What nobody needs any more: temporary files outside the partitions of days, old versions.

Belongs here: the folders that have them. Does not: partitions, which the holders of a day's lock
sweep (lake.py).
"""

from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import MEETING_INDEX, TABLES

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
# Longer than any query that reads a version, and any write that is not committed yet.
_KEEP_VERSIONS_HOURS = 24


def sweep_leftovers(lake: Lake, files: Files) -> None:
    """Remove them from the folder of this machine, and the files of locks that nobody holds."""
    for folder in _FOLDERS:
        files.sweep(folder)
    lake.state.sweep_locks("")


def vacuum_tables(lake: Lake) -> None:
    """Remove versions of tables that nobody reads any more, where tables have versions."""
    for table in (*TABLES.values(), MEETING_INDEX):
        lake.tables.vacuum(table, keep_hours=_KEEP_VERSIONS_HOURS)
