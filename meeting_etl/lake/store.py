"""class Lake: the tables as Parquet files, a file a partition, replaced as a whole or not at all.

Belongs here: paths of partitions, reading, merging by key, streaming rewrites, locks of days; the
only writer of Parquet. Does not: what the rows mean (pipeline/), nor DuckDB (lake/catalog.py).
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.lake.merging import even, has, merged, merged_groups
from meeting_etl.schemas import LINK_COLUMNS, Table

# What Hive, DuckDB and Arrow call the folder of rows whose partition column is NULL.
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
ROW_GROUP_ROWS = 122_880
# A partition with more rows is merged in row groups of so many, so that memory stays bounded.
_LARGE_ROWS = 30_720
# A streaming rewrite holds this many rows at a time; event bodies are about 1 kB each.
GATHERED_ROWS = 16_384

Partition = date | str | None


class _NotToBeKept(Exception):
    """What was written is nothing, or what was there before."""


def _keep_if(worthwhile: bool) -> None:
    if not worthwhile:
        raise _NotToBeKept


class Lake:
    """The tables below `lake/` of a data folder.

    A partition is given as its date (or shard), None where the partition column is NULL, and for a
    table without partitions. All methods raise StorageError when a file cannot be read or written.
    `withheld` are columns that are written as NULL whatever the rows hold.
    """

    def __init__(self, files: Files, *, withheld: Collection[str] = LINK_COLUMNS) -> None:
        self.files = files
        self._withheld = frozenset(withheld)

    def folder(self, table: Table, partition: Partition) -> str:
        """Folder of a partition, relative to the data folder."""
        if table.partition is None:
            return f"lake/{table.name}"
        value = NULL_PARTITION if partition is None else str(partition)
        return f"lake/{table.name}/{table.partition.name}={value}"

    def partitions(self, table: Table) -> list[str]:
        """Values of the partition column that have a folder, as text and sorted."""
        names = self.files.names(f"lake/{table.name}")
        return [name.split("=", 1)[1] for name in names if "=" in name]

    def has_rows(self, table: Table) -> bool:
        """Whether any partition has rows."""
        folder = self.files.path(f"lake/{table.name}")
        if not table.partition:
            return next(folder.glob("*.parquet"), None) is not None
        # Entry by entry: with years of history the folder is long, and the first one will do.
        try:
            with os.scandir(folder) as entries:
                return any(next(Path(one).glob("*.parquet"), None) for one in entries)
        except FileNotFoundError:
            return False

    def count(self, table: Table, partition: Partition = None) -> int:
        """Number of rows of a partition, from the file's footer."""
        path = self.files.path(self._file(table, partition))
        with _explained(path):
            return pq.read_metadata(path).num_rows if path.exists() else 0

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
        schema = table.schema if columns is None else pa.schema(map(table.schema.field, columns))
        groups = [
            _conform(_only(group, where or {}), schema)
            for group in self._groups(table, partition, schema.names, where or {})
        ]
        return pa.concat_tables(groups) if groups else schema.empty_table()

    def merge(
        self,
        table: Table,
        partition: Partition,
        rows: Iterable[Mapping[str, Any]] | pa.Table,
        *,
        instead_of: Mapping[str, Collection[str]] | None = None,
    ) -> bool:
        """Put rows into a partition, in the place of those with the same key.

        Rows whose column has one of the values in `instead_of` are removed first. Returns whether
        the file changed; a merge that changes nothing leaves the file alone, one that leaves no
        rows leaves a file without any.
        """
        new = self._withholding(rows if isinstance(rows, pa.Table) else to_arrow(table, rows))
        if table.sort and self.count(table, partition) > _LARGE_ROWS:
            return self._merge_by_group(table, partition, new, instead_of or {})
        old = self.read(table, partition)
        rows_now = merged(table, old, new, instead_of or {})
        if rows_now.equals(old):
            return False
        self.replace(table, partition, rows_now)
        return True

    def _merge_by_group(
        self,
        table: Table,
        partition: Partition,
        new: pa.Table,
        instead_of: Mapping[str, Collection[str]],
    ) -> bool:
        """Merge without holding the partition in memory."""

        def held() -> Iterator[pa.Table]:
            for group in self._pieces(table, partition):
                yield _conform(group, table.schema)

        before, rows, same = even(held(), _LARGE_ROWS), 0, True
        with suppress(_NotToBeKept), self.files.replacement(self._file(table, partition)) as path:
            with _writer(table, path, None) as writer:
                for group in even(merged_groups(table, held(), new, instead_of), _LARGE_ROWS):
                    same = same and group.equals(next(before, group.schema.empty_table()))
                    rows += group.num_rows
                    writer.write_table(group)
            same = same and next(before, None) is None
            _keep_if(rows > 0 and not same)
        if not rows:
            self.replace(table, partition, table.schema.empty_table())
        pa.default_memory_pool().release_unused()
        return not same

    def replace(self, table: Table, partition: Partition, rows: pa.Table) -> None:
        """Make `rows`, sorted already, all that the partition holds.

        A partition that becomes empty stays a file without rows: a reader who has listed it must
        find it.
        """
        name = self._file(table, partition)
        if not rows.num_rows and not self.files.path(name).exists():
            return
        with self.files.replacement(name) as path, _writer(table, path, rows) as writer:
            writer.write_table(rows.cast(table.schema), row_group_size=ROW_GROUP_ROWS)

    def has_schema(self, table: Table, partition: Partition) -> bool:
        """Whether the file of a partition, if there is one, has the table's full schema."""
        path = self.files.path(self._file(table, partition))
        with _explained(path):
            return not path.exists() or pq.read_schema(path).equals(table.schema)

    def remove(self, table: Table, partition: Partition) -> None:
        """Remove a partition if it is there; only for pruning, as a reader may miss the file."""
        self.files.remove(self._file(table, partition))

    @contextmanager
    def rewriting(
        self, table: Table, partition: Partition, keep: Callable[[pa.Table], pa.Table]
    ) -> Iterator[Callable[[pa.Table], None]]:
        """Rewrite a partition without holding it in memory.

        The rows that are there pass through `keep`, a row group at a time; then the caller adds
        tables in the table's schema with the function that is yielded. Nothing changes on disk
        before the block ends well.
        """
        with (
            self.files.replacement(self._file(table, partition)) as path,
            _writer(table, path, None) as writer,
        ):
            for kept in _gathered(
                keep(_conform(group, table.schema))
                for group in self._groups(table, partition, table.schema.names, {})
            ):
                writer.write_table(kept)
            yield lambda rows: writer.write_table(rows, row_group_size=ROW_GROUP_ROWS)

    @contextmanager
    def lock_days(self, days: Iterable[date]) -> Iterator[None]:
        """Hold the locks of days, taken in date order so that no two processes wait in a ring."""
        with ExitStack() as stack:
            for day in sorted(set(days)):
                stack.enter_context(self.files.lock(f"day-{day}"))
            yield

    def sweep(self, tables: Iterable[Table], partitions: Collection[Partition]) -> None:
        """Remove what killed writers left in these partitions; their lock must be held."""
        for table in tables:
            for partition in partitions:
                self.files.sweep(self.folder(table, partition))

    def _withholding(self, rows: pa.Table) -> pa.Table:
        for name in self._withheld.intersection(rows.column_names):
            place = rows.column_names.index(name)
            nothing = pa.nulls(rows.num_rows, rows.schema.field(name).type)
            rows = rows.set_column(place, rows.schema.field(name), nothing)
        return rows

    def _file(self, table: Table, partition: Partition) -> str:
        return f"{self.folder(table, partition)}/part-0.parquet"

    def _pieces(self, table: Table, partition: Partition) -> Iterator[pa.Table]:
        """All rows in small tables, in their order."""
        path = self.files.path(self._file(table, partition))
        with _explained(path), pq.ParquetFile(path) as file:
            present = [name for name in table.schema.names if name in file.schema_arrow.names]
            for batch in file.iter_batches(GATHERED_ROWS, columns=present, use_threads=False):
                yield pa.Table.from_batches([batch])

    def _groups(
        self,
        table: Table,
        partition: Partition,
        names: list[str],
        where: Mapping[str, Collection[str]],
    ) -> Iterator[pa.Table]:
        """Row groups as tables, those left out whose statistics rule out every wanted value."""
        path = self.files.path(self._file(table, partition))
        if not path.exists():
            return
        with _explained(path), pq.ParquetFile(path) as file:
            present = set(file.schema_arrow.names)
            wanted = [name for name in {*names, *where} if name in present]
            for number in range(file.num_row_groups):
                if _may_hold(file.metadata.row_group(number), where):
                    yield file.read_row_group(number, columns=wanted)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StorageError(
            f"Cannot read {path}: {str(error).rstrip('.')}. Move the file away "
            "and run again with --refetch for its day, or restore it from a copy."
        ) from error


