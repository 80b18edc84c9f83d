"""Sides where addresses are not stored, or stand for somebody who was erased: by the domain."""

from pathlib import Path
from typing import Any

from meeting_etl_tests.views.attending import person
from meeting_etl_tests.views.lakes import ask, clock

HOUR = {"started_at": clock("10:00"), "ended_at": clock("11:00")}
MEETINGS = [
    HOUR | {"meeting_id": name, "host_email_domain": "own.example"} for name in ("m", "other")
]
# Participant, address, domain; how a policy and an erasure leave them.
HASHED = "anon-00112233445566778899aabbccddeeff@x.example"
PEOPLE = [
    ("p1", None, "x.example"),
    ("p2", None, "own.example"),
    ("p3", None, None),
    ("p4", "erased:1", "x.example"),
    ("p5", "erased:2", "own.example"),
    ("p6", "erased:3", None),
    ("p7", HASHED, "x.example"),
]
SIDES = [
    (HASHED, HASHED, "x.example", "external"),
    ("erased:1", "erased:1", "x.example", "external"),
    ("erased:2", "erased:2", "own.example", "internal"),
    ("erased:3", "erased:3", None, "unknown"),
    ("guest:p1", None, "x.example", "external"),
    ("guest:p2", None, "own.example", "internal"),
    ("guest:p3", None, None, "unknown"),
]


def said(number: int, name: str | None, email: str | None, domain: str | None) -> dict[str, Any]:
    return {
        "snippet_id": f"s{number}",
        "transcript_id": "t",
        "meeting_id": "m",
        "snippet_index": number,
        "text": "yes",
        "person_name": name,
        "person_email": email,
        "person_email_domain": domain,
        "offset_ms": number * 1000,
        "duration_ms": 1000,
    }


def speakers(folder: Path, people: list[Any], *snippets: dict[str, Any]) -> list[Any]:
    """Person, domain and side of each speaker; those of talk_time must be the same."""
    tables = {"meetings": MEETINGS, "participants": people, "transcript_snippets": snippets}
    columns = "DISTINCT person, email_domain, side"
    found = ask(folder, tables, f"SELECT {columns} FROM speakers ORDER BY ALL")
    assert ask(folder, {}, f"SELECT {columns} FROM talk_time ORDER BY ALL") == found
    return found


def test_who_was_there_is_on_the_side_of_the_domain(tmp_path: Path) -> None:
    """In two meetings, in both of which an erased person is the same one."""
    tables: dict[str, list[Any]] = {"meetings": MEETINGS, "participants": [], "invitees": []}
    for meeting in ("m", "other"):
        for key, email, domain in PEOPLE:
            row = {"meeting_id": meeting, "email": email, "email_domain": domain}
            tables["participants"].append(person(key, ("10:00", "10:30"), **row))
            tables["invitees"].append({"invitee_id": key, **row})
    columns = "SELECT DISTINCT person, email, email_domain, side FROM"
    assert ask(tmp_path, tables, f"{columns} attendance ORDER BY person") == SIDES
    assert ask(tmp_path, {}, f"{columns} invitations ORDER BY person") == SIDES
    stays = ask(tmp_path, {}, "SELECT DISTINCT person, email_domain FROM presence ORDER BY person")
    assert stays == [(key, domain) for key, _, domain, _ in SIDES]
    accounts = ask(tmp_path, {}, "SELECT domain, meetings, persons FROM account_activity")
    assert accounts == [("x.example", 2, 3)]
    counts = """SELECT internal_attendees, external_attendees, unknown_attendees, host_email_domain
        FROM meeting_overview"""
    assert ask(tmp_path, {}, counts) == [(2, 3, 2, "own.example")] * 2


def test_a_speaker_who_took_part_is_of_the_participants_domain(tmp_path: Path) -> None:
    """By the name, or as the same erased person; only a guest is of the transcript's domain."""
    people = [
        person("Ana", email=None, email_domain="own.example"),
        person("Bo", email="erased:1", email_domain="x.example"),
        person("Cy"),
    ]
    assert speakers(
        tmp_path,
        people,
        said(0, " ana", None, "own.example"),
        said(1, "erased:1", "erased:1", "elsewhere.example"),
        said(2, "Cy", None, "x.example"),
    ) == [
        ("erased:1", "x.example", "external"),
        ("guest:Ana", "own.example", "internal"),
        ("guest:Cy", "x.example", "external"),
    ]


def test_a_speaker_who_matches_nobody_is_of_the_transcripts_domain(tmp_path: Path) -> None:
    """Two are called Guest. One voice has neither a name nor an address."""
    people = [person("1", display_name="Guest"), person("2", display_name="Guest")]
    assert speakers(
        tmp_path,
        people,
        said(0, "Guest", None, "x.example"),
        said(1, "Dee", "erased:2", "own.example"),
        said(2, "Eve", None, "x.example"),
        said(3, "EVE", None, None),
        said(4, None, None, "own.example"),
    ) == [
        ("erased:2", "own.example", "internal"),
        ("name:EVE", "x.example", "external"),
        ("name:Guest", "x.example", "external"),
        (None, "own.example", "internal"),
    ]


def test_a_name_of_two_domains_is_on_no_side(tmp_path: Path) -> None:
    two = said(0, "Ana", None, "own.example"), said(1, "Ana", None, "x.example")
    assert speakers(tmp_path, [], *two) == [("name:Ana", None, "unknown")]
