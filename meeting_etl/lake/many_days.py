"""read_days(): some columns of many days of a table.

Belongs here: listing the parts of all of them at once, and reading several days at a time, since in
a bucket each request takes its time. Does not: reading one partition (lake.py).
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import chain

import pyarrow as pa

from meeting_etl.lake.arrow_rows import joined, schema_of
from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import Table

_DAYS_AT_ONCE = 8


def read_days(
    lake: Lake, table: Table, days: Iterable[date], columns: list[str]
) -> Iterator[tuple[date, pa.Table]]:
    """Each day with its rows, in the order given; the rows of eight are in memory at a time.

    Raises StorageError.
    """
    schema, days = schema_of(table, columns), list(days)
    with lake.tables.read_once():
        parts = {day: lake.tables.parts(table, day) for day in days}

    def read(day: date) -> tuple[date, pa.Table]:
        groups = (lake.tables.read(table, day, part, schema) for part in parts[day])
        return day, joined(chain.from_iterable(groups), schema)

    with ThreadPoolExecutor(_DAYS_AT_ONCE) as pool:
        for first in range(0, len(days), _DAYS_AT_ONCE):
            yield from pool.map(read, days[first : first + _DAYS_AT_ONCE])
