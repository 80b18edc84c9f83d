"""A meeting of two persons who talk and two guests, and its report."""

from pathlib import Path
from typing import Any

from meeting_etl_tests.commands import command
from meeting_etl_tests.report.page_reader import Page
from meeting_etl_tests.views.lakes import ask, clock

NASTY = '</script><script>alert("1")</script><!-- R&D'
# In Berlin, an hour ahead of UTC, from 11:00 to 12:00.
MEETING = {
    "meeting_id": "m",
    "title": NASTY,
    "started_at": clock("10:00"),
    "ended_at": clock("11:00"),
    "duration_seconds": 3600,
    "timezone": "Europe/Berlin",
    "host_email": "ana@own.example",
    "host_email_domain": "own.example",
}


def participant(name: str, email: str | None, joined: str, left: str) -> dict[str, Any]:
    return {
        "meeting_id": "m",
        "participant_id": name,
        "display_name": "Guest" if email is None else name,
        "email": email,
        "devices": [{"joined_at": clock(joined), "left_at": clock(left)}],
    }


def snippet(number: int, name: str, start: str, seconds: int) -> dict[str, Any]:
    return {
        "snippet_id": f"s{number}",
        "meeting_id": "m",
        "transcript_id": "t",
        "person_name": name,
        "person_email": f"{name.lower()}@{'own' if name == 'Ana' else 'customer'}.example",
        "started_at": clock(start),
        "duration_ms": seconds * 1000,
        "text": "Said in confidence.",
    }


ROWS = {
    "meetings": [MEETING],
    "participants": [
        participant("Ana", "ana@own.example", "10:00", "11:00"),
        participant("Bo", "bo@customer.example", "10:10", "10:25"),
        # Two persons of one name.
        participant("g1", None, "10:00", "10:30"),
        participant("g2", None, "10:30", "10:45"),
    ],
    "transcripts": [{"transcript_id": "t", "meeting_id": "m", "status": "available"}],
    "transcript_snippets": [
        # A second of silence, then half a minute.
        snippet(1, "Ana", "10:00:00", 60),
        snippet(2, "Ana", "10:01:01", 9),
        snippet(3, "Ana", "10:01:40", 10),
        snippet(4, "Bo", "10:01:50", 30),
    ],
    "fetch_ledger": [
        {"meeting_id": "m", "resource": "recordings", "resource_id": "", "status": "waiting"}
    ],
}


def report(folder: Path, *arguments: str, **environ: str) -> Any:
    return command("report", *arguments, environ={"MEETING_ETL_DATA_DIR": str(folder), **environ})


def report_of_march(folder: Path, rows: dict[str, list[dict[str, Any]]]) -> Page:
    """The report about the days of March, over a lake with these rows."""
    ask(folder, rows, "SELECT 1")
    path = folder / "march.html"
    done = report(folder, "--from", "2026-03-01", "--to", "2026-03-31", "-o", str(path))
    assert done.returncode == 0, done.stderr
    return Page(path)
