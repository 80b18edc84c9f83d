"""meetings.duckdb: the catalog that analysts open, with views, macros and comments, without data.

Belongs here: publishing and opening it. Does not: its SQL (catalog_sql.py, views/*.sql), building
the file (catalog_file.py), what it was made from (catalog_state.py), writing tables (lake.py).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import available_timezones

import duckdb
import pyarrow as pa
from duckdb.sqltypes import DuckDBPyType

from meeting_etl.disk_errors import describe_disk_error
from meeting_etl.errors import SettingsError, StorageError
from meeting_etl.files import Files
from meeting_etl.lake import bucket_catalog, catalog_file
from meeting_etl.lake.analytics import Analytics, sql_text
from meeting_etl.lake.catalog_sql import catalog_statements, glob_literal
from meeting_etl.lake.catalog_state import (
    CATALOG,
    CatalogState,
    digest,
    read_state,
    sources_digest,
    write_state,
)
from meeting_etl.lake.damage import advice, fault_of_storage
from meeting_etl.lake.datapackage import DATAPACKAGE
from meeting_etl.lake.interruptible import interruptible
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.migration import migrate_if_quick
from meeting_etl.lake.moved import check_readable
from meeting_etl.lake.shortest_floats import shortest
from meeting_etl.object_storage.urls import is_url, url_of
from meeting_etl.schemas import MEETINGS

T = TypeVar("T")

_DEFAULT = Analytics()

_MOST_RETRIES = 3
# Errors of the statement itself, which another try does not change.
_STATEMENT_ERRORS = (
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConversionException,
    duckdb.PermissionException,
)
_BATCH_ROWS = 4096
_OR_ANOTHER = "or name another data folder (MEETING_ETL_DATA_DIR, in Python data_dir)"


def publish(files: Files, lake: Lake, analytics: Analytics = _DEFAULT) -> bool:
    """Write the catalog, and datapackage.json beside it, if its SQL changed; returns whether.

    The SQL depends on the schemas, the views, the internal domains and which tables have rows, so
    that most runs publish nothing. Raises StorageError when the disk fails or another program has
    the catalog open for writing; the lake is not affected.
    """
    with lake.state.lock("catalog"), lake.tables.read_once():
        contents = dict(catalog_statements(lake, analytics, _time_zones()))
        fingerprint = digest(statement for found in contents.values() for statement in found)
        in_bucket = lake.tables.relation(MEETINGS) is not None
        if in_bucket:
            is_whole = lake.storage.size_bytes(bucket_catalog.CATALOG) is not None
        else:
            is_whole = (
                catalog_file.is_whole(files.path(CATALOG)) and files.path(DATAPACKAGE).exists()
            )
        if is_whole and read_state(lake).fingerprint == fingerprint:
            return False
        if in_bucket:
            bucket_catalog.publish(lake, contents)
        else:
            _publish_file(files, contents)
        write_state(lake, CatalogState(fingerprint, sources_digest(lake, analytics)))
        return True


def _publish_file(files: Files, contents: catalog_file.Contents) -> None:
    if files.path(f"{CATALOG}.wal").exists():
        raise StorageError(
            f"{files.path(CATALOG)} is not published: it is open for writing in another "
            f"program, or was when that ended ({CATALOG}.wal exists). Close that program "
            "(analysts open the catalog read-only) and remove the .wal file if it remains; the "
            "next run publishes the catalog."
        )
    files.sweep(".")
    try:
        with files.replacement(CATALOG) as path:
            description = catalog_file.build(path, contents)
        files.replace_bytes(DATAPACKAGE, description)
    except duckdb.Error as error:
        raise StorageError(_publishing_error(files.path(CATALOG), str(error))) from error


def try_publish(files: Files, lake: Lake, analytics: Analytics = _DEFAULT) -> str | None:
    """Publish if needed; returns the error message if that failed, and the next run tries again.

    Readers of the catalog must never fail a run. Files of an earlier version are rewritten first.
    """
    try:
        migrate_if_quick(lake)
        publish(files, lake, analytics)
    except StorageError as error:
        return str(error)
    return None


def _publishing_error(path: Path, message: str) -> str:
    if refusal := describe_disk_error(message):
        return f"The catalog {path} cannot be made: {refusal}."
    return f"The catalog cannot be made: {message.rstrip('.!')}.{advice(message)}"


def connect(data_dir: str | Path = "data", *, read_only: bool = True) -> duckdb.DuckDBPyConnection:
    """Open the catalog of a data folder, or of one in a bucket, for queries.

    The connection to a bucket is in memory, and has the tables of this moment. A moved data folder
    works: the views read below the given folder. Raises SettingsError when there is no catalog yet,
    or the folder was moved, StorageError when it cannot be opened.
    """
    if is_url(str(data_dir)):
        return bucket_catalog.connect(url_of(str(data_dir)))
    path = Path(data_dir).absolute() / CATALOG
    if path.parent.is_file():
        raise SettingsError(f"{path.parent} is a file: give the folder that has {CATALOG}.")
    check_readable(Files(path.parent))
    if not path.exists():
        raise SettingsError(f"There is no {path} yet. Run `meeting-etl run`, {_OR_ANOTHER}.")
    try:
        connection = duckdb.connect(str(path), read_only=read_only)
    except duckdb.Error as error:
        raise StorageError(
            f"Cannot open {path}: {str(error).rstrip('.!')}. If another program has it open for "
            "writing, close it there or open it with -readonly; if it is damaged, remove it and "
            "run `meeting-etl run` to publish it again."
        ) from error
    interruptible(connection, lambda: _set_variables(connection, path.parent))
    return connection


def _set_variables(connection: duckdb.DuckDBPyConnection, data_dir: Path) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    root = glob_literal(str(data_dir / "lake"))
    connection.execute(f"SET VARIABLE lake_root = {sql_text(root)}")


class Queries:
    """A connection for several queries: opening that of a bucket reads the logs of all tables.

    A query is tried again, a few times, after an error that is not the statement's own: a file may
    be replaced after a query listed it and before it is opened; a day that is committed every
    moment may do so twice in a row. Then the connection is opened anew, as that of a bucket has the
    files of its moment.
    """

    def __init__(self, data_dir: str | Path) -> None:
        """Raises as `connect`."""
        self._data_dir = data_dir
        self.connection = connect(data_dir)

    def __enter__(self) -> "Queries":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def query(
        self, sql: str, parameters: Mapping[str, object] | None = None
    ) -> tuple[list[str], list[tuple[object, ...]]]:
        """Column names and rows of one SQL statement, with `$name` in place of values.

        Raises SettingsError with DuckDB's message, StorageError when a bucket cannot be read.
        """

        def read() -> tuple[list[str], list[tuple[object, ...]]]:
            cursor = self.connection.execute(sql, parameters or {})
            names = [column[0] for column in cursor.description or []]
            return names, cursor.fetchall()

        with _as_settings_error():
            return self.retried(read)

    def retried(self, read: Callable[[], T]) -> T:
        """What `read` returns, which uses `connection`."""
        for _ in range(_MOST_RETRIES):
            try:
                return interruptible(self.connection, read)
            except _STATEMENT_ERRORS:
                raise
            except duckdb.Error:
                self.connection.close()
                self.connection = connect(self._data_dir)
        return interruptible(self.connection, read)


def query(
    data_dir: str | Path, sql: str, parameters: Mapping[str, object] | None = None
) -> tuple[list[str], list[tuple[object, ...]]]:
    """`Queries.query` over a connection of its own."""
    with Queries(data_dir) as queries:
        return queries.query(sql, parameters)


def read_arrow(data_dir: str | Path, sql: str) -> pa.Table:
    """The answer of one SQL statement. Raises SettingsError with DuckDB's message."""
    with Queries(data_dir) as queries, _as_settings_error():
        return queries.retried(lambda: queries.connection.sql(sql).to_arrow_table())


