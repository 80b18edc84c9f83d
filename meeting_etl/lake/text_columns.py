"""Columns of texts in Arrow tables, changed text by text.

Belongs here: texts, lists of texts and structs with texts. Does not: what they are changed to
(erased_rows.py, written_rows.py).
"""

from collections.abc import Callable

import pyarrow as pa

from meeting_etl.schemas import Column


def texts_of(rows: pa.Table, name: str) -> list[str | None]:
    """The values of a text column; NULLs where the rows do not have it."""
    return rows[name].to_pylist() if name in rows.column_names else [None] * rows.num_rows


def with_column(rows: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """The rows with other values in a column."""
    return rows.set_column(rows.column_names.index(name), rows.schema.field(name), values)


def mapped(column: pa.ChunkedArray, change: Callable[[str], str | None]) -> pa.Array:
    """The column with each text changed; lists of texts, too."""
    if pa.types.is_list(column.type):
        lists = [each and [change(text) for text in each] for each in column.to_pylist()]
        return pa.array(lists, column.type)
    encoded = column.combine_chunks().dictionary_encode()
    changed = [None if text is None else change(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(changed, pa.string()).take(encoded.indices)


def mapped_structs(
    column: pa.ChunkedArray, parent: Column, change: Callable[[str], str | None]
) -> pa.Array:
    """The column with the personal texts in its structs changed."""
    names = [child.name for child in parent.children if child.personal]
    structs = [
        each
        and [
            entry | {name: entry[name] and change(entry[name]) for name in names} for entry in each
        ]
        for each in column.to_pylist()
    ]
    return pa.array(structs, column.type)
