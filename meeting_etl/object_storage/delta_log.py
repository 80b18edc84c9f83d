"""class DeltaLog: the log of one Delta table, which says which files are its rows.

Belongs here: reading the log, and commits that replace files of one partition unless another
process has changed that meanwhile. Does not: the files (lake/delta_tables.py), single actions
(part_files.py).

Each commit carries an application transaction, which Delta has for writers that must not write
twice, in the name of its partition. Delta refuses a commit when another one with the same name was
made since the log was read; whoever knew other files of the partition is refused before.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from threading import RLock
from typing import TYPE_CHECKING

from meeting_etl.errors import StorageError
from meeting_etl.object_storage.errors import translate_errors
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.object_storage.part_files import (
    NO_PARTS,
    Parts,
    additions,
    partition_by,
    read_parts,
    removals,
    schema_in_log,
)
from meeting_etl.schemas import Table
from meeting_etl.times import Clock

if TYPE_CHECKING:
    import pyarrow.dataset as ds
    from deltalake import DeltaTable

_MOST_TRIES = 20
# Versions go after two days (see below): the one after that which was read an hour ago is there, if
# there is any.
_NEXT_IS_KEPT = timedelta(hours=1)
_CONFIGURATION = {
    "delta.logRetentionDuration": "interval 2 days",
    "delta.deletedFileRetentionDuration": "interval 1 days",
    # Who reads the log reads as many small files at most.
    "delta.checkpointInterval": "20",
}
_STORAGE_OPTIONS = {"allow_http": "true", "timeout": "30s", "max_retries": "4"}


class DeltaLog:
    """All methods raise StorageError. Partitions are named as in the log; None for NULL."""

    def __init__(
        self, table: Table, files: ObjectFiles, folder: str, clock: Clock | None = None
    ) -> None:
        self._table = table
        self._files = files
        self._folder = folder
        self._url = files.where(folder)
        self._lock = RLock()
        self._delta: DeltaTable | None = None
        self._version = -1
        self._partitions: dict[str | None, Parts] = {}
        self._has_all_columns = False
        self._listed_at: datetime | None = None
        self._clock = clock or Clock()

    def all(self) -> Mapping[str | None, Parts]:
        """The parts of each partition, as they are now."""
        with self._lock:
            self._refresh()
            return dict(self._partitions)

    def has_parts(self) -> bool:
        """Whether there are parts; before the log was read, whether it is there, in one request."""
        with self._lock:
            if self._delta is not None:
                return bool(self.all())
            return bool(self._files.names(f"{self._folder}/_delta_log"))

    def vacuum(self, keep_hours: int) -> None:
        """Remove files that are in no version of the last hours, those of killed writers too."""
        with self._lock, translate_errors(self._url, doing="clean"):
            self._refresh()
            if self._delta is not None:
                self._delta.vacuum(
                    keep_hours, dry_run=False, enforce_retention_duration=False, full=True
                )
                self._delta.create_checkpoint()
                self._delta.cleanup_metadata()
                self._load(self._delta)

    def commit(
        self, partition: str | None, added: Parts, removed: Sequence[int], known: Parts
    ) -> Parts:
        """Remove parts of a partition and add some, all at once; returns those it has then.

        Raises StorageError when it had other parts than `known`.
        """
        kept = {part: file for part, file in known.items() if part not in removed}
        wanted = dict(sorted({**kept, **added}.items()))
        actions = [
            *removals(self._table, partition, {part: known[part] for part in known.keys() - kept}),
            *additions(self._table, partition, added),
        ]
        with self._lock, translate_errors(self._url):
            delta = self._delta or self._refresh() or self._create()
            self._add_columns(delta)
            for _ in range(_MOST_TRIES):
                if self._known(partition) != known:
                    break
                if self._committed(delta, partition, actions, wanted):
                    return wanted
        raise StorageError(
            f"Another process has changed {self._url} ({_app_id(partition)}) since it was read, so "
            "nothing was written. Run again."
        )

    def add(self, partitions: Mapping[str | None, Parts]) -> None:
        """Make files the parts of partitions that have none of these, all at once.

        For a table that no other process writes.
        """
        actions = [
            action
            for partition, parts in partitions.items()
            for action in additions(self._table, partition, parts)
        ]
        with self._lock, translate_errors(self._url):
            delta = self._refresh() or self._create()
            delta.create_write_transaction(
                actions, "append", schema_in_log(self._table), partition_by(self._table)
            )

    def _committed(
        self, delta: "DeltaTable", partition: str | None, actions: "list[object]", wanted: Parts
    ) -> bool:
        """Whether the actions are in the log; not where another commit came first."""
        from deltalake import CommitProperties, PostCommitHookProperties, Transaction
        from deltalake.exceptions import DeltaError

        before = self._version
        transaction = Transaction(_app_id(partition), before + 1)
        try:
            delta.create_write_transaction(
                actions,
                "append",
                schema_in_log(self._table),
                partition_by(self._table),
                commit_properties=CommitProperties(app_transactions=[transaction]),
                # Which lists the whole log; `vacuum` does it.
                post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
            )
            delta.update_incremental()
        except (DeltaError, OSError):
            self._refresh()
            if self._known(partition) == wanted:  # only the answer was lost
                return True
            if self._version == before:
                raise
            return False  # perhaps only another partition was changed meanwhile
        if delta.version() == before + 1:  # nobody else has changed anything
            self._partitions = {**self._partitions, partition: wanted}
            if not wanted:
                del self._partitions[partition]
            self._version = before + 1
        else:
            self._load(delta)
        return True

    def _known(self, partition: str | None) -> Parts:
        return self._partitions.get(partition, NO_PARTS)

    def _refresh(self) -> "DeltaTable | None":
        """Read what others have committed; None while there is no table."""
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        if not self._may_have_more():
            return self._delta
        began_at = self._clock.now()
        with translate_errors(self._url, doing="read"):
            if self._delta is not None:
                self._delta.update_incremental()
            else:
                with suppress(TableNotFoundError):
                    self._delta = DeltaTable(self._url, storage_options=_STORAGE_OPTIONS)
            if self._delta is not None:
                self._load(self._delta)
        self._listed_at = began_at
        return self._delta

    def _may_have_more(self) -> bool:
        """Whether the log may have more than was read, which one request tells."""
        now = self._clock.now()
        if self._listed_at is None or not self._listed_at <= now <= self._listed_at + _NEXT_IS_KEPT:
            return True
        following = f"{self._folder}/_delta_log/{self._version + 1:020}.json"
        return self._files.size_bytes(following) is not None

    def _load(self, delta: "DeltaTable") -> None:
        """Take over what the log says that was read."""
        if delta.version() != self._version:
            self._partitions = read_parts(self._table, delta)
            self._version = delta.version()

    def _create(self) -> "DeltaTable":
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            self._delta = DeltaTable.create(
                self._url,
                schema_in_log(self._table),
                mode="ignore",
                partition_by=partition_by(self._table),
                name=self._table.name,
                description=self._table.comment,
                configuration=_CONFIGURATION,
                storage_options=_STORAGE_OPTIONS,
            )
        except DeltaError:  # another process may have made it in the same moment
            if (delta := self._refresh()) is None:
                raise
            return delta
        self._load(self._delta)
        return self._delta

    def _add_columns(self, delta: "DeltaTable") -> None:
        """Add the columns that are new in the table's schema."""
        from deltalake.exceptions import DeltaError

        if self._has_all_columns:
            return
        try:
            if missing := self._missing(delta):
                delta.alter.add_columns(missing)
        except DeltaError:  # another process may have added them in the same moment
            delta.update_incremental()
            if self._missing(delta):
                raise
        self._load(delta)
        self._has_all_columns = True

    def _missing(self, delta: "DeltaTable") -> "list[object]":
        from deltalake import Schema

        stored = {field.name for field in delta.schema().fields}
        fields = Schema.from_arrow(schema_in_log(self._table)).fields
        return [field for field in fields if field.name not in stored]


def dataset_of(url: str) -> "ds.Dataset":
    """The rows of a table as they are now, for readers."""
    from deltalake import DeltaTable

    with translate_errors(url, doing="read"):
        return DeltaTable(url, storage_options=_STORAGE_OPTIONS).to_pyarrow_dataset()


def _app_id(partition: str | None) -> str:
    return f"partition={partition or ''}"
