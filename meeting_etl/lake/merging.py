"""Merging rows into a partition, by key, in the table's order: at once, or a row group at a time.

Belongs here: which rows of old and new stay and in which order. Does not: reading and writing files
(lake.py).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.lake.arrow_rows import is_one_of
from meeting_etl.schemas import Table

_SEPARATOR = "\x1f"


def merged(
    table: Table, old: pa.Table, new: pa.Table, replacing: Mapping[str, Collection[str]]
) -> pa.Table:
    """Old and new rows in order; new ones in the place of old ones with the same key.

    Old rows whose column has one of the values in `replacing` go as well.
    """
    return _sorted(table, pa.concat_tables([_kept(table, old, new, replacing), new]))


def merged_groups(
    table: Table,
    groups: Iterable[pa.Table],
    new: pa.Table,
    replacing: Mapping[str, Collection[str]],
) -> Iterator[pa.Table]:
    """The same without holding all old rows at once; `groups` are in the table's order already."""
    new, place = _sorted(table, new), 0
    last: pa.Table | None = None
    for group in groups:
        if last is not None:
            until = _place_after(table, new, place, last)
            yield _sorted(
                table,
                pa.concat_tables([_kept(table, last, new, replacing), new[place:until]]),
            )
            place = until
        last = group
    old = new.schema.empty_table() if last is None else last
    yield _sorted(table, pa.concat_tables([_kept(table, old, new, replacing), new[place:]]))


def even(groups: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of so many rows, but for the last one."""
    waiting: list[pa.Table] = []
    for group in groups:
        waiting.append(group)
        if sum(one.num_rows for one in waiting) >= rows:
            held = pa.concat_tables(waiting)
            while held.num_rows >= rows:
                yield held[:rows]
                held = held[rows:]
            waiting = [held.combine_chunks()]
    held = pa.concat_tables(waiting) if waiting else None
    if held is not None and held.num_rows:
        yield held


def without(table: Table, rows: pa.Table, others: pa.Table) -> pa.Table:
    """The rows whose key none of `others` has."""
    return _kept(table, rows, others, {})


def _kept(
    table: Table, old: pa.Table, new: pa.Table, replacing: Mapping[str, Collection[str]]
) -> pa.Table:
    """Old rows that stay."""
    kept = old
    for column, values in replacing.items():
        kept = kept.filter(pc.invert(is_one_of(kept[column], values)))
    if new.num_rows and kept.num_rows:
        kept = kept.filter(pc.invert(pc.is_in(_keys(table, kept), _keys(table, new))))
    return kept


def _keys(table: Table, rows: pa.Table) -> pa.ChunkedArray:
    """The key of each row as one text."""
    if len(table.key) == 1:
        return rows[table.key[0]]
    parts = [pc.fill_null(rows[name].cast(pa.string()), "") for name in table.key]
    return pc.binary_join_element_wise(*parts, _SEPARATOR)


def _order(table: Table) -> list[str]:
    """Columns that rows are sorted by; with the key among them, so that it is the only order."""
    return [*table.sort, *(name for name in table.key if name not in table.sort)]


def _sorted(table: Table, rows: pa.Table) -> pa.Table:
    if not table.sort or rows.num_rows < 2:
        return rows
    return rows.sort_by([(name, "ascending") for name in _order(table)])


def _place_after(table: Table, new: pa.Table, begin: int, old: pa.Table) -> int:
    """First place in `new`, from `begin` on, that comes after all of `old`."""
    order = _order(table)

    def rank(rows: pa.Table, place: int) -> list[tuple[bool, Any]]:
        values = [rows[name][place].as_py() for name in order]
        return [(value is None, value) for value in values]  # NULL comes last

    boundary = rank(old, old.num_rows - 1)
    end = new.num_rows
    while begin < end:
        middle = (begin + end) // 2
        if rank(new, middle) <= boundary:
            begin = middle + 1
        else:
            end = middle
    return begin
