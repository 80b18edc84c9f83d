"""Files of the lake that cannot be read: the error message, with the remedy.

Belongs here: the remedy, which differs by where the rows of a table come from. Does not: the index
of meetings, which is rebuilt automatically (meeting_index.py).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from meeting_etl.disk_errors import describe_disk_error
from meeting_etl.errors import DamagedFile
from meeting_etl.object_storage.urls import is_url
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
# In a bucket, the log of the table has the file's name until it is repaired.
_REPAIR = (
    "Restore it from a version of the bucket, or remove it and repair the table "
    "(docs/object-storage.md)"
)
_INGEST_ALL_IN_BUCKET = (
    f", and remove all objects of lake/{INGESTED_LOGS.name}/: all logs are read again then, and "
    "the rows come back"
)


@contextmanager
def translate_read_errors(where: str, table: str) -> Iterator[None]:
    """Turn an error while reading a file of the table into a DamagedFile error with the remedy."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        is_gone = isinstance(error, FileNotFoundError)
        reason = "it is gone" if is_gone and is_url(where) else str(error).rstrip(".")
        raise DamagedFile(f"Cannot read {where}: {reason}. {remedy(table, where)}") from error


def remedy(table: str, where: str) -> str:
    """What to do about a damaged file of the table, which is a path or a URL."""
    is_of_ingest = table in (WEBHOOK_EVENTS.name, REJECTED_LINES.name)
    of_days = table in TABLES and TABLES[table].partition is not None
    if is_url(where):
        if is_of_ingest or table == INGESTED_LOGS.name:
            return f"{_REPAIR}{_INGEST_ALL_IN_BUCKET}. Run again."
        return f"{_REPAIR}. Run again{' with --refetch for its day' if of_days else ''}."
    if is_of_ingest:
        return _INGEST_AGAIN
    if table == INGESTED_LOGS.name:
        return _INGEST_ALL
    return _REFETCH if of_days else _RUN_AGAIN


def advice(message: str) -> str:
    """What to do, after a blank, if an error of DuckDB names a file of a local table; else ""."""
    named = re.search(r"/lake/([a-z_]+)/.*\.parquet", message)
    return f" {remedy(named[1], message)}" if named else ""


def fault_of_storage(message: str) -> str | None:
    """The message of a query that failed, with advice; None unless a disk or a file is to blame."""
    if describe_disk_error(message):
        return message
    what_to_do = advice(message)
    return f"{message.rstrip('.!')}.{what_to_do}" if what_to_do else None
