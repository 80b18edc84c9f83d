"""class Placement: to which part of a partition each new row goes.

Belongs here: the choice, by what the stored parts have. Does not: merging the rows of a part
(merging.py), reading and writing parts (lake.py).
"""

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.lake.arrow_rows import is_one_of
from meeting_etl.lake.merging import keys
from meeting_etl.lake.tables import Where
from meeting_etl.schemas import Table

# Parts of which the columns that are looked at are in memory at a time.
_AT_ONCE = 4


class Placement:
    """It looks at the parts, some at a time, and finds out which of them change.

    A new row goes to the part that has its key, else to the one that has its group, which are the
    rows with its value in the first column of the table's order: a meeting stays in one part, so
    that readers see all of it or nothing. Other new rows go to the part that grows.
    """

    def __init__(self, table: Table, new: pa.Table, replacing: Where) -> None:
        self._table = table
        self._new = new
        self._replacing = replacing
        self._group = next(iter(table.sort), None)
        # Rows with the same key are in the same group where the key has the group.
        self._by_group_alone = self._group in table.key
        self._part_of_key = self._part_of_group = pa.nulls(new.num_rows, pa.int64())
        self._losing: set[int] = set()

    @property
    def columns(self) -> list[str]:
        """Columns of stored rows that `look_at` needs."""
        key = () if self._by_group_alone else self._table.key
        names = {*key, *self._replacing, *([self._group] if self._group else [])}
        return [name for name in self._table.schema.names if name in names]

    def look_at(self, parts: Sequence[int], read: Callable[[int], pa.Table]) -> None:
        """Look at the stored rows of these parts; `read` returns those of one."""
        for first in range(0, len(parts), _AT_ONCE):
            group = {part: read(part) for part in parts[first : first + _AT_ONCE]}
            # Most parts have nothing to do with the new rows, which one look at many of them tells.
            if self._is_concerned(pa.concat_tables(group.values())):
                for part, stored in group.items():
                    self._show(part, stored)

    def _is_concerned(self, stored: pa.Table) -> bool:
        masks = [is_one_of(stored[name], values) for name, values in self._replacing.items()]
        if self._group:
            masks.append(_is_in(stored[self._group], self._new[self._group]))
        if not self._by_group_alone:
            masks.append(_is_in(keys(self._table, stored), keys(self._table, self._new)))
        return any(pc.any(mask).as_py() for mask in masks)

    def _show(self, part: int, stored: pa.Table) -> None:
        if any(
            pc.any(is_one_of(stored[name], values)).as_py()
            for name, values in self._replacing.items()
        ):
            self._losing.add(part)
        if self._group:
            found = _is_in(self._new[self._group], stored[self._group].unique())
            self._part_of_group = pc.if_else(found, part, self._part_of_group)
        if not self._by_group_alone:
            stored_keys, new_keys = keys(self._table, stored), keys(self._table, self._new)
            # The new keys are few, the stored ones many: these are looked up in those.
            known = stored_keys.filter(_is_in(stored_keys, new_keys))
            if len(known):
                found = _is_in(new_keys, known)
                self._part_of_key = pc.if_else(found, part, self._part_of_key)

    def changes(self, grows: int) -> dict[int, pa.Table]:
        """The new rows of each part that changes; `grows` is the part for all other new rows."""
        parts = pc.coalesce(self._part_of_key, self._part_of_group, grows)
        numbers = self._losing.union(pc.unique(parts).to_pylist())
        return {part: self._new.filter(pc.equal(parts, part)) for part in sorted(numbers)}


def _is_in(values: pa.ChunkedArray, others: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray:
    """Whether each value is among the others; NULL never is."""
    return pc.is_in(values, value_set=others, skip_nulls=True)
