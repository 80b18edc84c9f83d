"""class DeltaLog: the log of one Delta table, which says which files are its rows.

Belongs here: reading the log, and commits that replace files of one partition unless another
process has changed that meanwhile. Does not: the files (lake/delta_tables.py).

Each commit raises a number of its partition, in Delta's own application transactions. Delta refuses
a commit when another one has raised the same number since the log was read; whoever knew an earlier
number is refused before.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING

from meeting_etl.errors import StorageError
from meeting_etl.schemas import Table

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds
    from deltalake import DeltaTable

# The second partition column of every table.
PART = "part"
_PARTITION = "partition."
_MOST_TRIES = 20
_CONFIGURATION = {
    "delta.logRetentionDuration": "interval 2 days",
    "delta.deletedFileRetentionDuration": "interval 1 days",
}
_STORAGE_OPTIONS = {"allow_http": "true", "timeout": "30s"}


@dataclass(frozen=True)
class PartFile:
    """The file that is a part: its path below the table's, and when it was made by its writer."""

    path: str
    size_bytes: int
    rows: int
    changed_at_ms: int


Parts = Mapping[int, PartFile]
"""The parts of a partition by number."""
_NO_PARTS: Parts = MappingProxyType({})


class DeltaLog:
    """All methods raise StorageError. Partitions are named as in the log; None for NULL."""

    def __init__(self, table: Table, url: str) -> None:
        self._table = table
        self._url = url
        self._lock = RLock()
        self._delta: DeltaTable | None = None
        self._version = -1
        self._partitions: dict[str | None, dict[int, PartFile]] = {}

    def all(self) -> Mapping[str | None, Parts]:
        """The parts of each partition, as they are now."""
        with self._lock:
            self._refresh()
            return dict(self._partitions)

    def parts(self, partition: str | None) -> Parts:
        """The parts of a partition, as they are now."""
        with self._lock:
            self._refresh()
            return self._partitions.get(partition, _NO_PARTS)

    def number(self, partition: str | None) -> int:
        """How often the partition was changed."""
        with self._lock:
            self._refresh()
            return self._number(partition)

    def has_columns(self) -> bool:
        """Whether the log has all columns that the table has now."""
        with self._lock:
            self._refresh()
            return not self._delta or not self._missing(self._delta)

    def vacuum(self, keep_hours: int) -> None:
        """Remove files that are in no version of the last hours, those of killed writers too."""
        with self._lock:
            self._refresh()
            if self._delta is not None:
                self._delta.vacuum(
                    keep_hours, dry_run=False, enforce_retention_duration=False, full=True
                )
                self._delta.create_checkpoint()
                self._delta.cleanup_metadata()

    def commit(
        self, partition: str | None, added: Parts, removed: Sequence[int], known: int
    ) -> int:
        """Remove parts of a partition and add some, all at once; returns its new number.

        Raises StorageError when its number is another one than `known`.
        """
        from deltalake import CommitProperties, Transaction
        from deltalake.exceptions import CommitFailedError

        with self._lock:
            delta = self._refresh() or self._create()
            if missing := self._missing(delta):
                delta.alter.add_columns(missing)
            for _ in range(_MOST_TRIES):
                self._refresh()
                if self._number(partition) != known:
                    break
                number = known + 1
                transaction = Transaction(_app_id(partition), number)
                try:
                    delta.create_write_transaction(
                        [
                            *self._removals(partition, removed),
                            *(self._addition(partition, part, added[part]) for part in added),
                        ],
                        "append",
                        _schema(self._table),
                        self._partition_by,
                        commit_properties=CommitProperties(app_transactions=[transaction]),
                    )
                except CommitFailedError:
                    continue  # perhaps only another partition was changed meanwhile
                return number
        raise StorageError(
            f"Another process has changed {self._url} ({_app_id(partition)}) since it was read, so "
            "nothing was written. Run again."
        )

    def add(self, partitions: Mapping[str | None, Parts]) -> None:
        """Make files the parts of partitions that have none of these, all at once.

        For a table that no other process writes.
        """
        from deltalake.exceptions import DeltaError

        additions = [
            self._addition(partition, part, parts[part])
            for partition, parts in partitions.items()
            for part in parts
        ]
        try:
            with self._lock:
                (self._refresh() or self._create()).create_write_transaction(
                    additions, "append", _schema(self._table), self._partition_by
                )
        except (DeltaError, OSError) as error:
            raise StorageError(f"Cannot write {self._url}: {error}") from error

    @property
    def _partition_by(self) -> list[str]:
        column = self._table.partition
        return [column.name, PART] if column else [PART]

    def _values(self, partition: str | None, part: int) -> dict[str, str | None]:
        column = self._table.partition
        return ({column.name: partition} if column else {}) | {PART: str(part)}

    def _addition(self, partition: str | None, part: int, file: PartFile) -> "object":
        from deltalake.transaction import AddAction

        return AddAction(
            file.path,
            file.size_bytes,
            self._values(partition, part),
            file.changed_at_ms,
            True,
            json.dumps({"numRecords": file.rows}),
        )

    def _removals(self, partition: str | None, parts: Sequence[int]) -> "list[object]":
        from deltalake.transaction import RemoveAction

        stored = self._partitions.get(partition, _NO_PARTS)
        now_ms = time.time_ns() // 1_000_000
        return [
            RemoveAction(
                stored[part].path,
                True,
                now_ms,
                stored[part].size_bytes,
                self._values(partition, part),
            )
            for part in parts
            if part in stored
        ]

    def _number(self, partition: str | None) -> int:
        if self._delta is None:
            return 0
        return self._delta.transaction_version(_app_id(partition)) or 0

    def _refresh(self) -> "DeltaTable | None":
        """Read what others have committed; None while there is no table."""
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        if self._delta is None:
            try:
                self._delta = DeltaTable(self._url, storage_options=_STORAGE_OPTIONS)
            except TableNotFoundError:
                return None
        else:
            self._delta.update_incremental()
        if self._delta.version() != self._version:
            self._partitions = self._read(self._delta)
            self._version = self._delta.version()
        return self._delta

    def _read(self, delta: "DeltaTable") -> dict[str | None, dict[int, PartFile]]:
        import pyarrow as pa

        actions = pa.table(delta.get_add_actions(flatten=True))
        count, column = actions.num_rows, self._table.partition
        partitions = actions[_PARTITION + column.name].to_pylist() if column else [None] * count
        found: dict[str | None, dict[int, PartFile]] = {}
        names = ("path", "size_bytes", "num_records", "modification_time")
        values = zip(*(_plain(actions[name]) for name in names), strict=True)
        parts = actions[_PARTITION + PART].to_pylist()
        for partition, part, value in zip(partitions, parts, values, strict=True):
            key = None if partition is None else str(partition)
            found.setdefault(key, {})[part] = PartFile(*value)
        return {key: dict(sorted(found[key].items())) for key in found}

    def _create(self) -> "DeltaTable":
        from deltalake import DeltaTable

        self._delta = DeltaTable.create(
            self._url,
            _schema(self._table),
            mode="ignore",
            partition_by=self._partition_by,
            name=self._table.name,
            description=self._table.comment,
            configuration=_CONFIGURATION,
            storage_options=_STORAGE_OPTIONS,
        )
        return self._delta

    def _missing(self, delta: "DeltaTable") -> "list[object]":
        from deltalake import Schema

        stored = {field.name for field in delta.schema().fields}
        fields = Schema.from_arrow(_schema(self._table)).fields
        return [field for field in fields if field.name not in stored]


def dataset_of(url: str) -> "ds.Dataset":
    """The rows of a table as they are now, for readers."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return DeltaTable(url, storage_options=_STORAGE_OPTIONS).to_pyarrow_dataset()
    except (DeltaError, OSError) as error:
        raise StorageError(f"Cannot read {url}: {error}") from error


def _app_id(partition: str | None) -> str:
    return f"partition={partition or ''}"


def _schema(table: Table) -> "pa.Schema":
    import pyarrow as pa

    columns = [*table.columns, *([table.partition] if table.partition else [])]
    fields = [
        pa.field(column.name, column.type, metadata={"comment": column.comment})
        for column in columns
    ]
    return pa.schema([*fields, pa.field(PART, pa.int32())])


def _plain(values: "pa.ChunkedArray") -> list[int]:
    import pyarrow as pa

    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    plain: list[int] = values.to_pylist()
    return plain
