"""Tables: what is stored. Partitions of tables, and the rows of each in numbered parts.

Belongs here: what a kind of storage must do; the local kind is parquet_tables.py. Does not: which
rows and parts change (lake.py), what the rows mean (pipeline/).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import date
from typing import TYPE_CHECKING, Protocol

from meeting_etl.schemas import Table

if TYPE_CHECKING:
    import pyarrow as pa

# A date or a shard; None where the partition column is NULL, and for a table without partitions.
Partition = date | str | None
# The values that a column may have, by its name.
Where = Mapping[str, Collection[str]]


class Tables(Protocol):
    """Partitions and their parts. All methods raise StorageError.

    Readers see a part as it was before a change or as it is after it. One that becomes empty stays,
    as a reader that has listed it must find it.
    """

    def partitions(self, table: Table) -> list[str]:
        """Values of the partition column, as text and sorted."""

    def strays(self, table: Table) -> list[str]:
        """Names among the partitions of a table that are not partitions, sorted."""

    def has_parts(self, table: Table) -> bool:
        """Whether any partition has a part; of a log that was not read yet, whether it is there."""

    def parts(self, table: Table, partition: Partition) -> list[int]:
        """Numbers of the parts of a partition, the newest last."""

    def count(self, table: Table, partition: Partition, part: int) -> int:
        """Number of rows of a part, without reading them."""

    def read(
        self,
        table: Table,
        partition: Partition,
        part: int,
        schema: "pa.Schema",
        where: Where | None = None,
    ) -> Iterator["pa.Table"]:
        """Rows of a part in this schema, in their order, a bounded number at a time.

        A column that the part lacks is NULL. With `where`, the rows whose columns have one of the
        values each.
        """

    def has_schema(self, table: Table, partition: Partition, part: int) -> bool:
        """Whether a part has exactly the table's schema."""

    def changed_at_ns(self, table: Table, partition: Partition) -> int | None:
        """When a part was last written, by the clock of the storage; None without any."""

    def policy_stamp(self, table: Table, partition: Partition, part: int) -> str:
        """Names the column policy under which a part was written; empty without one."""

    def commit(
        self,
        table: Table,
        partition: Partition,
        parts: Iterable[tuple[int, "pa.Table"]],
        *,
        policy_stamp: str = "",
    ) -> int:
        """Replace these parts, existing or new, durably and in this order; returns how many.

        `parts` are made while they are written, so that one at a time is in memory.
        """

    def writing(
        self, table: Table, partition: Partition, part: int, *, rows: int, policy_stamp: str = ""
    ) -> AbstractContextManager[Callable[["pa.Table"], None]]:
        """Replace a part by the rows given to the function that is yielded, when the block ends.

        An exception in the block leaves the part as it was. `rows` is about how many there will be.
        """

    def remove(self, table: Table, partition: Partition) -> None:
        """Remove a partition if it is there; a reader that has listed a part may miss it."""

    def sweep(self, table: Table, partition: Partition) -> None:
        """Remove what killed writers left in a partition; its lock must be held."""

    def forget_versions(self, table: Table, partition: Partition) -> None:
        """Remove what earlier versions of a partition had, and killed writers; under its lock."""

    def vacuum(self, table: Table, *, keep_hours: int) -> None:
        """Remove what is in no version of the table in the last hours, where there are versions."""

    def read_once(self) -> AbstractContextManager[None]:
        """In the block, this thread reads the log of each table once, where tables have one.

        What others commit meanwhile may be missing from what it reads.
        """

    def pinned(self, locks: Iterable[str]) -> AbstractContextManager[None]:
        """While locks of writers are held, which were just taken (writers_locks.py).

        Nothing that another process has changed since is written; what is read is of that time.
        """

    def relation(self, table: Table) -> str | None:
        """The relation that has a table's rows in SQL; None where DuckDB reads the files itself."""
