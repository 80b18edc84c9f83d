"""class Lake: the tables as Parquet files, each replaced as a whole or not at all.

Belongs here: reading, merging by key, appending, locks of days; the only writer of Parquet. Does
not: names of folders and files (partitions.py), a single file (parquet_files.py), what the rows
mean (pipeline/), DuckDB (catalog.py).
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from meeting_etl.files import Files
from meeting_etl.lake.arrow_rows import to_arrow
from meeting_etl.lake.merging import merged
from meeting_etl.lake.parquet_files import ParquetFiles, Where
from meeting_etl.lake.partitions import Partition, folder_of, is_partition, part_name, part_numbers
from meeting_etl.lake.placement import Placement
from meeting_etl.schemas import LINK_COLUMNS, Table
from meeting_etl.state import LocalState, State

# The lock of the process that reads logs and writes the tables of received days.
INGEST_LOCK = "ingest"


class Lake:
    """The tables below `lake/` of a data folder.

    All methods raise StorageError when a file cannot be read or written. `state` has the locks: by
    default files beside the tables. `withheld` columns are written as NULL whatever the rows have.
    `person_metrics`: whether metrics of single persons are stored (metrics.py).
    """

    def __init__(
        self,
        files: Files,
        state: State | None = None,
        *,
        withheld: Collection[str] = LINK_COLUMNS,
        person_metrics: bool = True,
    ) -> None:
        self.files = files
        self.state = state or LocalState(files)
        self.person_metrics = person_metrics
        self._parquet = ParquetFiles(files)
        self._withheld = frozenset(withheld)

    def folder(self, table: Table, partition: Partition) -> str:
        """Folder of a partition, relative to the data folder."""
        return folder_of(table, partition)

    def partitions(self, table: Table) -> list[str]:
        """Values of the partition column that have a folder, as text and sorted."""
        names = self.files.names(f"lake/{table.name}")
        return [name.split("=", 1)[1] for name in names if is_partition(table, name)]

    def strays(self, table: Table) -> list[str]:
        """Names beside the partitions of a table that are not partitions, sorted."""
        names = self.files.names(f"lake/{table.name}") if table.partition else []
        return [name for name in names if not is_partition(table, name)]

    def has_rows(self, table: Table) -> bool:
        """Whether any partition has a file."""
        folder = self.files.path(f"lake/{table.name}")
        if not table.partition:
            return next(folder.glob("*.parquet"), None) is not None
        # Entry by entry: with years of history the folder is long, and the first file will do.
        try:
            with os.scandir(folder) as entries:
                return any(next(Path(entry).glob("*.parquet"), None) for entry in entries)
        except FileNotFoundError:
            return False

    def count(self, table: Table, partition: Partition = None) -> int:
        """Number of rows of a partition, from the footers of its files."""
        return sum(map(self._parquet.count_rows, self._parts(table, partition)))

    def read(
        self,
        table: Table,
        partition: Partition = None,
        *,
        columns: list[str] | None = None,
        where: Mapping[str, Collection[str]] | None = None,
    ) -> pa.Table:
        """Rows of a partition in the table's schema; none when it does not exist.

        `where` keeps the rows whose column has one of the values.
        """
        schema = table.schema if columns is None else _schema(table, columns)
        groups = [
            group
            for part in self._parts(table, partition)
            for group in self._parquet.row_groups(part, schema, where)
        ]
        return pa.concat_tables(groups) if groups else schema.empty_table()

    def merge(
        self,
        table: Table,
        partition: Partition,
        rows: Iterable[Mapping[str, Any]] | pa.Table,
        *,
        replacing: Mapping[str, Collection[str]] | None = None,
    ) -> bool:
        """Put rows into a partition, in the place of those with the same key.

        Rows whose column has one of the values in `replacing` are removed first. Returns whether a
        file changed: a part is replaced only when its rows change, and stays when it has none left.
        """
        new = self._withhold(rows if isinstance(rows, pa.Table) else to_arrow(table, rows))
        replacing = {name: values for name, values in (replacing or {}).items() if values}
        if not new.num_rows and not replacing:
            return False
        changed = False
        for part, arriving in self._changes(table, partition, new, replacing).items():
            changed |= self._merge_into(table, part, arriving, replacing)
        return changed

    def _changes(
        self, table: Table, partition: Partition, new: pa.Table, replacing: Where
    ) -> dict[str, pa.Table]:
        """The parts that a merge changes, each with its new rows."""
        folder = folder_of(table, partition)
        numbers, grows = self._part_numbers(table, partition), self._part_to_grow(table, partition)
        if numbers in ([], [grows]):  # the usual partition has one part
            return {part_name(folder, grows): new}
        placement = Placement(table, new, replacing)
        schema = _schema(table, placement.columns)
        for number in numbers:
            placement.show(number, self._parquet.read(part_name(folder, number), schema))
        changes = placement.changes(grows)
        return {part_name(folder, number): rows for number, rows in changes.items()}

    def _merge_into(self, table: Table, part: str, new: pa.Table, replacing: Where) -> bool:
        old = table.schema.empty_table()
        if self.files.path(part).exists():
            old = self._parquet.read(part, table.schema)
        rows = merged(table, old, new, replacing)
        changed = not rows.equals(old)
        if changed:
            self._parquet.replace(table, part, rows)
        return changed

    def replace(self, table: Table, partition: Partition, rows: pa.Table) -> None:
        """Make `rows`, sorted already, the content of a partition, in one part.

        A partition that becomes empty stays a file without rows: a reader that has listed it must
        find it. For tables that are always replaced as a whole: where there are several parts, the
        others are emptied one after the other.
        """
        first, *others = self._parts(table, partition) or [part_name(folder_of(table, partition))]
        if rows.num_rows or self.files.path(first).exists():
            self._parquet.replace(table, first, rows)
        for part in others:
            self._parquet.replace(table, part, table.schema.empty_table())

    def changed_at_ns(self, table: Table, partition: Partition) -> int | None:
        """When a file of the partition was last replaced, by the disk's clock; None without any."""
        paths = [self.files.path(part) for part in self._parts(table, partition)]
        with suppress(FileNotFoundError):
            return max((path.stat().st_mtime_ns for path in paths), default=None)
        return None

    def has_schema(self, table: Table, partition: Partition) -> bool:
        """Whether the files of a partition, if there are any, have the table's full schema."""
        parts = self._parts(table, partition)
        return all(self._parquet.has_schema(part, table.schema) for part in parts)

    def update_schema(self, table: Table, partition: Partition) -> None:
        """Rewrite the files of a partition whose schema is not the table's."""
        for part in self._parts(table, partition):
            if not self._parquet.has_schema(part, table.schema):
                self._parquet.rewrite(table, part, lambda rows: rows)

    def remove(self, table: Table, partition: Partition) -> None:
        """Remove a partition if it is there; only for pruning, as a reader may miss a file."""
        for part in self._parts(table, partition):
            self.files.remove(part)

    def filter_rows(
        self,
        table: Table,
        partition: Partition,
        keep: Callable[[pa.Table], pa.Table],
        *,
        newest_only: bool,
    ) -> None:
        """Remove the rows that `keep` leaves out, from the newest file of a partition or from all.

        `keep` gets rows with all columns or those of the key. Files without such rows stay as they
        are; one that becomes empty stays a file, as a reader that has listed it must find it.
        """
        parts = self._parts(table, partition)
        for part in parts[-1:] if newest_only else parts:
            keys = self._parquet.row_groups(part, _schema(table, table.key))
            if any(keep(group).num_rows < group.num_rows for group in keys):
                self._parquet.rewrite(table, part, keep)

    @contextmanager
    def appending(
        self, table: Table, partition: Partition, *, rows: int | None = None
    ) -> Iterator[Callable[[pa.Table], None]]:
        """Add about `rows` new rows with the function that is yielded; they need not fit in memory.

        One file changes, when the block ends well: the newest while it has few rows, else a new
        one.
        """
        part = part_name(folder_of(table, partition), self._part_to_grow(table, partition))
        stored = table.schema.empty_table()
        if self.files.path(part).exists():
            stored = self._parquet.read(part, table.schema)
        most = min(stored.num_rows + (rows or table.part_rows), table.group_rows)
        with self._parquet.writing(table, part, dict.fromkeys(table.bloom, most)) as write:
            if stored.num_rows:
                write(stored)
            yield write

    @contextmanager
    def lock_days(self, days: Iterable[date]) -> Iterator[None]:
        """Hold the locks of days, taken in date order so that processes cannot deadlock."""
        with ExitStack() as stack:
            for day in sorted(set(days)):
                stack.enter_context(self.state.lock(f"day-{day}"))
            yield

    @contextmanager
    def try_lock_days(self, days: Iterable[date], *, may_wait: bool) -> Iterator[bool]:
        """As `lock_days`, but waits only if it may; yields whether all locks are held.

        For the holder of other days' locks, who would cause a deadlock by waiting.
        """
        if may_wait:
            with self.lock_days(days):
                yield True
            return
        with ExitStack() as stack:
            free = (
                stack.enter_context(self.state.lock_if_free(f"day-{day}"))
                for day in sorted(set(days))
            )
            yield all(free)

    def sweep(self, tables: Iterable[Table], partitions: Collection[Partition]) -> None:
        """Remove what killed writers left in these partitions; their lock must be held."""
        for table in tables:
            for partition in partitions:
                self.files.sweep(folder_of(table, partition))

    def _withhold(self, rows: pa.Table) -> pa.Table:
        for name in self._withheld.intersection(rows.column_names):
            index = rows.column_names.index(name)
            nulls = pa.nulls(rows.num_rows, rows.schema.field(name).type)
            rows = rows.set_column(index, rows.schema.field(name), nulls)
        return rows

    def _part_numbers(self, table: Table, partition: Partition) -> list[int]:
        """Numbers of the parts that are there, the newest last."""
        return part_numbers(self.files.names(folder_of(table, partition)))

    def _parts(self, table: Table, partition: Partition) -> list[str]:
        """The files of a partition that are there, the newest last."""
        folder = folder_of(table, partition)
        return [part_name(folder, number) for number in self._part_numbers(table, partition)]

    def _part_to_grow(self, table: Table, partition: Partition) -> int:
        """The part that more rows go to: the newest, or a new one when that is large."""
        numbers = self._part_numbers(table, partition)
        if not numbers:
            return 0
        newest = part_name(folder_of(table, partition), numbers[-1])
        return numbers[-1] + (self._parquet.count_rows(newest) >= table.part_rows)


def _schema(table: Table, columns: Iterable[str]) -> pa.Schema:
    """The schema of some columns of a table."""
    return pa.schema(map(table.schema.field, columns))
