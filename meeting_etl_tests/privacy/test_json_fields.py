import json
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.files import Files
from meeting_etl.privacy.json_fields import treat_fields
from meeting_etl.privacy.policy import policy_of
from meeting_etl.privacy.privacy import Privacy
from meeting_etl.state import LocalState
from meeting_etl_tests.privacy.test_pseudonyms import ADA, ADA_LOVELACE, KEY, USER

EVENT: dict[str, Any] = {
    "id": "w1",
    "name": "Ada's webhook",
    "resource": "meetings",
    "event": "ended",
    "createdBy": "u-1",
    "data": {
        "id": "m_I_1",
        "end": "2026-03-11T10:00:00Z",
        "title": "Budget",
        "hostEmail": "ada@sales.example",
        "hostDisplayName": "Ada Lovelace",
        "HOSTUSERID": "u-1",
        "invitedBy": "bo@sales.example",
        "email": ["bo@sales.example"],
        "siteUrl": "bo@sales.example",
    },
}


def treated(folder: Path, preset: str, columns: dict[str, str] | None = None) -> Any:
    privacy = Privacy(LocalState(Files(folder)), policy_of(preset, columns or {}), key=KEY.decode())
    return json.loads(treat_fields(json.dumps(EVENT), privacy, column="body"))


def test_pseudonymous_hashes_known_fields_in_any_case_and_drops_unknown_ones(
    tmp_path: Path,
) -> None:
    assert treated(tmp_path, "pseudonymous") == EVENT | {
        "createdBy": USER,
        "data": {
            "id": "m_I_1",
            "end": "2026-03-11T10:00:00Z",
            "title": "Budget",
            "hostEmail": ADA,
            "hostDisplayName": ADA_LOVELACE,
            "HOSTUSERID": USER,
        },
    }


def test_minimal_has_no_texts_either(tmp_path: Path) -> None:
    event = treated(tmp_path, "minimal")
    assert event["data"] == {
        "id": "m_I_1",
        "end": "2026-03-11T10:00:00Z",
        "hostEmail": ADA,
        "HOSTUSERID": USER,
    }
    assert "name" not in event


@pytest.mark.parametrize(("treatment", "stored"), [("keep", "ada@sales.example"), ("hash", ADA)])
def test_one_column_alone_leaves_the_others(tmp_path: Path, treatment: str, stored: str) -> None:
    data = treated(tmp_path, "none", {"host_email": treatment})["data"]
    assert data == EVENT["data"] | {"hostEmail": stored}


def test_of_a_dropped_address_the_domain_is_left(tmp_path: Path) -> None:
    assert (
        treated(tmp_path, "none", {"host_email": "drop"})["data"]["hostEmail"] == "@sales.example"
    )


def test_addresses_in_values_of_other_types_are_found(tmp_path: Path) -> None:
    policy = policy_of("pseudonymous", {})
    privacy = Privacy(LocalState(Files(tmp_path)), policy, key=KEY.decode())
    title = {"email": "ada@sales.example", "said by": "ada@sales.example"}
    fields = {"title": title, "state": ["ended", "ada@sales.example"]}
    text = treat_fields(json.dumps(fields), privacy, column="body")
    assert json.loads(text) == {"title": {"email": ADA}, "state": ["ended"]}


def test_of_a_field_that_is_there_twice_neither_stays_in_clear(tmp_path: Path) -> None:
    privacy = Privacy(LocalState(Files(tmp_path)), policy_of("pseudonymous", {}), key=KEY.decode())
    text = '{"hostEmail":"ada@sales.example","hostEmail":null}'
    assert treat_fields(text, privacy, column="body") == '{"hostEmail":null}'


@pytest.mark.parametrize("opening", ['{"devices":', "["])
def test_no_depth_is_too_deep(tmp_path: Path, opening: str) -> None:
    privacy = Privacy(LocalState(Files(tmp_path)), policy_of("pseudonymous", {}), key=KEY.decode())
    closing = "}" if opening.startswith("{") else "]"
    deep = opening * 900 + "1" + closing * 900
    text = treat_fields(f'{{"id":"m_I_1","devices":{deep}}}', privacy, column="body")
    # 50 levels below the object itself, and nothing in the place of the next.
    assert text == f'{{"id":"m_I_1","devices":{opening * 50}null{closing * 50}}}'
