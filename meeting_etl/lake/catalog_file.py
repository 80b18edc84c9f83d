"""The catalog file, built from the statements of its views and macros.

Belongs here: building it at the cost of the difference from the one that this process built last.
Does not: the statements (catalog_sql.py), publishing the file (catalog.py).
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from meeting_etl.lake.datapackage import COLUMNS, datapackage
from meeting_etl.lake.interruptible import interruptible

# The oldest storage format. The views need getvariable(), that is, DuckDB 1.1 or newer.
STORAGE_VERSION = "v1.0.0"
# For each view and macro, such as `VIEW meetings`, in the order in which they can be created: its
# CREATE statement and its comments.
Contents = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class _Built:
    contents: Contents
    content: bytes
    description: bytes


# Creating and commenting all views takes DuckDB about 0.4 s of CPU. A process that runs again and
# again publishes when a table gets its first rows or a host's domain is new: a view or two differ.
_latest = _Built({}, b"", b"")
_lock = threading.Lock()


def is_whole(path: Path) -> bool:
    """Whether the file is a whole catalog, by its bytes, as it may be open for writing."""
    try:
        with path.open("rb") as file:
            return file.read(12)[8:] == b"DUCK"
    except FileNotFoundError:
        return False


def build(path: Path, contents: Contents) -> bytes:
    """Write a catalog of these views and macros to the path; returns its datapackage.json."""
    global _latest
    with _lock:
        if _latest.contents != contents:
            _latest = _built(contents, _latest)
        path.write_bytes(_latest.content)
        return _latest.description


def _built(contents: Contents, earlier: _Built) -> _Built:
    """In a temporary folder: DuckDB cannot write below a folder with `?` in its name."""
    with TemporaryDirectory(prefix="meeting-etl-") as folder:
        file = Path(folder) / "meetings.duckdb"
        if earlier.content:
            file.write_bytes(earlier.content)
        statements = _differences(contents, earlier.contents)
        with duckdb.connect() as connection:
            description = interruptible(connection, lambda: _changed(connection, file, statements))
        return _Built(dict(contents), file.read_bytes(), description)


def _changed(connection: duckdb.DuckDBPyConnection, file: Path, statements: Sequence[str]) -> bytes:
    """The datapackage.json of the file after these statements."""
    literal = str(file).replace("'", "''")
    connection.execute(f"ATTACH '{literal}' AS built (STORAGE_VERSION '{STORAGE_VERSION}')")
    connection.execute("USE built")
    connection.execute("BEGIN")
    for statement in statements:
        connection.execute(statement)
    connection.execute("COMMIT")
    description = datapackage(connection.execute(COLUMNS).fetchall())
    connection.execute("USE memory")
    connection.execute("DETACH built")
    return description


def _differences(contents: Contents, earlier: Contents) -> list[str]:
    """Statements that turn the earlier catalog into this one; none depends on another."""
    changed = [name for name in contents if earlier.get(name) != contents[name]]
    gone = [name for name in earlier if name in changed or name not in contents]
    return [
        *(f"DROP {name}" for name in gone),
        *(statement for name in changed for statement in contents[name]),
    ]
