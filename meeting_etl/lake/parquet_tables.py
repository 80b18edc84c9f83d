"""class ParquetTables: tables as Parquet files, `lake/<table>/<column>=<value>/part-<n>.parquet`.

Belongs here: which files there are. Does not: their names (partitions.py), a single file
(parquet_files.py), which rows are in which part (lake.py).
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

import pyarrow as pa

from meeting_etl.files import Files
from meeting_etl.lake.parquet_files import ParquetFiles
from meeting_etl.lake.partitions import (
    folder_of,
    is_partition,
    part_name,
    part_numbers,
    partitions,
)
from meeting_etl.lake.tables import Partition, Where
from meeting_etl.schemas import Table


class ParquetTables:
    """Tables on a disk. A commit replaces one file after the other."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._parquet = ParquetFiles(files)

    def partitions(self, table: Table) -> list[str]:
        return partitions(self._files, table)

    def strays(self, table: Table) -> list[str]:
        names = self._files.names(folder_of(table)) if table.partition else []
        return [name for name in names if not is_partition(table, name)]

    def has_parts(self, table: Table) -> bool:
        folder = self._files.path(folder_of(table))
        if not table.partition:
            return next(folder.glob("*.parquet"), None) is not None
        # Entry by entry: with years of history the folder is long, and the first file will do.
        try:
            with os.scandir(folder) as entries:
                return any(next(Path(entry).glob("*.parquet"), None) for entry in entries)
        except FileNotFoundError:
            return False

    def parts(self, table: Table, partition: Partition) -> list[int]:
        return part_numbers(self._files.names(folder_of(table, partition)))

    def count(self, table: Table, partition: Partition, part: int) -> int:
        return self._parquet.count_rows(part_name(table, partition, part))

    def read(
        self,
        table: Table,
        partition: Partition,
        part: int,
        schema: pa.Schema,
        where: Where | None = None,
    ) -> Iterator[pa.Table]:
        return self._parquet.row_groups(part_name(table, partition, part), schema, where)

    def has_schema(self, table: Table, partition: Partition, part: int) -> bool:
        return self._parquet.has_schema(part_name(table, partition, part), table.schema)

    def changed_at_ns(self, table: Table, partition: Partition) -> int | None:
        names = [part_name(table, partition, part) for part in self.parts(table, partition)]
        with suppress(FileNotFoundError):
            times = (self._files.path(name).stat().st_mtime_ns for name in names)
            return max(times, default=None)
        return None

    def policy_stamp(self, table: Table, partition: Partition, part: int) -> str:
        return self._parquet.policy_stamp(part_name(table, partition, part))

    def commit(
        self,
        table: Table,
        partition: Partition,
        parts: Iterable[tuple[int, pa.Table]],
        *,
        policy_stamp: str = "",
    ) -> int:
        written = 0
        for part, rows in parts:
            self._parquet.replace(table, part_name(table, partition, part), rows, policy_stamp)
            written += 1
        return written

    def writing(
        self, table: Table, partition: Partition, part: int, *, rows: int, policy_stamp: str = ""
    ) -> AbstractContextManager[Callable[[pa.Table], None]]:
        distinct = dict.fromkeys(table.bloom, min(rows, table.group_rows))
        name = part_name(table, partition, part)
        return self._parquet.writing(table, name, distinct, policy_stamp)

    def remove(self, table: Table, partition: Partition) -> None:
        for part in self.parts(table, partition):
            self._files.remove(part_name(table, partition, part))
        self._files.remove_folder(folder_of(table, partition))

    def sweep(self, table: Table, partition: Partition) -> None:
        self._files.sweep(folder_of(table, partition))

    def forget_versions(self, table: Table, partition: Partition) -> None:
        self.sweep(table, partition)

    def vacuum(self, table: Table, *, keep_hours: int) -> None:
        """Nothing: a file that is replaced is gone."""

    def read_once(self) -> AbstractContextManager[None]:
        return nullcontext()

    def pinned(self, locks: Iterable[str]) -> AbstractContextManager[None]:
        """Nothing: here a lock is enough."""
        return nullcontext()

    def relation(self, table: Table) -> str | None:
        return None
