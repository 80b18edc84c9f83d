"""class ParquetFiles: single Parquet files, read and written; the only importer of pyarrow.parquet.

Belongs here: compression, bloom filters, row groups, files that are older than their table's
schema. Does not: which files there are (parquet_tables.py).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial, reduce

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from meeting_etl.lake.arrow_rows import conform, is_one_of
from meeting_etl.lake.damage import translate_read_errors
from meeting_etl.lake.tables import Where
from meeting_etl.schemas import Table
from meeting_etl.storage import Storage

# In the metadata of a file: names the column policy under which it was written.
_STAMP = b"meeting_etl.policy"


class ParquetFiles:
    """Parquet files of the lake by name, relative to the data folder.

    Rows are returned in the given schema: a column that an older file lacks is NULL.
    All methods raise StorageError when a file cannot be read or written.
    """

    def __init__(self, files: Storage) -> None:
        self._files = files

    def count_rows(self, name: str) -> int:
        """Number of rows, from the footer."""
        with self._readable(name) as file:
            rows: int = pq.read_metadata(file).num_rows
        return rows

    def has_schema(self, name: str, schema: pa.Schema) -> bool:
        """Whether the file has exactly this schema."""
        with self._readable(name) as file:
            same: bool = pq.read_schema(file).equals(schema)
        return same

    def policy_stamp(self, name: str) -> str:
        """The stamp with which the file was written."""
        with self._readable(name) as file:
            metadata = pq.read_metadata(file).metadata or {}
        return str(metadata.get(_STAMP, b"").decode())

    def row_groups(
        self, name: str, schema: pa.Schema, where: Where | None = None
    ) -> Iterator[pa.Table]:
        """Row groups as tables; with `where`, the rows whose columns have one of the values each.

        A row group is read only when its statistics and its columns in `where` do not rule out all
        of its rows.
        """
        where = where or {}
        with self._readable(name) as stored_file, pq.ParquetFile(stored_file) as file:
            stored = set(file.schema_arrow.names)
            if not where.keys() <= stored:
                return  # a column that an older file lacks is NULL
            # One column at least, as it has the number of rows.
            columns = [name for name in schema.names if name in stored]
            columns = columns or file.schema_arrow.names[:1]
            # In threads, each would keep some memory.
            read = partial(file.read_row_group, use_threads=False)
            for number in range(file.num_row_groups):
                if not where:
                    yield conform(read(number, columns), schema)
                elif _may_match(file.metadata.row_group(number), where):
                    mask = _matches(read(number, list(where)), where)
                    if pc.any(mask).as_py():
                        rows = read(number, columns).filter(mask)
                        yield conform(rows, schema)

    def replace(self, table: Table, name: str, rows: pa.Table, policy_stamp: str) -> None:
        """Make `rows` the content of a file."""
        distinct = {column: pc.count_distinct(rows[column]).as_py() for column in table.bloom}
        with self.writing(table, name, distinct, policy_stamp) as write:
            write(rows.cast(table.schema))

    @contextmanager
    def writing(
        self, table: Table, name: str, distinct: Mapping[str, int], policy_stamp: str = ""
    ) -> Iterator[Callable[[pa.Table], None]]:
        """Replace a file by the rows given to the function that is yielded, when the block ends.

        An exception in the block leaves the file as it was. `distinct` is about how many values a
        column with a bloom filter has in a row group. The settings were measured, see
        docs/decisions.
        """
        blooms = {column: {"ndv": max(distinct[column], 1), "fpp": 0.01} for column in table.bloom}
        with (
            self._files.replacement(name) as path,
            pq.ParquetWriter(
                path,
                _described(table, policy_stamp),
                compression="zstd",
                compression_level=3,
                bloom_filter_options=blooms or None,
            ) as writer,
        ):
            yield lambda rows: writer.write_table(rows, row_group_size=table.group_rows)

    @contextmanager
    def _readable(self, name: str) -> Iterator[pa.NativeFile]:
        """A file, open; whatever keeps it from being read is a StorageError."""
        with (
            translate_read_errors(self._files.where(name), name.split("/")[1]),
            self._files.reading(name) as file,
        ):
            yield file


def _described(table: Table, policy_stamp: str) -> pa.Schema:
    """The schema with the comments of the columns, for readers of the files alone."""
    comments = zip(table.schema, table.columns, strict=True)
    return pa.schema(
        [field.with_metadata({"comment": column.comment}) for field, column in comments],
        metadata={_STAMP: policy_stamp} if policy_stamp else None,
    )


def _matches(rows: pa.Table, where: Where) -> pa.ChunkedArray:
    """For each row whether its columns have one of the values each."""
    masks = (is_one_of(rows[column], values) for column, values in where.items())
    return reduce(pc.and_, masks)


def _may_match(group: pq.RowGroupMetaData, where: Where) -> bool:
    """Whether a row group can hold one of the wanted values, by its statistics."""
    for number in range(group.num_columns):
        chunk = group.column(number)
        values = where.get(chunk.path_in_schema)
        if values is None:
            continue
        statistics = chunk.statistics
        if statistics is None or not statistics.has_min_max:
            continue
        if not any(statistics.min <= value <= statistics.max for value in values):
            return False
    return True
