"""A lake with a few hand-made rows, and answers from its catalog."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.store import Lake
from meeting_etl.schemas import TABLES

DAY = date(2026, 3, 2)


def clock(text: str) -> datetime:
    """`10:30` or `10:30:15` on the day of the tests."""
    hours, minutes, *seconds = map(int, text.split(":"))
    return datetime(2026, 3, 2, hours, minutes, *seconds, tzinfo=UTC)


def ask(folder: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]], sql: str) -> list[Any]:
    """Rows of a query over a lake with these rows by table."""
    files = Files(folder)
    lake = Lake(files)
    for name, some in rows.items():
        lake.merge(TABLES[name], DAY, some)
    catalog.publish(files, lake)
    return catalog.query(folder, sql)[1]
