"""Rows of one meeting, and what the views say of its persons."""

from pathlib import Path
from typing import Any

from meeting_etl_tests.views.lakes import ask, clock

MEETING = {"meeting_id": "m", "started_at": clock("10:00"), "ended_at": clock("11:00")}


def person(name: str, *joins: tuple[str | None, str | None], **more: Any) -> dict[str, Any]:
    """A participant with a device for each (join, leave)."""
    devices = [
        {"joined_at": clock(j) if j else None, "left_at": clock(le) if le else None}
        for j, le in joins
    ]
    return {
        "meeting_id": "m",
        "participant_id": name,
        "display_name": name,
        "devices": devices,
    } | more


def seconds(folder: Path, *people: dict[str, Any]) -> dict[str, Any]:
    rows = ask(
        folder,
        {"meetings": [MEETING], "participants": people},
        "SELECT person, attended_seconds FROM attendance ORDER BY person",
    )
    return dict(rows)


def all_of(folder: Path, columns: str, *people: dict[str, Any]) -> dict[str, Any]:
    """These columns of attendance by person, where the meeting is 10:00 to 11:00."""
    rows = ask(
        folder,
        {"meetings": [MEETING], "participants": people},
        f"SELECT person, {columns} FROM attendance",
    )
    return {row[0].removeprefix("guest:"): row[1:] for row in rows}
