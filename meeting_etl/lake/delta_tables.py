"""class DeltaTables: tables as Delta tables in a bucket, `lake/<table>/`.

Belongs here: parts as Parquet files with a name of their own each, and what a process knows of a
partition when it changes it. Does not: the log that names the files (object_storage/delta_log.py),
a single file (parquet_files.py), which rows are in which part (lake.py).
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pyarrow as pa

from meeting_etl.errors import DamagedFile
from meeting_etl.lake.arrow_rows import joined
from meeting_etl.lake.column_cache import ColumnCache
from meeting_etl.lake.delta_logs import DeltaLogs
from meeting_etl.lake.parquet_files import ParquetFiles
from meeting_etl.lake.partitions import NULL_PARTITION, folder_of
from meeting_etl.lake.tables import Partition, Where
from meeting_etl.lake.writers_locks import day_of_lock, lock_of_table, writers_lock
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.object_storage.part_files import NO_PARTS, PartFile, Parts
from meeting_etl.schemas import MEETING_INDEX, TABLES, Table

# The columns of the key of two million snippets.
_MOST_KEPT_BYTES = 256 * 1024 * 1024
# Logs that are read at a time.
_LOGS_AT_ONCE = 8

# Files that are uploaded at a time.
_UPLOADS = 8


class DeltaTables:
    """Tables in a bucket. A commit replaces all its parts at once.

    A partition that was changed by another process since this one read it is not written: since the
    last call of `parts`, or since the lock under which it is written was taken. What is read of a
    part is of that time, too.
    """

    def __init__(self, files: ObjectFiles) -> None:
        self._files = files
        self._parquet = ParquetFiles(files)
        self._logs = DeltaLogs(files)
        # The parts of partitions when they were read, by table, and the locks that are held, under
        # which these stay.
        self._seen: dict[str, dict[str | None, Parts]] = defaultdict(dict)
        self._held: set[str] = set()
        # Of files, which never change: their column policy, and whether they have all columns.
        self._stamps: dict[str, str] = {}
        self._complete: dict[str, bool] = {}
        self._kept = ColumnCache(_MOST_KEPT_BYTES)

    def partitions(self, table: Table) -> list[str]:
        if table.partition is None:
            return []
        return sorted(
            NULL_PARTITION if name is None else name for name in self._logs.partitions(table)
        )

    def strays(self, table: Table) -> list[str]:
        return []

    def has_parts(self, table: Table) -> bool:
        return self._logs.has_parts(table)

    def parts(self, table: Table, partition: Partition) -> list[int]:
        return list(self._read_anew(table, _key(partition)))

    def count(self, table: Table, partition: Partition, part: int) -> int:
        return self._file(table, partition, part).rows

    def read(
        self,
        table: Table,
        partition: Partition,
        part: int,
        schema: pa.Schema,
        where: Where | None = None,
    ) -> Iterator[pa.Table]:
        name = self._name(table, partition, part)
        try:
            if where or len(schema) == len(table.schema):
                yield from self._parquet.row_groups(name, schema, where)
            else:
                yield self._columns(name, schema)
        except DamagedFile as error:
            # Perhaps it was replaced since it was listed, and removed by `erase`.
            is_gone = isinstance(error.__cause__, FileNotFoundError)
            self._logs.forget(table)
            self._read_anew(table, _key(partition))
            if not is_gone or self._name(table, partition, part) == name:
                raise
            yield from self.read(table, partition, part, schema, where)

    def has_schema(self, table: Table, partition: Partition, part: int) -> bool:
        name = self._name(table, partition, part)
        if name not in self._complete:
            self._complete[name] = self._parquet.has_schema(name, table.schema)
        return self._complete[name]

    def changed_at_ns(self, table: Table, partition: Partition) -> int | None:
        files = self._as_pinned(table, _key(partition))
        return max((file.changed_at_ms * 1_000_000 for file in files.values()), default=None)

    def policy_stamp(self, table: Table, partition: Partition, part: int) -> str:
        name = self._name(table, partition, part)
        if name not in self._stamps:
            self._stamps[name] = self._parquet.policy_stamp(name)
        return self._stamps[name]

    def commit(
        self,
        table: Table,
        partition: Partition,
        parts: Iterable[tuple[int, pa.Table]],
        *,
        policy_stamp: str = "",
    ) -> int:
        files = {
            part: self._written(table, partition, part, rows, policy_stamp) for part, rows in parts
        }
        if files:
            self._commit(table, partition, files)
        return len(files)

    @contextmanager
    def writing(
        self, table: Table, partition: Partition, part: int, *, rows: int, policy_stamp: str = ""
    ) -> Iterator[Callable[[pa.Table], None]]:
        distinct = dict.fromkeys(table.bloom, min(rows, table.group_rows))
        path, written = _new_path(table, partition, part), 0
        name = f"{folder_of(table)}/{path}"
        with self._parquet.writing(table, name, distinct, policy_stamp) as write:

            def write_and_count(more: pa.Table) -> None:
                nonlocal written
                write(more)
                written += more.num_rows

            yield write_and_count
        self._commit(table, partition, {part: self._part_file(table, path, written, policy_stamp)})

    def stored(self, table: Table) -> Mapping[str | None, Parts]:
        """The files of all partitions, which are named as in the log."""
        return self._logs.of(table).all()

    def take_over(self, table: Table, files: Iterable[tuple[Partition, int, Path, int]]) -> None:
        """Make Parquet files of a disk the parts of partitions, which have none of these yet.

        `files`: partition, part, path, number of rows. They keep their bytes and the time of their
        change. All at once, in a table that no other process writes.
        """
        with ThreadPoolExecutor(_UPLOADS) as pool:
            uploads = [(file, pool.submit(self._uploaded, table, *file)) for file in files]
            found: dict[str | None, dict[int, PartFile]] = {}
            for (partition, part, *_), upload in uploads:
                found.setdefault(_key(partition), {})[part] = upload.result()
        self._logs.of(table).add(found)

    def remove(self, table: Table, partition: Partition) -> None:
        if parts := self.parts(table, partition):
            self._commit(table, partition, {}, removed=parts)

    def sweep(self, table: Table, partition: Partition) -> None:
        """Nothing: files that are in no version are removed by `vacuum`."""

    def forget_versions(self, table: Table, partition: Partition) -> None:
        parts = self._logs.of(table).all().get(_key(partition), NO_PARTS)
        current = {file.path for file in parts.values()}
        folder, root = folder_of(table, partition), folder_of(table)
        for name in self._files.paths(folder):
            path = name.removeprefix(f"{root}/")
            if path.endswith(".parquet") and path not in current and not path.startswith("_"):
                self._files.remove(name)

    def vacuum(self, table: Table, *, keep_hours: int) -> None:
        """Remove files that are in no version of the last hours."""
        self._logs.of(table).vacuum(keep_hours)

    def read_once(self) -> AbstractContextManager[None]:
        return self._logs.read_once()

    @contextmanager
    def pinned(self, locks: Iterable[str]) -> Iterator[None]:
        taken = set(locks) - self._held
        days = {day for day in map(day_of_lock, taken) if day}

        def pin(table: Table) -> None:
            lock = lock_of_table(table)
            if lock in taken:
                self._seen[table.name] = dict(self._logs.of(table).all())
            elif lock is None and days:
                found = self._logs.of(table).all()
                self._seen[table.name].update((day, found.get(day, NO_PARTS)) for day in days)

        with ThreadPoolExecutor(_LOGS_AT_ONCE) as pool:
            list(pool.map(pin, (*TABLES.values(), MEETING_INDEX)))
        self._held |= taken
        try:
            yield
        finally:
            self._held -= taken

    def relation(self, table: Table) -> str | None:
        return relation_of(table)

    def _as_pinned(self, table: Table, key: str | None) -> Parts:
        """The parts of a partition now, or when the lock was taken under which it is written."""
        if writers_lock(table, key) in self._held:
            return self._seen[table.name].get(key, NO_PARTS)
        return self._logs.partitions(table).get(key, NO_PARTS)

    def _read_anew(self, table: Table, key: str | None) -> Parts:
        """The same, which is from now on what was read."""
        parts = self._seen[table.name][key] = self._as_pinned(table, key)
        return parts

    def _file(self, table: Table, partition: Partition, part: int) -> PartFile:
        key = _key(partition)
        if key not in self._seen[table.name]:
            self._read_anew(table, key)
        return self._seen[table.name][key][part]

    def _name(self, table: Table, partition: Partition, part: int) -> str:
        return f"{folder_of(table)}/{self._file(table, partition, part).path}"

    def _columns(self, name: str, schema: pa.Schema) -> pa.Table:
        """Some columns of a file: each merge looks for rows in those of the key."""
        key = (name, tuple(schema.names))
        found = self._kept.get(key, schema)
        if found is None:
            found = joined(self._parquet.row_groups(name, schema), schema)
            self._kept.put(key, found)
        return found

    def _written(
        self, table: Table, partition: Partition, part: int, rows: pa.Table, policy_stamp: str
    ) -> PartFile:
        path = _new_path(table, partition, part)
        self._parquet.replace(table, f"{folder_of(table)}/{path}", rows, policy_stamp)
        return self._part_file(table, path, rows.num_rows, policy_stamp)

    def _uploaded(
        self, table: Table, partition: Partition, part: int, path: Path, rows: int
    ) -> PartFile:
        to, found = _new_path(table, partition, part), path.stat()
        self._files.copy_in(path, f"{folder_of(table)}/{to}")
        return PartFile(to, found.st_size, rows, found.st_mtime_ns // 1_000_000)

    def _part_file(self, table: Table, path: str, rows: int, policy_stamp: str) -> PartFile:
        name = f"{folder_of(table)}/{path}"
        self._stamps[name], self._complete[name] = policy_stamp, True
        now_ms = time.time_ns() // 1_000_000
        return PartFile(path, self._files.size_bytes(name) or 0, rows, now_ms)

    def _commit(
        self,
        table: Table,
        partition: Partition,
        files: dict[int, PartFile],
        removed: Collection[int] = (),
    ) -> None:
        """Replace the parts that have new files, and remove some."""
        key = _key(partition)
        seen = self._seen[table.name]
        known = seen[key] if key in seen else self._read_anew(table, key)
        seen[key] = self._logs.of(table).commit(key, files, [*files, *removed], known)
        self._logs.forget(table)


def relation_of(table: Table) -> str:
    """The name of the relation that has a table's rows in SQL."""
    return f"stored_{table.name}"


def _key(partition: Partition) -> str | None:
    return None if partition is None else str(partition)


def _new_path(table: Table, partition: Partition, part: int) -> str:
    """A path below the table's that no file has had."""
    name = f"part-{part}-{uuid.uuid4().hex}.parquet"
    if table.partition is None:
        return name
    return f"{folder_of(table, partition).rsplit('/', 1)[1]}/{name}"
