"""Merging rows into stored ones, by key, in the table's order.

Belongs here: which old and new rows stay, and in which order. Does not: in which part of a
partition (placement.py), reading and writing files (lake.py).
"""

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.lake.arrow_rows import is_one_of
from meeting_etl.lake.tables import Where
from meeting_etl.schemas import Table

_SEPARATOR = "\x1f"


def unique(table: Table, rows: pa.Table) -> pa.Table:
    """The rows without those whose key a later row has: no partition may have a key twice."""
    found = keys(table, rows)
    if pc.count_distinct(found, mode="all").as_py() == rows.num_rows:
        return rows
    last = {key: number for number, key in enumerate(found.to_pylist())}
    return rows.take(sorted(last.values()))


def merged(table: Table, old: pa.Table, new: pa.Table, replacing: Where) -> pa.Table:
    """Old and new rows in order; new ones replace old ones with the same key.

    Old rows whose column has one of the values in `replacing` are removed as well.
    """
    return _sorted(table, pa.concat_tables([_kept(table, old, new, replacing), new]))


def without(table: Table, rows: pa.Table, others: pa.Table) -> pa.Table:
    """The rows whose key is not among those of `others`."""
    return _kept(table, rows, others, {})


def keys(table: Table, rows: pa.Table) -> pa.ChunkedArray:
    """The key of each row as one text."""
    if len(table.key) == 1:
        return rows[table.key[0]]
    parts = [pc.fill_null(rows[name].cast(pa.string()), "") for name in table.key]
    return pc.binary_join_element_wise(*parts, _SEPARATOR)


def _kept(table: Table, old: pa.Table, new: pa.Table, replacing: Where) -> pa.Table:
    """Old rows that stay."""
    kept = old
    for column, values in replacing.items():
        kept = kept.filter(pc.invert(is_one_of(kept[column], values)))
    if new.num_rows and kept.num_rows:
        kept = kept.filter(pc.invert(pc.is_in(keys(table, kept), keys(table, new))))
    return kept


def _sorted(table: Table, rows: pa.Table) -> pa.Table:
    if not table.sort or rows.num_rows < 2:
        return rows
    # The key is part of the order, so that the order is unambiguous.
    order = dict.fromkeys((*table.sort, *table.key))
    return rows.sort_by([(name, "ascending") for name in order])
