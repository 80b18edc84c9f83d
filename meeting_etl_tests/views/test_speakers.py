from pathlib import Path
from typing import Any

import pytest

from meeting_etl_tests.views.lakes import ask, clock, files_read

MEETING = {
    "meeting_id": "m",
    "started_at": clock("10:00"),
    "ended_at": clock("11:00"),
    "host_email_domain": "sales.example",
}


def participant(key: str, name: str | None, email: str | None = None, **more: Any) -> Any:
    return {
        "meeting_id": "m",
        "participant_id": key,
        "display_name": name,
        "email": email,
    } | more


def said(number: int, name: str | None, email: str | None = None) -> dict[str, Any]:
    return {
        "snippet_id": f"s{number}",
        "transcript_id": "t",
        "meeting_id": "m",
        "snippet_index": number,
        "text": "yes",
        "person_name": name,
        "person_email": email,
        "offset_ms": 0,
        "duration_ms": 1000,
    }


def found(folder: Path, people: list[Any], *snippets: dict[str, Any]) -> dict[Any, Any]:
    """Person, method and side by name and address as in the transcript."""
    rows = ask(
        folder,
        {"meetings": [MEETING], "participants": people, "transcript_snippets": snippets},
        "SELECT person_name, person_email, person, method, side FROM speakers",
    )
    return {row[:2]: row[2:] for row in rows}


def test_speakers_are_found_by_address_then_by_a_name_that_is_unique(tmp_path: Path) -> None:
    people = [
        participant("p1", "Ana Example", "ana@sales.example"),
        participant("p2", "Bo Guest"),
        participant("p3", "Guest"),
        participant("p4", "Guest"),
        participant("p5", "Waiting", state="lobby"),
    ]
    assert found(
        tmp_path,
        people,
        said(0, "Somebody", " Ana@sales.example"),
        said(1, " ana  EXAMPLE "),
        said(2, "Bo Guest"),
        said(3, "Guest"),
        said(4, "Cy", "cy@customer.example"),
        said(5, "Dee"),
        said(6, None),
        said(7, " ", ""),
        said(8, "Waiting"),
    ) == {
        ("Somebody", " Ana@sales.example"): ("ana@sales.example", "email", "internal"),
        (" ana  EXAMPLE ", None): ("ana@sales.example", "name", "internal"),
        ("Bo Guest", None): ("guest:p2", "name", "unknown"),
        # Two participants have that name.
        ("Guest", None): ("name:Guest", "ambiguous", "unknown"),
        ("Cy", "cy@customer.example"): ("cy@customer.example", "unmatched", "external"),
        ("Dee", None): ("name:Dee", "unmatched", "unknown"),
        (None, None): (None, "unknown", "unknown"),
        (" ", ""): (None, "unknown", "unknown"),
        # Who never was let in cannot have spoken.
        ("Waiting", None): ("name:Waiting", "unmatched", "unknown"),
    }


def test_a_speaker_with_an_address_in_some_snippets_is_one_speaker(tmp_path: Path) -> None:
    """W9, of a meeting whose participants are not known."""
    spoken = said(0, "Ana", "ana@sales.example"), said(1, "Ana"), said(2, "ANA")
    persons = {row[0] for row in found(tmp_path, [], *spoken).values()}
    assert persons == {"ana@sales.example"}


def test_a_name_with_two_addresses_is_nobodys(tmp_path: Path) -> None:
    two = said(0, "Ana", "ana@sales.example"), said(1, "Ana", "ana@customer.example")
    rows = found(tmp_path, [], *two, said(2, "Ana"))
    assert rows["Ana", None] == ("name:Ana", "unmatched", "unknown")


def test_names_that_differ_in_case_and_blanks_are_one_speaker(tmp_path: Path) -> None:
    """Of these, the first in order stands for all; of guests of one name, too."""
    people = [participant("p1", "Guest"), participant("p2", "guest")]
    spoken = said(0, "Dee Day"), said(1, "DEE  DAY "), said(2, "Guest"), said(3, "GUEST")
    rows = found(tmp_path, people, *spoken)
    assert {key[0]: row[:2] for key, row in rows.items()} == {
        "Dee Day": ("name:DEE DAY", "unmatched"),
        "DEE  DAY ": ("name:DEE DAY", "unmatched"),
        "Guest": ("name:GUEST", "ambiguous"),
        "GUEST": ("name:GUEST", "ambiguous"),
    }


def test_the_name_shown_is_that_of_the_longest_presence(tmp_path: Path) -> None:
    """W15: five minutes as A., 55 as Zoe Example; in metrics also when most is said as Z."""
    times = {"joined_at": clock("10:00"), "left_at": clock("10:05")}
    later = {"joined_at": clock("10:05"), "left_at": clock("11:00")}
    people = [
        participant("p1", "A.", "zoe@sales.example", **times),
        participant("p2", "Zoe Example", "zoe@sales.example", **later),
    ]
    short = said(0, "Z.", "zoe@sales.example")
    found(tmp_path, people, short, said(1, "Z.") | {"duration_ms": 60_000})
    for view in ("attendance", "talk_time"):
        rows = ask(tmp_path, {}, f"SELECT person, display_name FROM {view}")
        assert rows == [("zoe@sales.example", "Zoe Example")]


@pytest.mark.slow
def test_naming_a_day_reads_its_files_alone(tmp_path: Path) -> None:
    # Snippets twice, and participants twice.
    assert files_read(tmp_path, "speakers") == 4
