"""The catalog file, built from the statements of its views.

Belongs here: building it at the cost of the difference from the one that this process built last.
Does not: the statements (catalog_sql.py), publishing the file (catalog.py).
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

# The oldest storage format. The views need getvariable(), that is, DuckDB 1.1 or newer.
STORAGE_VERSION = "v1.0.0"
# For each view, in the order in which they can be created: CREATE VIEW and its comments.
Views = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class _Built:
    views: Views
    content: bytes


# Creating and commenting all views takes DuckDB about 0.4 s of CPU. A process that runs again and
# again publishes when a table gets its first rows or a host's domain is new: a view or two differ.
_latest = _Built({}, b"")
_lock = threading.Lock()


def build(path: Path, views: Views) -> None:
    """Write a catalog of these views to the path."""
    global _latest
    with _lock:
        if _latest.views != views:
            _latest = _Built(dict(views), _built(views, _latest))
        path.write_bytes(_latest.content)


def _built(views: Views, earlier: _Built) -> bytes:
    """In a temporary folder: DuckDB cannot write below a folder with `?` in its name."""
    with TemporaryDirectory(prefix="meeting-etl-") as folder:
        file = Path(folder) / "meetings.duckdb"
        if earlier.content:
            file.write_bytes(earlier.content)
        with duckdb.connect() as connection:
            literal = str(file).replace("'", "''")
            connection.execute(f"ATTACH '{literal}' AS built (STORAGE_VERSION '{STORAGE_VERSION}')")
            connection.execute("USE built")
            connection.execute("BEGIN")
            for statement in _differences(views, earlier.views):
                connection.execute(statement)
            connection.execute("COMMIT")
            connection.execute("USE memory")
            connection.execute("DETACH built")
        return file.read_bytes()


def _differences(views: Views, earlier: Views) -> list[str]:
    """Statements that turn the earlier catalog into this one; views do not depend on each other."""
    changed = [name for name in views if earlier.get(name) != views[name]]
    gone = [name for name in earlier if name in changed or name not in views]
    return [
        *(f"DROP VIEW {name}" for name in gone),
        *(statement for name in changed for statement in views[name]),
    ]