@contextmanager
def stream_query(
    data_dir: str | Path, sql: str
) -> Iterator[tuple[list[str], Iterator[tuple[object, ...]]]]:
    """Column names and rows of one SQL statement, a few rows in memory at a time.

    A FLOAT is returned as the shortest number that rounds to it. A failure before the first rows
    is retried. Raises SettingsError with DuckDB's message, also while rows are read.
    """
    with Queries(data_dir) as queries, _as_settings_error():
        _only_one(queries.connection, sql)
        first = queries.retried(lambda: queries.connection.execute(sql).fetchmany(_BATCH_ROWS))
        columns = queries.connection.description or []
        kinds = [column[1] for column in columns]
        yield [column[0] for column in columns], _rows(first, queries.connection, kinds)


def write_parquet(data_dir: str | Path, files: Files, sql: str, path: Path) -> None:
    """Write the answer of one SQL statement into a Parquet file, as a whole or not at all.

    `files` says how the file is made; its path may be anywhere.

    Raises SettingsError with DuckDB's message, and StorageError when the disk fails.
    """
    with Queries(data_dir) as queries, _as_settings_error():

        def write() -> None:
            with files.of(path.parent).replacement(path.name) as temporary:
                # Not in another file, which would have another mode.
                queries.connection.sql(sql).write_parquet(
                    str(temporary), compression="zstd", use_tmp_file=False
                )

        _only_one(queries.connection, sql)
        queries.retried(write)


@contextmanager
def _as_settings_error() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        if sentence := bucket_catalog.reading_error(str(error)):
            raise StorageError(sentence) from error
        text = f"The query failed: {error}"
        if not isinstance(error, _STATEMENT_ERRORS) and (sentence := fault_of_storage(text)):
            raise StorageError(sentence) from error
        raise SettingsError(text) from error


def _only_one(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    count = len(connection.extract_statements(sql))
    if count != 1:
        raise SettingsError(f"Give one SQL statement, not {count}.")


def _rows(
    rows: list[Any], connection: duckdb.DuckDBPyConnection, kinds: list[DuckDBPyType]
) -> Iterator[tuple[object, ...]]:
    """These rows and the following ones."""
    has_floats = any("FLOAT" in str(kind) for kind in kinds)
    while rows:
        yield from (tuple(map(shortest, row, kinds)) for row in rows) if has_floats else rows
        rows = interruptible(connection, lambda: connection.fetchmany(_BATCH_ROWS))


@cache
def _time_zones() -> list[str]:
    """Names that Python and DuckDB both know: any other would fail the whole query."""
    with duckdb.connect() as connection:
        rows = interruptible(
            connection,
            lambda: connection.execute("SELECT name FROM pg_timezone_names()").fetchall(),
        )
    return sorted(available_timezones() & {name for (name,) in rows})
