from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.analytics import Analytics
from meeting_etl.lake.lake import Lake
from meeting_etl_tests.views.attending import person
from meeting_etl_tests.views.lakes import ask, clock

MEETING = {
    "meeting_id": "m",
    "started_at": clock("10:00"),
    "ended_at": clock("11:00"),
    "host_email_domain": "sales.example",
}
PEOPLE = (
    person("a", ("10:00", "10:10"), email="ana@sales.example"),
    person("b", ("10:00", "10:30"), email="Bo@Customer.example "),
    person("c", ("10:00", "10:30"), email="cy@customer.example", state="lobby"),
    person("d", email="dee@customer.example"),
    person("g", ("10:00", "10:30")),
)


def invitee(key: str, email: str | None, **more: Any) -> dict[str, Any]:
    return {"meeting_id": "m", "invitee_id": key, "email": email, "display_name": key} | more


INVITED = (
    invitee("1", " ANA@sales.example"),
    invitee("2", "bo@customer.example", panelist=True),
    invitee("3", "cy@customer.example"),
    invitee("4", "dee@customer.example"),
    invitee("5", "eve@customer.example", co_host=True),
    invitee("6", "EVE@customer.example"),
    invitee("7", None),
)


def item(resource: str, status: str = "ready", *, settled: bool = True) -> dict[str, Any]:
    return {
        "meeting_id": "m",
        "resource": resource,
        "resource_id": "",
        "status": status,
        "settled": settled,
    }


DONE = (item("participants"), item("invitees"))


def rows(
    folder: Path, sql: str, ledger: Sequence[dict[str, Any]] = DONE, people: Any = PEOPLE
) -> list[Any]:
    tables = {
        "meetings": [MEETING],
        "participants": people,
        "invitees": INVITED,
        "fetch_ledger": ledger,
    }
    return ask(folder, tables, sql)


def test_who_was_invited_and_who_attended(tmp_path: Path) -> None:
    """Cy stayed in the lobby, Dee's times are not known, Eve was invited twice and not there."""
    sql = "SELECT person, side, co_host, panelist, attended FROM invitations ORDER BY person"
    assert rows(tmp_path, sql) == [
        ("ana@sales.example", "internal", None, None, True),
        ("bo@customer.example", "external", None, True, True),
        ("cy@customer.example", "external", None, None, False),
        ("dee@customer.example", "external", None, None, None),
        ("eve@customer.example", "external", True, None, False),
        ("guest:7", "unknown", None, None, None),
    ]


OVERVIEW = "SELECT no_shows, attendance_rate, unknown_attendees FROM meeting_overview"


def test_a_meeting_has_its_no_shows_and_beside_them_who_cannot_be_told(tmp_path: Path) -> None:
    """Of four whose attendance is known Cy and Eve were not inside; a guest was, who may be Eve."""
    assert rows(tmp_path, OVERVIEW) == [(2, 0.5, 1)]


@pytest.mark.parametrize(
    "ledger",
    [
        (),
        (item("participants"),),
        (item("participants"), item("invitees", settled=False)),
        (item("participants"), item("invitees", "failed")),
        (item("participants", "failed"), item("invitees")),
    ],
)
def test_what_is_not_complete_says_nothing(
    tmp_path: Path, ledger: Sequence[dict[str, Any]]
) -> None:
    assert rows(tmp_path, OVERVIEW, ledger) == [(None, None, 1)]
    sql = "SELECT DISTINCT attended FROM invitations"
    assert ask(tmp_path, {}, sql) == [(None,)]


def test_without_invitees_there_are_no_numbers(tmp_path: Path) -> None:
    tables = {"meetings": [MEETING], "participants": PEOPLE, "fetch_ledger": [item("participants")]}
    assert ask(tmp_path, tables, OVERVIEW) == [(None, None, 1)]


def test_without_person_metrics_meetings_keep_their_numbers(tmp_path: Path) -> None:
    rows(tmp_path, "SELECT 1")
    lake = Lake(Files(tmp_path), person_metrics=False)
    catalog.publish(lake.files, lake, Analytics(person_metrics=False))
    assert catalog.query(tmp_path, OVERVIEW)[1] == [(2, 0.5, 1)]
    _, views = catalog.query(tmp_path, "SELECT view_name FROM duckdb_views()")
    assert ("invitations",) not in views
