"""class EventWriter: rows of webhook_events and rejected_lines on their way to their partitions.

Belongs here: buffering, one open file a partition, leaving out what is being read again. Does not:
what the rows say and when they are committed (ingest.py).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.lake.store import Lake
from meeting_etl.schemas import TABLES, Table

# Rows wait in memory until they are this large together, then go to the open files.
FLUSH_BYTES = 32 * 2**20
_ROW_BYTES = 200

Row = tuple[Any, ...]


class EventWriter:
    """Takes rows one by one and puts all of them in place at `commit`, or none.

    A row holds the columns of its table but log_id, log_file and extra. `starts` says by log id
    from which byte on its lines are not committed yet: rows beyond it are of a killed ingest and
    give way. As a context manager it forgets, at an error, what was not committed.
    """

    def __init__(self, lake: Lake, starts: Mapping[str, int], log_files: Mapping[str, str]) -> None:
        # Partitions that rows wait for or that have an open file.
        self.partitions: set[tuple[str, date | None]] = set()
        self._lake = lake
        self._starts = dict(starts)
        self._log_files = log_files
        self._buffers: dict[tuple[str, date | None, str], list[Row]] = {}
        self._buffered_bytes = 0
        self._writers: dict[tuple[str, date | None], Callable[[pa.Table], None]] = {}
        self._open = ExitStack()

    def __enter__(self) -> "EventWriter":
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def add(self, name: str, received: date | None, log_id: str, row: Row, size: int) -> None:
        """Take one row of the table `name`; `size` is about its text, in bytes."""
        key = (name, received, log_id)
        rows = self._buffers.get(key)
        if rows is None:
            rows = self._buffers[key] = []
            self.partitions.add(key[:2])
        rows.append(row)
        self._buffered_bytes += size + _ROW_BYTES
        if self._buffered_bytes > FLUSH_BYTES:
            self._flush()

    def commit(self, consumed: Mapping[str, int]) -> None:
        """Put all files in place; `consumed` is by log id up to where its lines are in them."""
        self._flush()
        self._open.close()
        self._writers.clear()
        self.partitions.clear()
        self._starts.update(consumed)

    def _flush(self) -> None:
        """Put the buffered rows into the open files, those of one partition together."""
        tables: dict[tuple[str, date | None], list[pa.Table]] = defaultdict(list)
        for (name, received, log_id), rows in self._buffers.items():
            same = {"log_id": log_id, "log_file": self._log_files[log_id]}
            tables[name, received].append(_table(TABLES[name], same, rows))
        for (name, received), some in tables.items():
            self._writer(TABLES[name], received)(pa.concat_tables(some))
        self._buffers.clear()
        self._buffered_bytes = 0

    def _writer(self, table: Table, received: date | None) -> Callable[[pa.Table], None]:
        key = (table.name, received)
        if key not in self._writers:
            self._lake.sweep([table], [received])
            rewriting = self._lake.rewriting(table, received, self._without_repeats)
            self._writers[key] = self._open.enter_context(rewriting)
        return self._writers[key]

    def _without_repeats(self, rows: pa.Table) -> pa.Table:
        """Rows without those of lines that are being read again after a kill."""
        ids = pa.array(self._starts.keys(), pa.string())
        starts = pa.array(self._starts.values(), pa.int64())
        start = pc.take(starts, pc.index_in(rows["log_id"], ids))
        return rows.filter(pc.fill_null(pc.less(rows["byte_offset"], start), True))


def _table(table: Table, same: dict[str, str], rows: list[Row]) -> pa.Table:
    """Rows as a table; `same` are the columns that have one value for all rows."""
    names = [name for name in table.schema.names if name not in (*same, "extra")]
    columns = {
        name: pa.array(values, table.schema.field(name).type)
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    for name, value in same.items():
        columns[name] = pa.repeat(value, len(rows))
    columns["extra"] = pa.nulls(len(rows), pa.string())
    return pa.table([columns[name] for name in table.schema.names], schema=table.schema)
