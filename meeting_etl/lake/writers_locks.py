"""Under which lock each partition is written.

Belongs here: the names of the locks. Does not: taking them (the writers).
"""

from meeting_etl.lake.tables import Partition
from meeting_etl.schemas import (
    AUTO_RECORD_ACTIONS,
    ERASURES,
    INGESTED_LOGS,
    MEETING_INDEX,
    ORPHANS,
    REJECTED_LINES,
    WEBHOOK_EVENTS,
    Table,
)

# The lock of the process that reads logs and writes the tables of received days.
INGEST_LOCK = "ingest"
_DAY = "day-"
INDEX_LOCK = "meeting_index"
# Tables that are not written under the lock of a day.
_LOCKS = {
    WEBHOOK_EVENTS.name: INGEST_LOCK,
    REJECTED_LINES.name: INGEST_LOCK,
    INGESTED_LOGS.name: INGEST_LOCK,
    AUTO_RECORD_ACTIONS.name: "auto_record",
    ORPHANS.name: "orphans",
    ERASURES.name: "erase",
    MEETING_INDEX.name: INDEX_LOCK,
}


def lock_of_table(table: Table) -> str | None:
    """Name of the lock under which a table is written; None where each day has its own."""
    return _LOCKS.get(table.name)


def writers_lock(table: Table, partition: Partition) -> str:
    """Name of the lock under which a partition of a table is written."""
    return lock_of_table(table) or day_lock(partition)


def day_lock(day: Partition) -> str:
    """Name of the lock of a day."""
    return f"{_DAY}{day}"


def day_of_lock(name: str) -> str | None:
    """The day whose lock has this name; None when it is another lock."""
    return name.removeprefix(_DAY) if name.startswith(_DAY) else None
