"""`erase` on a lake with rows by hand: what becomes of a person, and of a typo."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import ERASURES, MEETINGS, PARTICIPANTS, TRANSCRIPT_SNIPPETS
from meeting_etl_tests.commands import Completed, command

DAY = date(2026, 3, 11)
ENDED = datetime(2026, 3, 11, 10, tzinfo=UTC)
ADA, NAME = "ada@sales.example", "Ada Lovelace"


def participant(number: int, email: str | None, name: str) -> dict[str, Any]:
    domain = email and email.partition("@")[2]
    key = {"meeting_id": "m_I_1", "participant_id": f"p{number}"}
    return key | {"email": email, "email_domain": domain, "display_name": name}


def snippet(number: int, email: str, name: str, text: str) -> dict[str, Any]:
    return {
        "snippet_id": f"s{number}",
        "meeting_id": "m_I_1",
        "transcript_id": "t",
        "text": text,
        "person_email": email,
        "person_email_domain": email.partition("@")[2],
        "person_name": name,
    }


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(Files(tmp_path))
    meeting = {"meeting_id": "m_I_1", "title": f"1:1 with {NAME}", "ended_at": ENDED}
    lake.merge(MEETINGS, DAY, [meeting])
    people = [
        participant(1, ADA, NAME),
        participant(2, "bo@sales.example", "Bo Beam"),
        participant(3, None, f"{NAME}'s phone"),
        participant(4, "ada@other.example", NAME),
    ]
    lake.merge(PARTICIPANTS, DAY, people)
    said = [
        snippet(1, ADA, NAME, "Shall we?"),
        snippet(2, "bo@sales.example", "Bo", f"Yes, {NAME}!"),
    ]
    lake.merge(TRANSCRIPT_SNIPPETS, DAY, said)
    return lake


def erase(lake: Lake, *arguments: str) -> Completed:
    environ = {"MEETING_ETL_DATA_DIR": str(lake.files.root)}
    return command("erase", *arguments, environ=environ)


def test_a_person_is_replaced_and_others_keep_what_is_theirs(lake: Lake) -> None:
    done = erase(lake, "--person", " ADA@sales.example", "--yes")
    assert done.returncode == 0, done.stderr
    rows = lake.read(PARTICIPANTS, DAY).to_pylist()
    assert {(row["email"], row["email_domain"], row["display_name"]) for row in rows} == {
        ("erased:1", "sales.example", "erased:1"),  # Bo has the domain, too
        ("bo@sales.example", "sales.example", "Bo Beam"),
        (None, None, "[erased]'s phone"),
        ("ada@other.example", "other.example", NAME),  # somebody else of that name
    }
    said = lake.read(TRANSCRIPT_SNIPPETS, DAY).sort_by("snippet_id").to_pylist()
    assert [(row["text"], row["person_name"], row["words"]) for row in said] == [
        ("[erased]", "erased:1", 2),
        ("Yes, [erased]!", "Bo", 3),
    ]
    assert lake.read(MEETINGS, DAY)["title"].to_pylist() == ["1:1 with [erased]"]
    (proof,) = lake.read(ERASURES).to_pylist()
    # Two participants, two snippets, a title.
    assert (proof["erasure"], proof["subject"], proof["rows_changed"]) == ("erased:1", "person", 5)
    assert "neither the address or id nor the names" in done.stderr


def test_the_preview_names_what_is_looked_for_and_changes_nothing(lake: Lake) -> None:
    shown = erase(lake, "--person", ADA, "--dry-run")
    assert shown.returncode == 0
    assert f"looked for in all texts: {NAME}." in shown.stderr
    assert lake.read(PARTICIPANTS, DAY)["email"].to_pylist()[0] == ADA
    assert not lake.has_rows(ERASURES)


def test_a_typo_is_no_proof(lake: Lake) -> None:
    done = erase(lake, "--person", "adda@sales.example", "--yes")
    assert done.returncode == 1
    assert "Nothing here has adda@sales.example. Check the spelling." in done.stderr
    assert not lake.has_rows(ERASURES)
    kept_out = erase(lake, "--person", "adda@sales.example", "--even-if-unknown", "--yes")
    assert kept_out.returncode == 0
    lake.merge(PARTICIPANTS, DAY, [participant(9, "adda@sales.example", "Adda Lo")])
    assert "erased:1" in lake.read(PARTICIPANTS, DAY)["email"].to_pylist()


def test_once_more_finds_nothing_new(lake: Lake) -> None:
    erase(lake, "--person", ADA, "--yes")
    before = lake.read(ERASURES).to_pylist()
    again = erase(lake, "--person", ADA, "--yes")
    assert again.returncode == 0
    assert "nothing new was found" in again.stderr
    assert lake.read(ERASURES).to_pylist() == before


def test_files_that_are_no_logs_are_named(lake: Lake) -> None:
    notes = lake.files.path("webhook_logs/notes.txt")
    notes.parent.mkdir()
    notes.write_text(f"Ask {ADA}.")
    done = erase(lake, "--person", ADA, "--logs", "--yes")
    assert "Skipped, as not named like logs: notes.txt." in done.stderr
    assert ADA in notes.read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Give either --person or --meeting."),
        (["--person", ADA, "--meeting", "m"], "Give either --person or --meeting."),
        (["--person", "Ada"], "'Ada' is not an e-mail address."),
        (["--meeting", "m_I_1", "--rows"], "--name and --rows are for persons."),
    ],
)
def test_wrong_usage(lake: Lake, arguments: list[str], sentence: str) -> None:
    done = erase(lake, *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_with_another_key_nothing_is_done(lake: Lake) -> None:
    assert erase(lake, "--person", ADA, "--yes").returncode == 0
    environ = {
        "MEETING_ETL_DATA_DIR": str(lake.files.root),
        "MEETING_ETL_PRIVACY_KEY": "another key than before",
    }
    done = command("erase", "--person", "bo@sales.example", "--yes", environ=environ)
    assert done.returncode == 2
    assert "MEETING_ETL_PRIVACY_KEY is not the key" in done.stderr
    assert len(lake.read(ERASURES)) == 1
