"""What is said of a file of the lake that cannot be read.

Belongs here: what to do about it, which differs by where the rows of a table come from. Does not:
the index of meetings, which is made again by itself (meeting_index.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from meeting_etl.errors import StorageError
from meeting_etl.schemas import INGESTED_LOGS, REJECTED_LINES, TABLES, WEBHOOK_EVENTS

# Rows of a day come from the API, or are made of events for whatever is asked of that day again.
_ASK_AGAIN = (
    "Move the file away and run again with --refetch for its day, or restore it from a copy."
)
# Older copies of these tables do not fit to each other: what lies between would be there twice.
_READ_LOGS_AGAIN = (
    f"Move it and the folder lake/{INGESTED_LOGS.name} away and run again: all logs are read again "
    "and the rows come back. Do not restore it from a copy."
)
_BEGIN_ANEW = (
    f"Move the folder lake/{INGESTED_LOGS.name} away and run again: all logs are read again. Do "
    "not restore it from a copy."
)
_RUN_AGAIN = "Move the file away and run again, or restore it from a copy."


@contextmanager
def translate_read_errors(path: Path, table: str) -> Iterator[None]:
    """Turn an error of reading a file of the table into a StorageError that says what to do."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StorageError(
            f"Cannot read {path}: {str(error).rstrip('.')}. {remedy(table)}"
        ) from error


def remedy(table: str) -> str:
    """What to do about a damaged file of the table."""
    if table in (WEBHOOK_EVENTS.name, REJECTED_LINES.name):
        return _READ_LOGS_AGAIN
    if table == INGESTED_LOGS.name:
        return _BEGIN_ANEW
    partition = TABLES[table].partition if table in TABLES else None
    return _ASK_AGAIN if partition is not None else _RUN_AGAIN
