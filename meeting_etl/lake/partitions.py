"""Where a partition of a table is: folders and part files below lake/.

Belongs here: names of folders and files, which of them are partitions and parts. Does not: what the
files hold (parquet_files.py).
"""

import re
from collections.abc import Iterable
from types import EllipsisType

from meeting_etl.files import Files
from meeting_etl.lake.tables import Partition
from meeting_etl.schemas import DAY, Table
from meeting_etl.times import parse_day

# What Hive, DuckDB and Arrow call the folder of rows whose partition column is NULL.
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"

_part_file = re.compile(r"part-(\d+)\.parquet").fullmatch


def folder_of(table: Table, partition: Partition | EllipsisType = ...) -> str:
    """Folder of a partition, or of all of them, relative to the data folder."""
    if table.partition is None or partition is ...:
        return f"lake/{table.name}"
    value = NULL_PARTITION if partition is None else str(partition)
    return f"lake/{table.name}/{table.partition.name}={value}"


def is_partition(table: Table, name: str) -> bool:
    """Whether a folder of this name is a partition of the table; a note or a copy is not."""
    if table.partition is None or not name.startswith(f"{table.partition.name}="):
        return False
    value = name.removeprefix(f"{table.partition.name}=")
    of_days = table.partition.kind == DAY
    return not of_days or value == NULL_PARTITION or parse_day(value) is not None


def partitions(files: Files, table: Table) -> list[str]:
    """Values of the partition column, as text and sorted."""
    names = files.names(folder_of(table))
    return [name.split("=", 1)[1] for name in names if is_partition(table, name)]


def partition_values(table: Table, names: Iterable[str]) -> list[Partition]:
    """The partitions of these names: days, or shards; the only one of a table without any."""
    if table.partition is None:
        return [None]
    if table.partition.kind != DAY:
        return list(names)
    return [None if name == NULL_PARTITION else parse_day(name) for name in names]


def part_name(table: Table, partition: Partition, part: int = 0) -> str:
    """Name of a file of a partition, relative to the data folder."""
    return f"{folder_of(table, partition)}/part-{part}.parquet"


def part_numbers(names: Iterable[str]) -> list[int]:
    """Numbers of the part files among the names of a folder, sorted."""
    return sorted(int(match[1]) for match in map(_part_file, names) if match)
