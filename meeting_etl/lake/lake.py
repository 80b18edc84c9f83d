"""class Lake: the tables, read and written by partition; a part is replaced whole or not at all.

Belongs here: reading, merging by key, appending, locks of days; the only writer of tables. Does
not: how they are stored (tables.py), which rows a merge keeps (merging.py) and in which part
(placement.py), what the rows mean (pipeline/), DuckDB (catalog.py).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import Any

import pyarrow as pa

from meeting_etl.files import Files
from meeting_etl.lake.arrow_rows import joined, schema_of, to_arrow
from meeting_etl.lake.floors import Floors
from meeting_etl.lake.kinds import on_disk, tables_of
from meeting_etl.lake.merging import merged, unique
from meeting_etl.lake.moved import write_check
from meeting_etl.lake.placement import Placement
from meeting_etl.lake.policy_notes import PolicyNotes
from meeting_etl.lake.row_changes import ChangeCounts
from meeting_etl.lake.tables import Partition, Tables, Where
from meeting_etl.lake.writers_locks import day_lock
from meeting_etl.lake.written_rows import RowWriter
from meeting_etl.privacy.privacy import Privacy
from meeting_etl.schemas import Table
from meeting_etl.state import LocalState, State
from meeting_etl.storage import Storage
from meeting_etl.times import parse_day


class Lake:
    """The tables of a data folder.

    All methods raise StorageError. All rows are written as `privacy` says (written_rows.py).
    `person_metrics`: whether metrics of single persons are stored (metrics.py).
    """

    def __init__(
        self,
        files: Storage,
        state: State | None = None,
        *,
        tables: Tables | None = None,
        privacy: Privacy | None = None,
        person_metrics: bool = True,
    ) -> None:
        self.storage = files
        self.state = state or LocalState(on_disk(files))
        self.floors = Floors(files, self.state)
        self.person_metrics = person_metrics
        self.changes = ChangeCounts()  # by merges of this process
        self.tables = tables or tables_of(files)
        self.privacy = privacy or Privacy(self.state)
        self.policy_notes = PolicyNotes(self.state)
        self._check = write_check(files, self.state)
        self._writer = RowWriter(self.tables, self.privacy, self.policy_notes, self._check)

    @property
    def files(self) -> Files:
        """The storage, which must be a folder."""
        return on_disk(self.storage)

    def partitions(self, table: Table) -> list[str]:
        """Values of the partition column, as text and sorted."""
        return self.tables.partitions(table)

    def days(self, table: Table) -> list[date]:
        """The partitions of a table that are days, the oldest first."""
        return [day for day in map(parse_day, self.partitions(table)) if day]

    def has_rows(self, table: Table) -> bool:
        """Whether the table has rows, or had some."""
        return self.tables.has_parts(table)

    def count(self, table: Table, partition: Partition = None) -> int:
        """Number of rows of a partition, without reading them."""
        parts = self.tables.parts(table, partition)
        return sum(self.tables.count(table, partition, part) for part in parts)

    def read(
        self,
        table: Table,
        partition: Partition = None,
        *,
        columns: list[str] | None = None,
        where: Where | None = None,
    ) -> pa.Table:
        """Rows of a partition in the table's schema; none when it does not exist.

        `where` keeps rows whose column has one of the values. Each part is in the table's order.
        """
        schema = table.schema if columns is None else schema_of(table, columns)
        return joined(self.read_in_groups(table, partition, schema, where), schema)

    def read_in_groups(
        self,
        table: Table,
        partition: Partition,
        schema: pa.Schema | None = None,
        where: Where | None = None,
    ) -> Iterator[pa.Table]:
        """The rows of a partition, some at a time."""
        for part in self.tables.parts(table, partition):
            yield from self.tables.read(table, partition, part, schema or table.schema, where)

    def merge(
        self,
        table: Table,
        partition: Partition,
        rows: Iterable[Mapping[str, Any]] | pa.Table,
        *,
        replacing: Where | None = None,
    ) -> bool:
        """Put rows into a partition, in the place of those with the same key: the last one stays.

        Rows whose column has one of the values in `replacing` are removed first. Returns whether
        anything changed: a part is replaced only when its rows change.
        """
        new = rows if isinstance(rows, pa.Table) else to_arrow(table, rows)
        new = self._writer.written(table, self.floors.kept(table, partition, new))
        new = unique(table, new)
        replacing = {name: values for name, values in (replacing or {}).items() if values}
        if not new.num_rows and not replacing:
            return False
        parts = self._merged_parts(table, partition, new, replacing)
        return self._writer.commit(table, partition, parts) > 0

    def _merged_parts(
        self, table: Table, partition: Partition, new: pa.Table, replacing: Where
    ) -> Iterator[tuple[int, pa.Table]]:
        """The parts that a merge changes, with all their rows."""
        parts = self.tables.parts(table, partition)
        for part, arriving in self._placed(table, partition, parts, new, replacing).items():
            old = stored = table.schema.empty_table()
            if part in parts:
                old = self._read_part(table, partition, part, table.schema)
                stored = self._writer.of_current_policy(table, partition, part, old)
            rows = merged(table, stored, arriving, replacing)
            if not rows.equals(old):
                self.changes.add(table, partition, old, arriving, rows.num_rows)
                yield part, rows

    def _placed(
        self,
        table: Table,
        partition: Partition,
        parts: list[int],
        new: pa.Table,
        replacing: Where,
    ) -> dict[int, pa.Table]:
        """The parts that a merge may change, each with its new rows."""
        grows = self._part_to_grow(table, partition)
        if parts in ([], [grows]):  # the usual partition has one part
            return {grows: new}
        placement = Placement(table, new, replacing)
        schema = schema_of(table, placement.columns)
        placement.look_at(parts, lambda part: self._read_part(table, partition, part, schema))
        return placement.changes(grows)

    def _read_part(
        self, table: Table, partition: Partition, part: int, schema: pa.Schema
    ) -> pa.Table:
        return joined(self.tables.read(table, partition, part, schema), schema)

    def replace(self, table: Table, partition: Partition, rows: pa.Table) -> None:
        """Make `rows`, sorted already, the content of a partition, in one part.

        For tables that are always replaced as a whole: where there are several parts, the others
        are emptied one after the other.
        """
        rows, parts = self.floors.kept(table, partition, rows), self.tables.parts(table, partition)
        if rows.num_rows or parts:
            first, *others = parts or [0]
            empty = table.schema.empty_table()
            changes = [
                (first, self._writer.written(table, rows)),
                *((part, empty) for part in others),
            ]
            self._writer.commit(table, partition, changes)

    def as_written(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The rows as they would be stored, to be compared with stored ones."""
        return list(self._writer.written(table, to_arrow(table, rows)).to_pylist())

    def has_schema(self, table: Table, partition: Partition) -> bool:
        """Whether the parts of a partition, if there are any, have the table's full schema."""
        parts = self.tables.parts(table, partition)
        return all(self.tables.has_schema(table, partition, part) for part in parts)

    def has_policy(self, table: Table, partition: Partition) -> bool:
        """Whether the parts of a partition, if there are any, follow the current column policy."""
        parts = self.tables.parts(table, partition)
        return all(self._writer.has_policy(table, partition, part) for part in parts)

    def update(self, table: Table, partition: Partition) -> None:
        """Rewrite the parts of a partition that have another schema or follow another policy."""
        for part in self.tables.parts(table, partition):
            has_schema = self.tables.has_schema(table, partition, part)
            if not has_schema or not self._writer.has_policy(table, partition, part):
                self._writer.rewrite(table, partition, part)

    def erase(self, table: Table, partition: Partition) -> None:
        """Rewrite the parts of a partition that have rows of erased persons or meetings."""
        for part in self.tables.parts(table, partition):
            if self._writer.changes(table, partition, part):
                self._writer.rewrite(table, partition, part)

    def remove(self, table: Table, partition: Partition) -> None:
        """Remove a partition if it is there, of an index alone: a reader may miss a part."""
        self._check()
        self.tables.remove(table, partition)

    def filter_rows(
        self,
        table: Table,
        partition: Partition,
        keep: Callable[[pa.Table], pa.Table],
        *,
        newest_only: bool,
    ) -> None:
        """Remove the rows that `keep` leaves out, from the newest part of a partition or from all.

        `keep` gets rows with all columns or those of the key. Parts without such rows stay as they
        are.
        """
        parts, schema = self.tables.parts(table, partition), schema_of(table, table.key)
        for part in parts[-1:] if newest_only else parts:
            keys = self.tables.read(table, partition, part, schema)
            if any(keep(rows).num_rows < rows.num_rows for rows in keys):
                self._writer.rewrite(table, partition, part, keep)

    @contextmanager
    def appending(
        self, table: Table, partition: Partition, *, rows: int | None = None
    ) -> Iterator[Callable[[pa.Table], None]]:
        """Add about `rows` new rows with the function that is yielded; they need not fit in memory.

        One part changes, when the block ends well: the newest while it has few rows, else a new
        one.
        """
        part = self._part_to_grow(table, partition)
        stored = table.schema.empty_table()
        if part in self.tables.parts(table, partition):
            stored = self._read_part(table, partition, part, table.schema)
            stored = self._writer.of_current_policy(table, partition, part, stored)
        most = stored.num_rows + (rows or table.part_rows)
        with self._writer.writing(table, partition, part, most) as write:
            if stored.num_rows:
                write(stored)
            written, kept = self._writer.written, self.floors.kept
            yield lambda new: write(written(table, kept(table, partition, new)))

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock under which tables are written (writers_locks.py)."""
        with self.state.lock(name), self._pinned([name]):
            yield

    @contextmanager
    def lock_days(self, days: Iterable[date]) -> Iterator[None]:
        """Hold the locks of days, taken in date order so that processes cannot deadlock."""
        with self.try_lock_days(days, may_wait=True):
            yield

    @contextmanager
    def try_lock_days(self, days: Iterable[date], *, may_wait: bool) -> Iterator[bool]:
        """As `lock_days`, but waits only if it may; yields whether all locks are held.

        For the holder of other days' locks, who would cause a deadlock by waiting.
        """
        locks = [day_lock(day) for day in sorted(set(days))]
        take = self.state.lock if may_wait else self.state.lock_if_free
        with ExitStack() as stack:
            if is_locked := all(stack.enter_context(take(lock)) for lock in locks):
                stack.enter_context(self._pinned(locks))
            yield is_locked

    @contextmanager
    def _pinned(self, locks: list[str]) -> Iterator[None]:
        """What is read while these locks are held, which were just taken, is of that time."""
        with self.floors.pinned(), self.tables.pinned(locks):
            yield

    def sweep(self, tables: Iterable[Table], partitions: Collection[Partition]) -> None:
        """Remove what killed writers left in these partitions; their lock must be held."""
        for table in tables:
            for partition in partitions:
                self.tables.sweep(table, partition)

    def _part_to_grow(self, table: Table, partition: Partition) -> int:
        """The part that more rows go to: the newest, or a new one when that is large."""
        if not (parts := self.tables.parts(table, partition)):
            return 0
        return parts[-1] + (self.tables.count(table, partition, parts[-1]) >= table.part_rows)
