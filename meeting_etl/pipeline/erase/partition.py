"""One partition of a table: how many rows an erasure changes and removes, and doing it.

Belongs here: counting before and rewriting. Does not: which columns are of a person
(lake/erased_rows.py), the order of partitions (erase.py).
"""

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.lake.erased_rows import without_erased
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.tables import Partition
from meeting_etl.privacy.erasures import Erasures
from meeting_etl.schemas import TRANSCRIPT_SNIPPETS, TRANSCRIPTS, Table


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
    counts = RowCounts()
    for rows in lake.read_in_groups(table, partition):
        erased, kept = without_erased(table, rows, erasures)
        changed = _count_changed(rows.take(kept), erased)
        counts += RowCounts(rows.num_rows, changed, rows.num_rows - erased.num_rows)
    return counts


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


def recount_snippets(lake: Lake, day: date) -> None:
    """Write into the transcripts of a day how many snippets they have now."""
    column = lake.read(TRANSCRIPT_SNIPPETS, day, columns=["transcript_id"])["transcript_id"]
    counts = {each["values"]: each["counts"] for each in column.value_counts().to_pylist()}
    rows = lake.read(TRANSCRIPTS, day).to_pylist()
    counted = [
        row | {"snippet_count": counts.get(row["transcript_id"], 0)}
        for row in rows
        if row["snippet_count"]
    ]
    lake.merge(TRANSCRIPTS, day, counted)
