"""Rows of all kinds without an erased person."""

from dataclasses import replace
from typing import Any

import pytest

from meeting_etl.lake.arrow_rows import to_arrow
from meeting_etl.lake.erased_rows import without_erased
from meeting_etl.privacy.erasures import Erasure, Erasures, Subject, digest_in_meeting, name_digests
from meeting_etl.privacy.pseudonyms import Pseudonyms
from meeting_etl.schemas import TABLES

P = Pseudonyms(b"a key for tests")
ANN = "ann@sales.example"
NAMES, WORDS, _ = name_digests(P, "Ann Lee", set())
PERSON = Erasure(
    1,
    Subject.PERSON,
    P.address_digest(ANN),
    addresses=(P.address_digest(ANN),),
    identifiers=(P.identifier_digest("u-ann"), digest_in_meeting(P, "p-ann", "m")),
    names=tuple(NAMES),
    words=tuple(WORDS),
    names_in_meetings=tuple(name_digests(P, "Annie", {"m"})[2]),
)
MEETING = Erasure(2, Subject.MEETING, P.identifier_digest("gone"))
KEY_OF_ANN = f"erased:1:{P.identifier_digest('p-ann')[:16]}"
KEY = f"erased:1:{P.identifier_digest('p')[:16]}"


def after(name: str, row: dict[str, Any], *erasures: Erasure) -> list[dict[str, Any]]:
    """The columns of a row that it has afterwards, of those that were given."""
    erased, kept = without_erased(
        TABLES[name], to_arrow(TABLES[name], [row]), Erasures(erasures or (PERSON,), P)
    )
    assert kept.to_pylist() == [0] * erased.num_rows
    return [{key: found[key] for key in row} for found in erased.to_pylist()]


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        (
            "participants",
            {"meeting_id": "m", "participant_id": "p", "email": ANN, "display_name": "A. L."},
            {"participant_id": KEY, "email": "erased:1", "display_name": "erased:1"},
        ),
        # A guest with the name, and one whose name has it in it.
        (
            "participants",
            {"meeting_id": "m", "participant_id": "p", "email": None, "display_name": " ann LEE"},
            {"participant_id": KEY, "display_name": "erased:1"},
        ),
        (
            "participants",
            {"meeting_id": "m", "participant_id": "p", "display_name": "Ann Lee (Sales)"},
            {"display_name": "[erased] (Sales)"},
        ),
        # Somebody else with the same name, one-word names, names within others.
        (
            "participants",
            {"participant_id": "p", "email": "b@b.example", "display_name": "Ann Lee"},
            {},
        ),
        (
            "participants",
            {"meeting_id": "m2", "participant_id": "p", "display_name": "Annie"},
            {},
        ),
        (
            "participants",
            {"meeting_id": "m", "participant_id": "p", "display_name": "Joann Leeson"},
            {},
        ),
        # Known by its id alone.
        (
            "participants",
            {"meeting_id": "m", "participant_id": "p-ann", "display_name": "Phone"},
            {"participant_id": KEY_OF_ANN, "display_name": "erased:1"},
        ),
        (
            "participants",
            {"meeting_id": "m2", "participant_id": "p-ann", "display_name": "Phone"},
            {},
        ),
        (
            "transcript_snippets",
            {"meeting_id": "m", "person_name": "Annie", "text": "Hello there", "words": 2},
            {"person_name": "erased:1", "text": "[erased]"},
        ),
        (
            "transcript_snippets",
            {"person_name": "Bob", "person_email": "b@b.example", "text": f"Ann Lee, {ANN}!"},
            {"text": "[erased], [erased]!"},
        ),
        (
            "meetings",
            {"meeting_id": "m", "host_email": "b@b.example", "host_user_id": "u-ann"},
            {"host_email": "erased:1", "host_user_id": "erased:1"},
        ),
        (
            "auto_record_actions",
            {"host_email": ANN, "title": "Ann Lee", "policy_line": f"hosts: {ANN}"},
            {"host_email": "erased:1", "title": "[erased]", "policy_line": "hosts: [erased]"},
        ),
        (
            "speaker_metrics",
            {"meeting_id": "m", "speaker": ANN, "person": ANN, "snippets": 4},
            {"speaker": "erased:1", "person": "erased:1"},
        ),
        (
            "webhook_events",
            {
                "meeting_id": "m",
                "resource_id": "p",
                "body": f'{{"data":{{"id":"p","email":"{ANN}"}}}}',
            },
            {
                "resource_id": KEY,
                "body": f'{{"data":{{"id":"{KEY}","email":"erased:1@sales.example"}}}}',
            },
        ),
    ],
)  # fmt: skip
def test_a_row(name: str, row: dict[str, Any], expected: dict[str, Any]) -> None:
    assert after(name, row) == [row | expected]
    assert after(name, row | expected) == [row | expected], "written again"


def test_a_pseudonym_is_recognised() -> None:
    row = {"meeting_id": "m", "participant_id": "p", "email": P.address(ANN)}
    assert after("participants", row) == [row | {"participant_id": KEY, "email": "erased:1"}]


def test_with_rows_only_the_persons_own_go() -> None:
    person = replace(PERSON, removes_rows=True)
    assert after("participants", {"participant_id": "p", "email": ANN}, person) == []
    of_another = {"participant_id": "p", "email": "b@b.example", "host_email": ANN}
    assert after("participants", of_another, person) == [of_another | {"host_email": "erased:1"}]


def test_a_meeting_loses_its_rows_and_its_events_are_blank() -> None:
    assert after("participants", {"meeting_id": "gone", "participant_id": "p"}, MEETING) == []
    event = {
        "log_id": "l",
        "byte_offset": 7,
        "meeting_id": "gone",
        "resource_id": "r",
        "body": "{}",
    }
    (row,) = after("webhook_events", event, MEETING)
    assert (row["log_id"], row["byte_offset"]) == ("l", 7)
    assert (row["meeting_id"], row["resource_id"]) == (None, None)
    assert row["body"] == '{"resource":"erased","event":"erased","data":{"erased":"erased:2"}}'


def test_keys_of_metrics_stay_different_ones_and_a_domain_of_their_own_goes() -> None:
    rows = [
        {"meeting_id": "m", "speaker": key, "person": key, "email_domain": domain}
        for key, domain in ((ANN, "sales.example"), ("name:Ann Lee", None))
    ]
    alone = replace(PERSON, keeps_domain=False)
    table = TABLES["speaker_metrics"]
    erased, _ = without_erased(table, to_arrow(table, rows), Erasures((alone,), P))
    named = f"name:erased:1:{P.identifier_digest('Ann Lee')[:16]}"
    found = [(row["speaker"], row["person"], row["email_domain"]) for row in erased.to_pylist()]
    assert found == [("erased:1", "erased:1", None), (named, named, None)]
