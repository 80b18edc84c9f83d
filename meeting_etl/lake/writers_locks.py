"""Under which lock each partition is written.

Belongs here: the names of the locks. Does not: taking them (the writers).
"""

from meeting_etl.lake.lake import INGEST_LOCK
from meeting_etl.lake.meeting_index import INDEX_LOCK
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
    return lock_of_table(table) or f"day-{partition}"
