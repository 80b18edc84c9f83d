"""Merging rows into a partition, by key, in the table's order: as a whole or by row group.

Belongs here: which old and new rows stay, and in which order. Does not: reading and writing files
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
    """Old and new rows in order; new ones replace old ones with the same key.

    Old rows whose column has one of the values in `replacing` are removed as well.
    """
    return _sorted(table, pa.concat_tables([_kept(table, old, new, replacing), new]))


def merged_groups(
    table: Table,
    groups: Iterable[pa.Table],
    new: pa.Table,
    replacing: Mapping[str, Collection[str]],
) -> Iterator[pa.Table]:
    """The same a group at a time; `groups` of old rows are in the table's order already."""
    new, start = _sorted(table, new), 0
    last: pa.Table | None = None
    for group in groups:
        if last is not None:
            end = _index_after(table, new, start, last)
            yield _sorted(
                table, pa.concat_tables([_kept(table, last, new, replacing), new[start:end]])
            )
            start = end
        last = group
    old = new.schema.empty_table() if last is None else last
    yield _sorted(table, pa.concat_tables([_kept(table, old, new, replacing), new[start:]]))


def even(groups: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of `rows` rows, except for the last one."""
    buffered: list[pa.Table] = []
    for group in groups:
        buffered.append(group)
        if sum(table.num_rows for table in buffered) >= rows:
            joined = pa.concat_tables(buffered)
            while joined.num_rows >= rows:
                yield joined[:rows]
                joined = joined[rows:]
            buffered = [joined.combine_chunks()]
    rest = pa.concat_tables(buffered) if buffered else None
    if rest is not None and rest.num_rows:
        yield rest


def without(table: Table, rows: pa.Table, others: pa.Table) -> pa.Table:
    """The rows whose key is not among those of `others`."""
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
    """Columns that rows are sorted by, the key among them, so that the order is unambiguous."""
    return [*table.sort, *(name for name in table.key if name not in table.sort)]


def _sorted(table: Table, rows: pa.Table) -> pa.Table:
    if not table.sort or rows.num_rows < 2:
        return rows
    return rows.sort_by([(name, "ascending") for name in _order(table)])


def _index_after(table: Table, new: pa.Table, begin: int, old: pa.Table) -> int:
    """Index of the first row of `new`, from `begin` on, that sorts after all of `old`."""
    order = _order(table)

    def rank(rows: pa.Table, index: int) -> list[tuple[bool, Any]]:
        values = [rows[name][index].as_py() for name in order]
        return [(value is None, value) for value in values]  # NULL sorts last

    boundary = rank(old, old.num_rows - 1)
    end = new.num_rows
    while begin < end:
        middle = (begin + end) // 2
        if rank(new, middle) <= boundary:
            begin = middle + 1
        else:
            end = middle
    return begin