def _gathered(groups: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in fewer groups: many small additions must not leave many small groups."""
    waiting: list[pa.Table] = []
    rows = 0
    for group in groups:
        waiting.append(group)
        rows += group.num_rows
        if rows >= GATHERED_ROWS:
            yield pa.concat_tables(waiting)
            waiting, rows = [], 0
    if rows:
        yield pa.concat_tables(waiting)


def to_arrow(table: Table, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table of the table's schema; a missing column is NULL."""
    return pa.Table.from_pylist(list(rows), schema=table.schema)


def _writer(table: Table, path: Any, rows: pa.Table | None) -> pq.ParquetWriter:
    """A writer with the lake's settings; measured, see docs/decisions."""
    blooms = {}
    for column in table.bloom:
        distinct = pc.count_distinct(rows[column]).as_py() if rows is not None else ROW_GROUP_ROWS
        blooms[column] = {"ndv": max(distinct, 1), "fpp": 0.01}
    return pq.ParquetWriter(
        path,
        table.schema,
        compression="zstd",
        compression_level=3,
        bloom_filter_options=blooms or None,
    )


def _conform(group: pa.Table, schema: pa.Schema) -> pa.Table:
    """A group of a file that may be older than the schema: missing columns are NULL."""
    columns = [
        group[field.name].cast(field.type)
        if field.name in group.column_names
        else pa.nulls(group.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _only(rows: pa.Table, where: Mapping[str, Collection[str]]) -> pa.Table:
    """Rows whose column has one of the values. A column that an older file lacks is NULL."""
    for column, values in where.items():
        if column not in rows.column_names:
            return rows.slice(0, 0)
        rows = rows.filter(has(rows[column], values))
    return rows


def _may_hold(group: pq.RowGroupMetaData, where: Mapping[str, Collection[str]]) -> bool:
    """Whether a row group can hold one of the wanted values, by its statistics."""
    for number in range(group.num_columns):
        chunk = group.column(number)
        values = where.get(chunk.path_in_schema)
        if values is None:
            continue
        statistics = chunk.statistics
        if statistics is None or not statistics.has_min_max:
            continue
        if not any(statistics.min <= value <= statistics.max for value in values):
            return False
    return True
