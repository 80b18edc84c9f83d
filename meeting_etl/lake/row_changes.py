"""How many rows a merge added, changed and removed.

Belongs here: comparing rows, and the sums of each partition. Does not: which rows a merge keeps
(merging.py), what is shown of the sums (orchestration/assets/).
"""

import threading
from collections import defaultdict
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.lake.merging import keys
from meeting_etl.lake.tables import Partition
from meeting_etl.schemas import Table

# They differ with every response: a row in which only they differ did not change.
_OF_THE_RUN = ("run_id", "fetched_at")


@dataclass
class RowChanges:
    """Rows of a partition that are new, that differ from before, and that are gone."""

    added: int = 0
    changed: int = 0
    removed: int = 0


class ChangeCounts:
    """The sums by table and partition, for any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, Partition], RowChanges] = defaultdict(RowChanges)

    def add(
        self, table: Table, partition: Partition, old: pa.Table, arriving: pa.Table, rows: int
    ) -> None:
        """Count a part that has so many `rows` after the merge; only rows of a response count."""
        if "fetched_at" not in table.schema.names:
            return
        changes = compared(table, old, arriving, rows)
        with self._lock:
            total = self._counts[table.name, partition]
            total.added += changes.added
            total.changed += changes.changed
            total.removed += changes.removed

    def take(self, table: Table, partition: Partition) -> RowChanges:
        """What was counted since this was last called."""
        with self._lock:
            return self._counts.pop((table.name, partition), RowChanges())


def compared(table: Table, old: pa.Table, arriving: pa.Table, rows: int) -> RowChanges:
    """What became of the old rows of a part that has so many `rows` after the merge."""
    # The positions, in the old rows, of the keys that arrive.
    positions = pc.index_in(keys(table, arriving), keys(table, old))
    after = arriving.filter(pc.is_valid(positions))
    added = arriving.num_rows - after.num_rows
    return RowChanges(
        added=added,
        changed=_differing(old.take(positions.drop_null()), after),
        removed=old.num_rows + added - rows,
    )


def _differing(before: pa.Table, after: pa.Table) -> int:
    """In how many rows some column differs; both have as many rows."""
    found: set[int] = set()
    for name in before.column_names:
        if name not in _OF_THE_RUN and not before[name].equals(after[name]):
            values = zip(before[name].to_pylist(), after[name].to_pylist(), strict=True)
            found.update(number for number, (old, new) in enumerate(values) if old != new)
    return len(found)
