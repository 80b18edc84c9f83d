"""Assets that nothing materializes: the catalog's views, and tables that other steps write.

Belongs here: what `meetings.duckdb` shows beside the assets that runs fill, and its edges. Does
not: the views (lake/views/), other tables (ingest_assets.py, day_assets.py).

They have no `is_virtual=`: it is in preview, and the UI does not know it. view_columns.json has the
types and the lineage of columns, derived from the SQL (meeting_etl_tests/views/lineage.py).
"""

import json
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import Any

import dagster as dg

from meeting_etl import schemas
from meeting_etl.lake.analytics import PERSON_VIEWS
from meeting_etl.lake.catalog_sql import described_views
from meeting_etl.orchestration.assets.table_asset import (
    ANALYTICS,
    INGEST,
    MAINTENANCE,
    as_markdown,
    table_spec,
)

_OF_ALL_VIEWS = (
    "A view of `meetings.duckdb`, computed whenever it is read, so it is as new as its tables and "
    "is never materialized. Query it with `meeting-etl sql`, `meeting_etl.connect()` or DuckDB."
)
# Names of columns that are personal in some table.
_PERSONAL = frozenset(
    column.name for table in schemas.TABLES.values() for column in table.columns if column.personal
)
# Tables that the steps of these assets write beside their own.
_TABLES = [
    table_spec(schemas.REJECTED_LINES, "webhook_events", group=INGEST, kinds=("parquet",)),
    table_spec(schemas.INGESTED_LOGS, "webhook_events", group=INGEST, kinds=("parquet",)),
    table_spec(
        schemas.FETCH_LEDGER,
        "meetings",
        "recordings",
        "participants",
        "invitees",
        "transcripts",
        "transcript_files",
        "transcript_snippets",
        "meeting_summaries",
        "recording_files",
        group=MAINTENANCE,
        kinds=("parquet",),
    ),
    table_spec(schemas.ORPHANS, "reconciled_meetings", group=MAINTENANCE),
]


def catalog_assets(*, person_metrics: bool) -> list[dg.AssetSpec]:
    """The assets that nothing materializes; without person metrics no view of single persons."""
    folder = resources.files("meeting_etl.orchestration.assets")
    stored = json.loads(folder.joinpath("view_columns.json").read_text(encoding="utf-8"))
    left_out = frozenset() if person_metrics else PERSON_VIEWS
    views = [
        _view(name, comment, comments, stored, left_out)
        for name, comment, comments in described_views()
        if name not in left_out
    ]
    return [*_TABLES, *views]


def _view(
    name: str, comment: str, comments: dict[str, str], stored: Any, left_out: frozenset[str]
) -> dg.AssetSpec:
    columns: dict[str, list[str]] = stored[name]["columns"]
    metadata: dict[str, Any] = {
        "dagster/table_name": name,
        "dagster/column_schema": _schema(columns, comments),
        "code": f"meeting_etl/lake/views/{name}.sql",
    }
    if left_out.isdisjoint(stored[name]["reads"]):
        metadata["dagster/column_lineage"] = _lineage(columns)
    return dg.AssetSpec(
        name,
        deps=sorted(set(_read(name, stored, left_out))),
        group_name=ANALYTICS,
        kinds={"duckdb"},
        tags={} if _PERSONAL.isdisjoint(columns) else {"personal_data": "true"},
        description=f"{as_markdown(comment)}\n\n{_OF_ALL_VIEWS}",
        metadata=metadata,
    )


def _read(name: str, stored: Any, left_out: frozenset[str]) -> Iterator[str]:
    """What a view reads; in place of a view that is left out, what that reads."""
    for other in stored[name]["reads"]:
        if other in left_out:
            yield from _read(other, stored, left_out)
        else:
            yield other


def _schema(columns: dict[str, list[str]], comments: dict[str, str]) -> dg.TableSchema:
    return dg.TableSchema(
        [
            dg.TableColumn(
                column,
                kind,
                f"{as_markdown(comments[column])}{_from(sources)}",
                tags={"personal_data": "true"} if column in _PERSONAL else {},
            )
            for column, (kind, *sources) in columns.items()
        ]
    )


def _from(sources: list[str]) -> str:
    """The lineage in words: of Dagster's UIs only the hosted one draws it."""
    return f" From {', '.join(f'`{source}`' for source in sources)}." if sources else ""


def _lineage(columns: dict[str, list[str]]) -> dg.TableColumnLineage:
    """The columns that each column is computed from; some, as count(*), from none."""
    return dg.TableColumnLineage(
        {column: list(_sources(names)) for column, (_, *names) in columns.items()}
    )


def _sources(names: Iterable[str]) -> Iterator[dg.TableColumnDep]:
    for name in names:
        asset, _, column = name.partition(".")
        yield dg.TableColumnDep(asset, column)
