"""datapackage.json: what tables and views there are, for other catalogs and for code generators.

Belongs here: its content, in the form of a Data Package (datapackage.org, version 2). Does not:
writing it (catalog.py), the comments (schemas.py, views/*.sql).
"""

import json
from collections.abc import Iterable
from typing import Any

from meeting_etl import __version__
from meeting_etl.lake.catalog_state import CATALOG
from meeting_etl.schemas import TABLES

DATAPACKAGE = "datapackage.json"
_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "integer",
    "INTEGER": "integer",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "datetime",
    "TIMESTAMP WITH TIME ZONE": "datetime",
}
# A row for each view of the catalog: name, comment, and its columns with type and comment.
COLUMNS = """
SELECT v.view_name, v.comment, list((c.column_name, c.data_type, c.comment) ORDER BY c.column_index)
FROM duckdb_views() v
JOIN duckdb_columns() c ON c.database_oid = v.database_oid AND c.table_oid = v.view_oid
WHERE NOT v.internal AND v.database_name = current_database()
GROUP BY ALL
ORDER BY v.view_name
"""


def datapackage(rows: Iterable[tuple[Any, ...]]) -> bytes:
    """The description of a catalog of which the query COLUMNS gave these rows."""
    package = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "meeting-etl",
        "title": "Webex meetings, recordings, participants and transcripts",
        "version": __version__,
        "resources": [_resource(*row) for row in rows],
    }
    return json.dumps(package, ensure_ascii=False, indent=1).encode() + b"\n"


def _resource(name: str, comment: str, columns: list[tuple[str, str, str]]) -> dict[str, Any]:
    schema: dict[str, Any] = {"fields": [_field(*column) for column in columns]}
    resource = {
        "name": name,
        "description": comment,
        "path": CATALOG,
        "format": "duckdb",
        "dialect": {"table": name},
        "schema": schema,
    }
    if table := TABLES.get(name):
        schema["primaryKey"] = list(table.key)
        folders = f"{table.partition.name}=*/" if table.partition else ""
        # No part of the standard: its files, as they can be read without the catalog.
        resource["parquet"] = f"lake/{name}/{folders}*.parquet"
    return resource


def _field(name: str, kind: str, comment: str) -> dict[str, str]:
    is_list = kind.endswith("[]")
    found = "array" if is_list else _TYPES.get(kind, "object")
    return {"name": name, "type": found, "description": comment}
