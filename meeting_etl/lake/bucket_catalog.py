"""The catalog of a bucket: the statements of its views and macros, which a connection runs.

Belongs here: publishing them as an object, and a connection in memory that has the tables. Does
not: the statements (catalog_sql.py), the catalog of a folder, which is a file (catalog.py).
"""

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import duckdb

from meeting_etl.errors import SettingsError, StorageError
from meeting_etl.lake.datapackage import COLUMNS, DATAPACKAGE, datapackage
from meeting_etl.lake.interruptible import interruptible
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.partitions import folder_of
from meeting_etl.object_storage.delta_log import dataset_of
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.schemas import TABLES
from meeting_etl.storage import Storage

CATALOG = "catalog.json"
# The rest are lines with requests and answers in full.
_READING_FAILED = re.compile(r"registered as 'stored_(\w+)' failed: (?:\w+: )?([^\n]*)")
# Logs that are read at a time.
_LOGS_AT_ONCE = 8


def publish(lake: Lake, contents: Mapping[str, Sequence[str]]) -> None:
    """Write the statements of each view and macro, and datapackage.json."""
    relations = {
        relation: table.name
        for table in TABLES.values()
        if (relation := lake.tables.relation(table)) and lake.has_rows(table)
    }
    content = {"relations": relations, "statements": contents}
    with closing(_connected(lake.storage, content)) as connection:
        columns = interruptible(connection, lambda: connection.execute(COLUMNS).fetchall())
    lake.storage.replace_bytes(DATAPACKAGE, datapackage(columns))
    lake.storage.replace_bytes(CATALOG, json.dumps(content, indent=1).encode())


def connect(url: str) -> duckdb.DuckDBPyConnection:
    """A connection in memory with the views and macros over the tables as they are now.

    Raises SettingsError when there is no catalog yet, StorageError when it cannot be read.
    """
    files = ObjectFiles(url)
    content = files.read_bytes(CATALOG)
    if content is None:
        raise SettingsError(
            f"There is no {files.where(CATALOG)} yet. Run `meeting-etl run`, or name the bucket "
            "with MEETING_ETL_DATA_DIR."
        )
    try:
        return _connected(files, json.loads(content))
    except (ValueError, KeyError, duckdb.Error) as error:
        raise StorageError(
            f"{files.where(CATALOG)} does not fit this version of meeting_etl: {error}. Run "
            "`meeting-etl run` to publish it again."
        ) from error


def reading_error(message: str) -> str | None:
    """A sentence in the place of DuckDB's message, where that is of a file in a bucket."""
    if (found := _READING_FAILED.search(message)) is None:
        return None
    return (
        f"The query failed: a file of {found[1]} cannot be read: {found[2].strip().rstrip('.')}. "
        "If it happens again, check the bucket and its credentials, and see `A file that is "
        "damaged or gone` in docs/object-storage.md."
    )


def _connected(files: Storage, content: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """A connection with the relations of the content, and the results of its statements."""
    connection = duckdb.connect()
    interruptible(connection, lambda: _create(connection, files, content))
    return connection


def _create(
    connection: duckdb.DuckDBPyConnection, files: Storage, content: Mapping[str, Any]
) -> None:
    """Create the relations and what the statements create."""
    connection.execute("SET TimeZone = 'UTC'")
    relations: dict[str, str] = content["relations"]
    urls = [files.where(folder_of(TABLES[name])) for name in relations.values()]
    with ThreadPoolExecutor(_LOGS_AT_ONCE) as pool:
        datasets = pool.map(dataset_of, urls)
    for (relation, name), dataset in zip(relations.items(), datasets, strict=True):
        connection.register(relation, dataset)
        # They are listed among the tables.
        connection.execute(f"COMMENT ON VIEW {relation} IS 'What the view {name} reads.'")
    for statements in content["statements"].values():
        for statement in statements:
            connection.execute(statement)
