"""Rows as Arrow tables: made of mappings, fitted to a schema, compared with values.

Belongs here: what readers and writers of the lake both do to rows in memory. Does not: merging by
key (merging.py), files (parquet_files.py).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.schemas import Table


def to_arrow(table: Table, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table of the table's schema; a missing column is NULL."""
    return pa.Table.from_pylist(list(rows), schema=table.schema)


def conform(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows in a schema: missing columns are NULL."""
    columns = [
        rows[field.name].cast(field.type)
        if field.name in rows.column_names
        else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def is_one_of(column: pa.ChunkedArray, values: Collection[str]) -> pa.ChunkedArray:
    """Whether each value is one of `values`; NULL never is."""
    return pc.is_in(column, pa.array(list(values), column.type))


def schema_of(table: Table, columns: Iterable[str]) -> pa.Schema:
    """The schema of some columns of a table."""
    return pa.schema(map(table.schema.field, columns))


def joined(rows: Iterable[pa.Table], schema: pa.Schema) -> pa.Table:
    """All rows as one table."""
    tables = list(rows)
    return pa.concat_tables(tables) if tables else schema.empty_table()
