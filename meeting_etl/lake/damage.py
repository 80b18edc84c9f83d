"""Files of the lake that cannot be read: the error message, with the remedy.

Belongs here: the remedy, which differs by where the rows of a table come from. Does not: the index
of meetings, which is rebuilt automatically (meeting_index.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from meeting_etl.errors import DamagedFile
from meeting_etl.schemas import INGESTED_LOGS, REJECTED_LINES, TABLES, WEBHOOK_EVENTS

# Rows of a day come from the API, or are folded from events when the day is fetched again.
_REFETCH = "Move the file away and run again with --refetch for its day, or restore it from a copy."
# Older copies of these tables do not match each other: newer rows would be stored twice.
_INGEST_AGAIN = (
    f"Move it and the folder lake/{INGESTED_LOGS.name} away and run again: all logs are read again "
    "and the rows come back. Do not restore it from a copy."
)
_INGEST_ALL = (
    f"Move the folder lake/{INGESTED_LOGS.name} away and run again: all logs are read again. Do "
    "not restore it from a copy."
)
_RUN_AGAIN = "Move the file away and run again, or restore it from a copy."


@contextmanager
def translate_read_errors(where: str, table: str) -> Iterator[None]:
    """Turn an error while reading a file of the table into a DamagedFile error with the remedy."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise DamagedFile(
            f"Cannot read {where}: {str(error).rstrip('.')}. {remedy(table)}"
        ) from error


def remedy(table: str) -> str:
    """What to do about a damaged file of the table."""
    if table in (WEBHOOK_EVENTS.name, REJECTED_LINES.name):
        return _INGEST_AGAIN
    if table == INGESTED_LOGS.name:
        return _INGEST_ALL
    partition = TABLES[table].partition if table in TABLES else None
    return _REFETCH if partition is not None else _RUN_AGAIN
