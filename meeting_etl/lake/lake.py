"""class Lake: the tables as Parquet files, each replaced as a whole or not at all.

Belongs here: paths of partitions, reading, merging by key, appending, locks of days; the only
writer of Parquet. Does not: what the rows mean (pipeline/), nor DuckDB (catalog.py).
"""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from meeting_etl.files import Files
from meeting_etl.lake.damage import explained
from meeting_etl.lake.merging import even, has, merged, merged_groups, without
from meeting_etl.schemas import LINK_COLUMNS, Table
from meeting_etl.times import parse_day

# The lock of who reads logs, and writes the tables of received days.
INGEST_LOCK = "ingest"
# What Hive, DuckDB and Arrow call the folder of rows whose partition column is NULL.
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
# A partition with more rows is merged in row groups of so many, so that memory stays bounded.
_LARGE_ROWS = 30_720
# So many rows are held at a time where a file is read piece by piece.
_PIECE_ROWS = 16_384
# A file that is appended to is rewritten until it has so many rows; then the next one begins.
PART_ROWS = 4_096

_number_of_part = re.compile(r"part-(\d+)\.parquet").fullmatch

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
    `withheld` are columns that are written as NULL whatever the rows hold. `person_metrics`:
    whether metrics of single persons are kept (metrics.py).
    """

    def __init__(
        self,
        files: Files,
        *,
        withheld: Collection[str] = LINK_COLUMNS,
        person_metrics: bool = True,
    ) -> None:
        self.files = files
        self.person_metrics = person_metrics
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
        return [name.split("=", 1)[1] for name in names if _is_partition(table, name)]

    def strays(self, table: Table) -> list[str]:
        """Names of what lies between the partitions of a table and is none, sorted."""
        names = self.files.names(f"lake/{table.name}") if table.partition else []
        return [name for name in names if not _is_partition(table, name)]

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
        """Number of rows of a partition, from the footers of its files."""
        return sum(map(self._rows, self._parts(table, partition)))

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
            _conform(group, schema)
            for part in self._parts(table, partition)
            for group in self._groups(part, schema.names, where or {})
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

        Rows whose column has one of the values in `replacing` are removed first. Returns whether
        the file changed; a merge that changes nothing leaves the file alone, one that leaves no
        rows leaves a file without any.
        """
        new = self._withholding(rows if isinstance(rows, pa.Table) else to_arrow(table, rows))
        if table.appended:
            return self._merge_into_parts(table, partition, new)
        if table.sort and self.count(table, partition) > _LARGE_ROWS:
            return self._merge_by_group(table, partition, new, replacing or {})
        old = self.read(table, partition)
        rows_now = merged(table, old, new, replacing or {})
        if rows_now.equals(old):
            return False
        self.replace(table, partition, rows_now)
        return True

    def _merge_into_parts(self, table: Table, partition: Partition, new: pa.Table) -> bool:
        """Replace each row in the file that it lies in; new ones go to the newest file.

        So at no moment a reader misses a row or sees it twice.
        """
        changed = False
        for part in reversed(self._parts(table, partition)):
            if not new.num_rows:
                break
            rest = without(table, new, self._whole(part, table.schema, list(table.key)))
            if rest.num_rows < new.num_rows:
                changed |= self._merge_into(table, part, without(table, new, rest))
                new = rest
        if new.num_rows:
            name, _ = self._growing(table, partition)
            changed |= self._merge_into(table, name, new)
        return changed

    def _merge_into(self, table: Table, part: str, new: pa.Table) -> bool:
        old = table.schema.empty_table()
        if self.files.path(part).exists():
            old = self._whole(part, table.schema, table.schema.names)
        rows = merged(table, old, new, {})
        if rows.equals(old):
            return False
        with (
            self.files.replacement(part) as path,
            _writer(table, path, _distinct(table, rows)) as writer,
        ):
            writer.write_table(rows, row_group_size=table.group_rows)
        return True

    def _merge_by_group(
        self,
        table: Table,
        partition: Partition,
        new: pa.Table,
        replacing: Mapping[str, Collection[str]],
    ) -> bool:
        """Merge without holding the partition in memory."""

        def held() -> Iterator[pa.Table]:
            for group in self._pieces(table, partition):
                yield _conform(group, table.schema)

        before, rows, same = even(held(), _LARGE_ROWS), 0, True
        distinct = dict.fromkeys(table.bloom, table.group_rows)
        with suppress(_NotToBeKept), self.files.replacement(self._file(table, partition)) as path:
            with _writer(table, path, distinct) as writer:
                for group in even(merged_groups(table, held(), new, replacing), _LARGE_ROWS):
                    same = same and group.equals(next(before, group.schema.empty_table()))
                    rows += group.num_rows
                    writer.write_table(group, row_group_size=table.group_rows)
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
        distinct = _distinct(table, rows)
        with self.files.replacement(name) as path, _writer(table, path, distinct) as writer:
            writer.write_table(rows.cast(table.schema), row_group_size=table.group_rows)

    def changed_at_ns(self, table: Table, partition: Partition) -> int | None:
        """When a file of the partition was last replaced, by the disk's clock; None without any."""
        paths = [self.files.path(part) for part in self._parts(table, partition)]
        with suppress(FileNotFoundError):
            return max((path.stat().st_mtime_ns for path in paths), default=None)
        return None

    def has_schema(self, table: Table, partition: Partition) -> bool:
        """Whether the files of a partition, if there are any, have the table's full schema."""
        return all(self._has_schema(table, part) for part in self._parts(table, partition))

    def update_schema(self, table: Table, partition: Partition) -> None:
        """Rewrite the files of a partition that lack columns of the table's schema."""
        for part in self._parts(table, partition):
            if not self._has_schema(table, part):
                self._rewrite(table, part, lambda rows: rows)

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
        are; one that becomes empty stays a file, as a reader who has listed it must find it.
        """
        parts = self._parts(table, partition)
        for part in parts[-1:] if newest_only else parts:
            keys = self._groups(part, list(table.key), {})
            if any(keep(group).num_rows < group.num_rows for group in keys):
                self._rewrite(table, part, keep)

    @contextmanager
    def appending(
        self, table: Table, partition: Partition, *, rows: int = PART_ROWS
    ) -> Iterator[Callable[[pa.Table], None]]:
        """Add rows, about so many, with the function that is yielded; they need not fit in memory.

        One file changes, when the block ends well: the newest while it has few rows, else a new
        one.
        """
        name, is_there = self._growing(table, partition)
        held = self._whole(name, table.schema, table.schema.names) if is_there else None
        most = min((held.num_rows if held else 0) + rows, table.group_rows)
        with (
            self.files.replacement(name) as path,
            _writer(table, path, dict.fromkeys(table.bloom, most)) as writer,
        ):
            if held:
                writer.write_table(held)
            yield lambda added: writer.write_table(added, row_group_size=table.group_rows)

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

    def _parts(self, table: Table, partition: Partition) -> list[str]:
        """The files of a partition that are there, the newest last."""
        if not table.appended:
            name = self._file(table, partition)
            return [name] if self.files.path(name).exists() else []
        folder = self.folder(table, partition)
        found = filter(None, map(_number_of_part, self.files.names(folder)))
        numbers = sorted(int(one[1]) for one in found)
        return [f"{folder}/part-{number}.parquet" for number in numbers]

    def _growing(self, table: Table, partition: Partition) -> tuple[str, bool]:
        """The file that more rows go to, and whether it is there; not so when the last is large."""
        parts = self._parts(table, partition)
        if parts and self._rows(parts[-1]) < PART_ROWS:
            return parts[-1], True
        found = _number_of_part(parts[-1].rpartition("/")[2]) if parts else None
        number = int(found[1]) + 1 if found else 0
        return f"{self.folder(table, partition)}/part-{number}.parquet", False

    def _whole(self, part: str, schema: pa.Schema, names: list[str]) -> pa.Table:
        """All rows of a file, some or all of its columns."""
        some = pa.schema(map(schema.field, names))
        groups = [_conform(group, some) for group in self._groups(part, names, {})]
        return pa.concat_tables(groups) if groups else some.empty_table()

    @contextmanager
    def _readable(self, part: str) -> Iterator[Path]:
        """The path of a file that is read; whatever keeps it from being read is a StorageError."""
        path = self.files.path(part)
        with explained(path, part.split("/")[1]):
            yield path

    def _rows(self, part: str) -> int:
        with self._readable(part) as path:
            rows: int = pq.read_metadata(path).num_rows
        return rows

    def _has_schema(self, table: Table, part: str) -> bool:
        with self._readable(part) as path:
            same: bool = pq.read_schema(path).equals(table.schema)
        return same

    def _rewrite(self, table: Table, part: str, keep: Callable[[pa.Table], pa.Table]) -> None:
        """Rewrite a file with what `keep` leaves of it, a row group at a time."""
        most = min(self._rows(part), table.group_rows)
        distinct = dict.fromkeys(table.bloom, most)
        with self.files.replacement(part) as path, _writer(table, path, distinct) as writer:
            for group in self._groups(part, table.schema.names, {}):
                writer.write_table(keep(_conform(group, table.schema)))

    def _pieces(self, table: Table, partition: Partition) -> Iterator[pa.Table]:
        """All rows in small tables, in their order."""
        with self._readable(self._file(table, partition)) as path, pq.ParquetFile(path) as file:
            present = [name for name in table.schema.names if name in file.schema_arrow.names]
            for batch in file.iter_batches(_PIECE_ROWS, columns=present, use_threads=False):
                yield pa.Table.from_batches([batch])

    def _groups(
        self, part: str, names: list[str], where: Mapping[str, Collection[str]]
    ) -> Iterator[pa.Table]:
        """Row groups as tables, of which only rows that `where` asks for.

        What a group holds is read only when its statistics and its columns in `where` do not rule
        out all of its rows.
        """
        with self._readable(part) as path, pq.ParquetFile(path) as file:
            present = set(file.schema_arrow.names)
            wanted = [name for name in names if name in present] or file.schema_arrow.names[:1]
            if not where.keys() <= present:
                return  # a column that an older file lacks is NULL
            for number in range(file.num_row_groups):
                if not where:
                    yield file.read_row_group(number, columns=wanted)
                elif _may_hold(file.metadata.row_group(number), where):
                    mask = _asked_for(file.read_row_group(number, columns=list(where)), where)
                    if pc.any(mask).as_py():
                        yield file.read_row_group(number, columns=wanted).filter(mask)


def _is_partition(table: Table, name: str) -> bool:
    """Whether the name of a folder is that of a partition; a note or a copy beside them is not."""
    if table.partition is None or not name.startswith(f"{table.partition.name}="):
        return False
    value = name.removeprefix(f"{table.partition.name}=")
    of_days = pa.types.is_date(table.partition.type)
    return not of_days or value == NULL_PARTITION or parse_day(value) is not None


def to_arrow(table: Table, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table of the table's schema; a missing column is NULL."""
    return pa.Table.from_pylist(list(rows), schema=table.schema)


def _distinct(table: Table, rows: pa.Table) -> dict[str, int]:
    """How many values the columns with a bloom filter have."""
    return {column: pc.count_distinct(rows[column]).as_py() for column in table.bloom}


def _writer(table: Table, path: Any, distinct: Mapping[str, int]) -> pq.ParquetWriter:
    """A writer with the lake's settings; measured, see docs/decisions.

    `distinct` is about how many values of a column with a bloom filter are in a row group.
    """
    blooms = {column: {"ndv": max(distinct[column], 1), "fpp": 0.01} for column in table.bloom}
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


def _asked_for(rows: pa.Table, where: Mapping[str, Collection[str]]) -> pa.ChunkedArray:
    """For each row whether its columns have one of the values each."""
    masks = (has(rows[column], values) for column, values in where.items())
    return reduce(pc.and_, masks)


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
