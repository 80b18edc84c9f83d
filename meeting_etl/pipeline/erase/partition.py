"""One partition of a table: how many rows an erasure changes and removes, and doing it.

Belongs here: counting before and rewriting. Does not: which columns are of a person
(lake/erased_rows.py), the order of partitions (erase.py).
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.lake.erased_rows import without_erased
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.tables import Partition
from meeting_etl.privacy.erasures import Erasures
from meeting_etl.schemas import Table


@dataclass(frozen=True)
class RowCounts:
    """Rows of a partition, and how many of them change and go."""

    before: int = 0
    changed: int = 0
    removed: int = 0

    def __add__(self, other: "RowCounts") -> "RowCounts":
        return RowCounts(
            self.before + other.before, self.changed + other.changed, self.removed + other.removed
        )

    @property
    def is_touched(self) -> bool:
        """Whether anything changes."""
        return bool(self.changed or self.removed)


def count_erased(lake: Lake, table: Table, partition: Partition, erasures: Erasures) -> RowCounts:
    """How many rows of a partition change and go under these erasures."""
    rows = lake.read(table, partition)
    erased, kept = without_erased(table, rows, erasures)
    changed = _count_changed(rows.take(kept), erased)
    return RowCounts(rows.num_rows, changed, rows.num_rows - erased.num_rows)


def _count_changed(before: pa.Table, after: pa.Table) -> int:
    """The number of rows that differ in any column; both have the same rows in the same order."""
    masks = [
        _differs(before[name], after[name])
        for name in before.column_names
        if not before[name].equals(after[name])
    ]
    if not masks:
        return 0
    mask = masks[0]
    for other in masks[1:]:
        mask = pc.or_(mask, other)
    return int(pc.sum(mask).as_py() or 0)


def _differs(before: pa.ChunkedArray, after: pa.ChunkedArray) -> pa.Array:
    pairs = zip(before.to_pylist(), after.to_pylist(), strict=True)
    return pa.array([first != second for first, second in pairs], pa.bool_())
