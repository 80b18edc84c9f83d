"""class ColumnCache: a few columns of files that never change, kept in memory up to a bound.

Belongs here: what is kept, and what goes first. Does not: reading (delta_tables.py).
"""

from collections import OrderedDict
from threading import Lock

import pyarrow as pa
import pyarrow.compute as pc

Key = tuple[str, tuple[str, ...]]
"""The name of a file, and those of the columns."""


class ColumnCache:
    """What was used longest ago goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._tables: OrderedDict[Key, pa.Table] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key, schema: pa.Schema) -> pa.Table | None:
        """The columns, if they are kept."""
        with self._lock:
            found = self._tables.get(key)
            if found is not None:
                self._tables.move_to_end(key)
        return None if found is None else found.cast(schema)

    def put(self, key: Key, columns: pa.Table) -> None:
        """Keep columns, unless they alone are too large."""
        columns = _compact(columns)
        with self._lock:
            if columns.nbytes > self._most_bytes or key in self._tables:
                return
            self._tables[key] = columns
            self._bytes += columns.nbytes
            while self._bytes > self._most_bytes:
                _, oldest = self._tables.popitem(last=False)
                self._bytes -= oldest.nbytes


def _compact(columns: pa.Table) -> pa.Table:
    """The columns, in which long values that come again and again are there once."""
    for number, field in enumerate(columns.schema):
        if pa.types.is_string(field.type):
            column = columns.column(number).combine_chunks()
            encoded = pc.dictionary_encode(column)
            if 2 * encoded.nbytes < column.nbytes:
                columns = columns.set_column(number, field.name, encoded)
    return columns
