"""Erased persons in the JSON of events and of `extra`."""

import json
from typing import Any

import pytest

from meeting_etl.privacy.erased_fields import erase_fields, ids_of_erased
from meeting_etl.privacy.erasures import Erasure, Erasures, Subject, name_digests
from meeting_etl.privacy.pseudonyms import Pseudonyms

P = Pseudonyms(b"a key for tests")
ANN = "ann@sales.example"


def erasures(*, keeps_domain: bool = True) -> Erasures:
    names, words, _ = name_digests(P, "Ann Lee", set())
    in_meeting = name_digests(P, "Annie", {"m1"})[2]
    digest = P.address_digest(ANN)
    ann = Erasure(
        3,
        Subject.PERSON,
        digest,
        addresses=(digest,),
        identifiers=(P.identifier_digest("user-ann"),),
        names=tuple(names),
        words=tuple(words),
        names_in_meetings=tuple(in_meeting),
        keeps_domain=keeps_domain,
    )
    return Erasures((ann,), P)


def erased(document: Any, meeting_id: str | None = "m1", *, keeps_domain: bool = True) -> Any:
    text = json.dumps(document)
    found = erasures(keeps_domain=keeps_domain)
    return json.loads(erase_fields(text, found, meeting_id, column="body"))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"hostEmail": " ANN@Sales.example"}, {"hostEmail": "erased:3@Sales.example"}),
        ({"createdBy": "user-ann", "id": "w"}, {"createdBy": "erased:3", "id": "w"}),
        ({"hostDisplayName": "ann  lee"}, {"hostDisplayName": "erased:3"}),
        ({"displayName": "Annie"}, {"displayName": "erased:3"}),
        ({"title": "With Ann Lee"}, {"title": "With [erased]"}),
        ({"a": [{"b": f"to {ANN}"}, 5, None]}, {"a": [{"b": "to [erased]"}, 5, None]}),
        # Whose name it is, is said by the address beside it.
        (
            {"displayName": "Ann Lee", "email": "other@b.example", "hostEmail": ANN},
            {
                "displayName": "Ann Lee",
                "email": "other@b.example",
                "hostEmail": "erased:3@sales.example",
            },
        ),
        (
            {"displayName": "A. Unknown", "email": ANN, "hostEmail": "bob@b.example"},
            {
                "displayName": "erased:3",
                "email": "erased:3@sales.example",
                "hostEmail": "bob@b.example",
            },
        ),
        (
            {"hostDisplayName": "Ann Lee", "email": "b@b.example"},
            {"hostDisplayName": "erased:3", "email": "b@b.example"},
        ),
    ],
)
def test_fields(document: Any, expected: Any) -> None:
    assert erased(document) == expected
    assert erased(expected) == expected


def test_the_id_of_a_participant_goes_with_the_address() -> None:
    found = erased({"data": {"id": "p-1", "email": ANN, "meetingId": "m1"}})["data"]
    assert found["id"] == f"erased:3:{P.identifier_digest('p-1')[:16]}"
    assert found["meetingId"] == "m1"
    assert ids_of_erased(
        json.dumps({"body": json.dumps({"id": "p-1", "email": ANN})}), erasures()
    ) == {"p-1"}


def test_a_name_of_one_word_counts_in_its_meetings_only() -> None:
    assert erased({"displayName": "Annie"}, "m2") == {"displayName": "Annie"}


def test_a_domain_of_nobody_else_goes() -> None:
    assert erased({"email": ANN}, keeps_domain=False) == {"email": "erased:3"}


def test_a_field_that_is_given_twice_is_kept_once() -> None:
    text = f'{{"hostEmail": "{ANN}", "hostEmail": "bob@b.example"}}'
    assert erase_fields(text, erasures(), None, column="body") == '{"hostEmail":"bob@b.example"}'


def test_text_without_the_person_stays_as_it_is() -> None:
    text = '{ "hostEmail": "bob@b.example",  "n": 1.50 }'
    assert erase_fields(text, erasures(), None, column="body") == text


def test_what_is_nested_too_deeply_is_dropped() -> None:
    text = '{"a":' * 5000 + f'"{ANN}"' + "}" * 5000
    assert ANN not in erase_fields(text, erasures(), None, column="body")
