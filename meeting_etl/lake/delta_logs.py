"""class DeltaLogs: the logs of all Delta tables, and reading each of them once in a block.

Belongs here: which log is a table's, and when it is read again. Does not: one log
(object_storage/delta_log.py), what a process knows of a partition it changes (delta_tables.py).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import local

from meeting_etl.lake.partitions import folder_of
from meeting_etl.object_storage.delta_log import DeltaLog
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.object_storage.part_files import Parts
from meeting_etl.schemas import Table

_Partitions = Mapping[str | None, Parts]


@dataclass
class _Block:
    """What a block of `read_once` has read."""

    partitions: dict[str, _Partitions] = field(default_factory=dict)
    has_parts: dict[str, bool] = field(default_factory=dict)


class DeltaLogs:
    """All methods raise StorageError."""

    def __init__(self, files: ObjectFiles) -> None:
        self._files = files
        self._logs: dict[str, DeltaLog] = {}
        self._of_thread = local()

    def of(self, table: Table) -> DeltaLog:
        """The log of a table."""
        if table.name not in self._logs:
            log = DeltaLog(table, self._files, folder_of(table))
            return self._logs.setdefault(table.name, log)
        return self._logs[table.name]

    def partitions(self, table: Table) -> _Partitions:
        """The parts of each partition, as they are now or as this thread's block has read them."""
        if (block := self._block) is None:
            return self.of(table).all()
        if table.name not in block.partitions:
            block.partitions[table.name] = self.of(table).all()
        return block.partitions[table.name]

    def has_parts(self, table: Table) -> bool:
        """Whether a table has parts; of a log that was not read yet, whether it is there."""
        if (block := self._block) is None:
            return self.of(table).has_parts()
        if table.name in block.partitions:
            return bool(block.partitions[table.name])
        if table.name not in block.has_parts:
            block.has_parts[table.name] = self.of(table).has_parts()
        return block.has_parts[table.name]

    @contextmanager
    def read_once(self) -> Iterator[None]:
        """In the block, this thread reads each log once."""
        if self._block is not None:
            yield
            return
        self._of_thread.block = _Block()
        try:
            yield
        finally:
            self._of_thread.block = None

    def forget(self, table: Table) -> None:
        """Let this thread's block read a log again."""
        if (block := self._block) is not None:
            block.partitions.pop(table.name, None)
            block.has_parts.pop(table.name, None)

    @property
    def _block(self) -> _Block | None:
        block: _Block | None = getattr(self._of_thread, "block", None)
        return block
