"""A lake with a few hand-made rows, and answers from its catalog."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.pipeline.rows import email_domain
from meeting_etl.schemas import TABLES, Table

DAY = date(2026, 3, 2)


def clock(text: str) -> datetime:
    """`10:30` or `10:30:15` on the day of the tests."""
    hours, minutes, seconds = map(int, f"{text}:0".split(":")[:3])
    return datetime(2026, 3, 2, hours, minutes, seconds, tzinfo=UTC)


def ask(folder: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]], sql: str) -> list[Any]:
    """Rows of a query over a lake with these rows by table."""
    files = Files(folder)
    lake = Lake(files)
    for name, of_table in rows.items():
        lake.merge(TABLES[name], DAY, [with_domains(TABLES[name], row) for row in of_table])
    refresh_metrics(lake, DAY)
    catalog.publish(files, lake)
    return catalog.query(folder, sql)[1]


def with_domains(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the domain beside each address, as rows of items have it, unless it is given."""
    domains = {
        f"{name}_domain": email_domain(value)
        for name, value in row.items()
        if f"{name}_domain" in table.schema.names
    }
    return domains | dict(row)


def files_read(folder: Path, view: str) -> int:
    """How many files DuckDB reads for one of twenty days of a view."""
    lake = Lake(Files(folder))
    for number in range(20):
        day = DAY + timedelta(days=number)
        rows = {
            "meetings": {
                "meeting_id": "m",
                "started_at": clock("10:00"),
                "ended_at": clock("11:00"),
            },
            "participants": {"meeting_id": "m", "participant_id": "p", "joined_at": clock("10:00")},
            "transcript_snippets": {"snippet_id": "s", "meeting_id": "m", "transcript_id": "t"},
            "fetch_ledger": {"meeting_id": "m", "resource": "transcripts", "resource_id": ""},
        }
        for name, row in rows.items():
            lake.merge(TABLES[name], day, [row])
        refresh_metrics(lake, day)
    sql = f"EXPLAIN ANALYZE SELECT * FROM {view} WHERE date = DATE '{DAY}'"
    ((_, plan),) = ask(folder, {}, sql)
    return sum(map(int, re.findall(r"Total Files Read: (\d+)", plan)))
