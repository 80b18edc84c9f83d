"""The files of a Delta table that are its parts, and the actions of a log that add and remove them.

Belongs here: actions, and the schema of a table in a log. Does not: commits (delta_log.py).
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from meeting_etl.schemas import Table

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

# The second partition column of every table.
PART = "part"
_PARTITION = "partition."


@dataclass(frozen=True)
class PartFile:
    """The file that is a part: its path below the table's, and when it was made by its writer.

    No two files have the same path.
    """

    path: str
    size_bytes: int
    rows: int
    changed_at_ms: int


Parts = Mapping[int, PartFile]
"""The parts of a partition by number, sorted."""
NO_PARTS: Parts = MappingProxyType({})


def read_parts(table: Table, delta: "DeltaTable") -> dict[str | None, Parts]:
    """The parts of each partition."""
    import pyarrow as pa

    actions = pa.table(delta.get_add_actions(flatten=True))
    count, column = actions.num_rows, table.partition
    partitions = actions[_PARTITION + column.name].to_pylist() if column else [None] * count
    found: dict[str | None, dict[int, PartFile]] = {}
    names = ("path", "size_bytes", "num_records", "modification_time")
    values = zip(*(_plain(actions[name]) for name in names), strict=True)
    parts = actions[_PARTITION + PART].to_pylist()
    for partition, part, value in zip(partitions, parts, values, strict=True):
        key = None if partition is None else str(partition)
        found.setdefault(key, {})[part] = PartFile(*value)
    return {key: dict(sorted(found[key].items())) for key in found}


def additions(table: Table, partition: str | None, parts: Parts) -> "list[object]":
    """The actions that add these parts."""
    from deltalake.transaction import AddAction

    return [
        AddAction(
            file.path,
            file.size_bytes,
            _values(table, partition, part),
            file.changed_at_ms,
            True,
            json.dumps({"numRecords": file.rows}),
        )
        for part, file in parts.items()
    ]


def removals(table: Table, partition: str | None, parts: Parts) -> "list[object]":
    """The actions that remove these parts."""
    from deltalake.transaction import RemoveAction

    now_ms = time.time_ns() // 1_000_000
    return [
        RemoveAction(file.path, True, now_ms, file.size_bytes, _values(table, partition, part))
        for part, file in parts.items()
    ]


def partition_by(table: Table) -> list[str]:
    """The partition columns of a table in its log."""
    return [table.partition.name, PART] if table.partition else [PART]


def schema_in_log(table: Table) -> "pa.Schema":
    """The columns of a table in its log, with their comments."""
    import pyarrow as pa

    columns = [*table.columns, *([table.partition] if table.partition else [])]
    fields = [
        pa.field(column.name, column.type, metadata={"comment": column.comment})
        for column in columns
    ]
    return pa.schema([*fields, pa.field(PART, pa.int32())])


def _values(table: Table, partition: str | None, part: int) -> dict[str, str | None]:
    column = table.partition
    return ({column.name: partition} if column else {}) | {PART: str(part)}


def _plain(values: "pa.ChunkedArray") -> list[int]:
    import pyarrow as pa

    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    plain: list[int] = values.to_pylist()
    return plain
