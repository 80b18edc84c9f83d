"""class EventWriter: buffers rows of webhook_events and rejected_lines and writes their partitions.

Belongs here: buffering, writing large partitions before the commit, removing the rows of a killed
ingest. Does not: what the rows contain and when they are committed (batch.py).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, ExitStack
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.partitions import NULL_PARTITION
from meeting_etl.schemas import REJECTED_LINES, TABLES, WEBHOOK_EVENTS, Table

# Rows are buffered as Python objects up to this size in total, then as Arrow tables.
FLUSH_BYTES = 32 * 2**20
# A partition with this much goes to its file immediately: a log often holds a single day.
LARGE_BYTES = 2**20
# More buffered bytes or open files than this require a commit; some systems allow 256 files.
MAX_WAITING_BYTES = 64 * 2**20
MAX_OPEN_FILES = 50
_ROW_BYTES = 200

Row = tuple[Any, ...]
_Partition = tuple[str, date | None]


class EventWriter:
    """Takes rows one by one and writes them at `commit`.

    A row holds the columns of its table except log_id, log_file and extra. `starts` is, by log id,
    the byte from which on its lines are not committed yet; `new` are the logs of which nothing is
    committed. As a context manager it drops uncommitted rows when an error occurs.

    Rows that are in the lake although they are not committed are those of a killed ingest. They are
    removed before this ingest first writes to their partition. Only the newest file of a partition
    can have them: a commit changes one file, and a next file begins only when the one before is
    free of them. The exception is a new log, which may have been out of sight since: its rows can
    be in any file.
    """

    def __init__(
        self,
        lake: Lake,
        starts: Mapping[str, int],
        new: Collection[str],
        log_files: Mapping[str, str],
    ) -> None:
        # Whether so much is buffered that it is time to commit.
        self.is_full = False
        self._lake = lake
        self._starts = dict(starts)
        self._has_new = bool(new)
        self._log_files = log_files
        self._buffers: dict[tuple[str, date | None, str], list[Row]] = {}
        self._buffered_bytes = 0
        self._waiting: dict[_Partition, list[pa.Table]] = defaultdict(list)
        self._waiting_bytes = 0
        # Partitions that have no rows of a killed ingest.
        self._clean: set[_Partition] = set()
        self._open: dict[_Partition, Callable[[pa.Table], None]] = {}
        self._files = ExitStack()

    def __enter__(self) -> "EventWriter":
        return self

    def __exit__(self, *error: Any) -> None:
        self._files.__exit__(*error)

    def add(self, name: str, received: date | None, log_id: str, row: Row, size: int) -> None:
        """Take one row of the table `name`; `size` is roughly the size of its text in bytes."""
        key = (name, received, log_id)
        rows = self._buffers.get(key)
        if rows is None:
            rows = self._buffers[key] = []
        rows.append(row)
        self._buffered_bytes += size + _ROW_BYTES
        if self._buffered_bytes > FLUSH_BYTES:
            self._flush()
            self._write_large()
            is_large = self._waiting_bytes > MAX_WAITING_BYTES
            self.is_full = is_large or len(self._open) >= MAX_OPEN_FILES

    def remove_all_rows(self) -> None:
        """Remove all rows of the logs to be read: how far they were read is not known any more."""
        for table in (WEBHOOK_EVENTS, REJECTED_LINES):
            for name in self._lake.partitions(table):
                received = None if name == NULL_PARTITION else date.fromisoformat(name)
                self._remove_uncommitted(table, received, newest_only=False)

    def commit(self, consumed: Mapping[str, int]) -> None:
        """Write all rows, one partition after the other.

        `consumed` is, by log id, the byte up to which its lines are among the rows.
        """
        self._flush()
        for partition, tables in self._waiting.items():
            if partition in self._open:
                self._open[partition](pa.concat_tables(tables))
        self._files.close()
        for partition, tables in self._waiting.items():
            if partition not in self._open:
                rows = pa.concat_tables(tables)
                with self._appending(partition, rows.num_rows) as write:
                    write(rows)
        self._open.clear()
        self._waiting.clear()
        self._waiting_bytes = 0
        self.is_full = False
        self._starts.update(consumed)

    def _flush(self) -> None:
        """Convert the buffered rows to Arrow tables, which are far smaller."""
        for (name, received, log_id), rows in self._buffers.items():
            same = {"log_id": log_id, "log_file": self._log_files[log_id]}
            table = _table(TABLES[name], same, rows)
            self._waiting[name, received].append(table)
            self._waiting_bytes += table.nbytes
        self._buffers.clear()
        self._buffered_bytes = 0

    def _write_large(self) -> None:
        """Write large partitions to open files, so that their rows need no memory."""
        for partition, tables in list(self._waiting.items()):
            size = sum(table.nbytes for table in tables)
            if size >= LARGE_BYTES or partition in self._open:
                if partition not in self._open:
                    self._open[partition] = self._files.enter_context(self._appending(partition))
                self._open[partition](pa.concat_tables(tables))
                del self._waiting[partition]
                self._waiting_bytes -= size

    def _appending(
        self, partition: _Partition, rows: int | None = None
    ) -> AbstractContextManager[Callable[[pa.Table], None]]:
        table, received = TABLES[partition[0]], partition[1]
        if partition not in self._clean:
            self._remove_uncommitted(table, received, newest_only=not self._has_new)
        return self._lake.appending(table, received, rows=rows)

    def _remove_uncommitted(
        self, table: Table, received: date | None, *, newest_only: bool
    ) -> None:
        self._lake.sweep([table], [received])
        self._lake.filter_rows(table, received, self._committed, newest_only=newest_only)
        self._clean.add((table.name, received))

    def _committed(self, rows: pa.Table) -> pa.Table:
        """Rows without those of a killed ingest, whose lines are read again."""
        ids = rows["log_id"].unique()
        starts = pa.array((self._starts.get(log_id) for log_id in ids.to_pylist()), pa.int64())
        start = pc.take(starts, pc.index_in(rows["log_id"], ids))
        return rows.filter(pc.fill_null(pc.less(rows["byte_offset"], start), True))


def _table(table: Table, same: dict[str, str], rows: list[Row]) -> pa.Table:
    """Rows as an Arrow table; `same` are the columns with one value for all rows."""
    names = [name for name in table.schema.names if name not in (*same, "extra")]
    columns = {
        name: pa.array(values, table.schema.field(name).type)
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    for name, value in same.items():
        columns[name] = pa.repeat(value, len(rows))
    columns["extra"] = pa.nulls(len(rows), pa.string())
    return pa.table([columns[name] for name in table.schema.names], schema=table.schema)
