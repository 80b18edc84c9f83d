"""Logs of lines that are numbered through, in a data folder of small files."""

from datetime import date
from pathlib import Path
from typing import Any

from meeting_etl.schemas import REJECTED_LINES, WEBHOOK_EVENTS
from meeting_etl_tests.pipeline.box import SERIES, Box, line, payload, received

TABLES = ("lake/webhook_events/", "lake/rejected_lines/", "lake/ingested_logs/")
DAYS = [date(2026, 3, number) for number in (2, 3, 4)]


def lines(day: date, count: int, first: int = 1) -> bytes:
    """Events of one received date: a meeting that ended, and people in it."""
    events = [payload(first, f"{day}T10:50:00Z")]
    for number in range(1, count):
        data = {"id": f"{first + number}", "meetingId": f"{SERIES}_I_{first}"}
        events.append({"resource": "meetingParticipants", "event": "joined", "data": data})
    return b"".join(line(received(f"{day}T11:00:00Z", event)) for event in events)


def add(box: Box, name: str, content: bytes) -> None:
    with (box.logs / name).open("ab") as file:
        file.write(content)


def all_rows(box: Box) -> list[tuple[Any, ...]]:
    """The place of each row of both tables, and the partition it is in."""
    return [
        (row["log_file"], row["byte_offset"], row["line_number"], row["received_date"])
        for table in (WEBHOOK_EVENTS, REJECTED_LINES)
        for row in box.rows(table)
    ]


def parts(box: Box, day: date) -> list[str]:
    folder = box.folder / f"lake/webhook_events/received_date={day}"
    return sorted(path.name for path in folder.iterdir())


def new_box(folder: Path) -> Box:
    folder.mkdir()
    return Box(folder)
