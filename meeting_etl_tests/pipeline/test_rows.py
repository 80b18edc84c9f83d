import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meeting_etl.pipeline.rows import (
    SchemaDrift,
    email_domain,
    fold_last,
    fold_participants,
    organization_uuid,
    to_row,
)
from meeting_etl.schemas import (
    MEETINGS,
    PARTICIPANTS,
    RECORDINGS,
    TABLES,
    TRANSCRIPT_SNIPPETS,
    Table,
)

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_fields_become_columns_with_their_units() -> None:
    drift = SchemaDrift()
    row = to_row(
        RECORDINGS,
        {
            "id": "724a",
            "meetingId": "s_I_1",
            "createTime": "2021-05-14T20:28:53Z",
            "durationSeconds": 85,
            "sizeBytes": 4982263,
            "shareToMe": False,
            "integrationTags": ["crm"],
            "hostEmail": "Dana@Sales.Example",
        },
        drift,
    )
    assert row["recording_id"] == "724a"
    assert row["created_at"] == datetime(2021, 5, 14, 20, 28, 53, tzinfo=UTC)
    assert (row["duration_seconds"], row["size_bytes"]) == (85, 4982263)
    assert (row["share_to_me"], row["integration_tags"]) == (False, ["crm"])
    assert (row["host_email"], row["host_email_domain"]) == ("Dana@Sales.Example", "sales.example")
    assert (row["topic"], row["extra"]) == (None, None)
    assert (drift.unknown.total(), drift.changed.total()) == (0, 0)


@pytest.mark.parametrize(
    "names", [("offsetMillisecond", "durationMillisecond"), ("offset", "duration")]
)
def test_both_snippet_shapes_are_milliseconds(names: tuple[str, str]) -> None:
    row = to_row(TRANSCRIPT_SNIPPETS, {"id": "s", names[0]: 1000, names[1]: "1500"}, SchemaDrift())
    assert (row["offset_ms"], row["duration_ms"]) == (1000, 1500)


def test_unknown_fields_go_to_extra_without_their_secrets() -> None:
    drift = SchemaDrift()
    row = to_row(
        MEETINGS,
        {
            "id": "m",
            "mood": {"hostKey": "123456", "score": 3},
            "password": "hunter2",
            "PassWord": "x",
        },
        drift,
    )
    assert json.loads(row["extra"]) == {"mood": {"score": 3}}
    assert drift.unknown == {"mood": 1}


@pytest.mark.parametrize(
    ("field", "value", "column"),
    [
        ("durationSeconds", "soon", "duration_seconds"),
        ("durationSeconds", 1.5, "duration_seconds"),
        ("durationSeconds", True, "duration_seconds"),
        ("sizeBytes", 2**63, "size_bytes"),
        ("createTime", 1620937733, "created_at"),
        ("createTime", "yesterday", "created_at"),
        ("shareToMe", "perhaps", "share_to_me"),
        ("topic", ["a"], "topic"),
        ("integrationTags", "crm", "integration_tags"),
    ],
)
def test_a_changed_type_keeps_its_value_in_extra(field: str, value: Any, column: str) -> None:
    drift = SchemaDrift()
    row = to_row(RECORDINGS, {"id": "r", field: value}, drift)
    assert row[column] is None
    assert json.loads(row["extra"]) == {field: value}
    assert drift.changed == {field: 1}


def test_a_link_is_not_kept_in_whatever_form_it_comes() -> None:
    row = to_row(RECORDINGS, {"id": "r", "playbackUrl": ["https://x.example/RCID"]}, SchemaDrift())
    assert (row["playback_url"], row["extra"]) == (None, None)


def test_an_empty_address_is_none() -> None:
    row = to_row(PARTICIPANTS, {"id": "p", "email": ""}, SchemaDrift())
    assert (row["email"], row["email_domain"]) == (None, None)


def test_the_epoch_is_not_known_yet() -> None:
    row = to_row(PARTICIPANTS, {"id": "p", "leftTime": "1970-01-01T00:00:00.000Z"}, SchemaDrift())
    assert row["left_at"] is None


def test_unknown_fields_of_devices_are_kept_beside_them() -> None:
    item = {"id": "p", "devices": [{"deviceType": "mac", "mood": 1}, {"durationSecond": "90"}]}
    row = to_row(PARTICIPANTS, item, SchemaDrift())
    assert [device["device_type"] for device in row["devices"]] == ["mac", None]
    assert row["devices"][1]["duration_seconds"] == 90
    assert json.loads(row["extra"]) == {"devices": [{"mood": 1}, {}]}


def participant(joined: datetime | None, left: datetime | None, *devices: str) -> dict[str, Any]:
    return {
        "participant_id": "p",
        "joined_at": joined,
        "left_at": left,
        "devices": [{"correlation_id": device} for device in devices],
        "breakout_sessions": None,
    }


def test_rows_of_one_participant_are_united() -> None:
    drift = SchemaDrift()
    one, other = participant(NINE, TEN, "a", "b"), participant(None, TEN, "b", "c")
    (row,) = fold_participants([one, other], drift)
    assert (row["joined_at"], row["left_at"]) == (NINE, TEN)
    assert [device["correlation_id"] for device in row["devices"]] == ["a", "b", "c"]
    assert (row["device_count"], drift.folded) == (3, 1)


def test_what_the_second_row_of_a_participant_says_is_not_lost() -> None:
    first = {"id": "p", "host": False, "muted": True, "displayName": "Ana", "state": "joined"}
    second = {
        "id": "p",
        "host": True,
        "coHost": False,
        "muted": False,
        "displayName": "",
        "email": "ana@corvane.example",
        "state": "end",
    }
    rows = [to_row(PARTICIPANTS, item, SchemaDrift()) for item in (first, second)]
    (row,) = fold_participants(rows, SchemaDrift())
    assert (row["host"], row["co_host"], row["muted"]) == (True, False, True)
    assert (row["display_name"], row["state"]) == ("Ana", "end")
    assert (row["email"], row["email_domain"]) == ("ana@corvane.example", "corvane.example")


def test_a_leave_that_is_not_known_yet_beats_a_known_one() -> None:
    (row,) = fold_participants([participant(NINE, TEN), participant(TEN, None)], SchemaDrift())
    assert row["left_at"] is None


def test_of_other_rows_with_one_key_the_last_counts() -> None:
    drift = SchemaDrift()
    rows = fold_last([{"id": 1, "v": "a"}, {"id": 2, "v": "b"}, {"id": 1, "v": "c"}], "id", drift)
    assert ([row["v"] for row in rows], drift.folded) == (["c", "b"], 1)


def test_organization_ids_in_both_spellings() -> None:
    # The guide's envelope holds the first, its data the second.
    encoded = (
        "Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi81NWM1YWUzZi04ZDdmLTQyN2ItYTRmOS01ZTNjYjNkZGRmN2I"
    )
    assert organization_uuid(encoded) == "55c5ae3f-8d7f-427b-a4f9-5e3cb3dddf7b"
    assert organization_uuid("55c5ae3f-8d7f-427b-a4f9-5e3cb3dddf7b") == (
        "55c5ae3f-8d7f-427b-a4f9-5e3cb3dddf7b"
    )
    assert organization_uuid(None) is None


def test_domains_are_in_lower_case() -> None:
    assert email_domain("A.B@Sales.EXAMPLE") == "sales.example"
    assert email_domain("no address") is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*PARTICIPANTS.by_field, "odd", "hostKey"]), json_values))
def test_any_item_becomes_a_row_that_the_lake_takes(item: dict[str, Any]) -> None:
    from meeting_etl.lake.arrow_rows import to_arrow

    row = to_row(PARTICIPANTS, item, SchemaDrift())
    to_arrow(PARTICIPANTS, [row])
    assert "hostKey" not in (row["extra"] or "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (500.5, {500, 501}),
        ("500.5", {500, 501}),
        ("500", {500}),
        (1499.9, {1500}),
        (2**53 + 1, {2**53 + 1}),
        (f"{2**53 + 1}", {2**53 + 1}),
        (-0.4, {0}),
        (0, {0}),
    ],
)
def test_milliseconds_with_a_fraction_are_rounded(value: object, expected: set[int]) -> None:
    drift = SchemaDrift()
    item = {"id": "s", "offsetMillisecond": value, "durationMillisecond": value}
    row = to_row(TRANSCRIPT_SNIPPETS, item, drift)
    assert row["offset_ms"] in expected
    assert row["duration_ms"] == row["offset_ms"]
    assert (row["extra"], drift.changed.total()) == (None, 0)


@pytest.mark.parametrize(
    "value", [float("inf"), float("nan"), "1.2.3", "soon", "1e999", True, 1e30]
)
def test_milliseconds_that_are_no_number_are_null_and_counted(value: object) -> None:
    drift = SchemaDrift()
    row = to_row(TRANSCRIPT_SNIPPETS, {"id": "s", "offsetMillisecond": value}, drift)
    assert (row["offset_ms"], drift.changed) == (None, {"offsetMillisecond": 1})


@pytest.mark.parametrize("blank", ["", " ", "\t\n", None])
def test_a_blank_speaker_is_null_and_never_an_empty_text(blank: str | None) -> None:
    item = {"id": "s", "personName": blank, "personEmail": blank, "text": ""}
    row = to_row(TRANSCRIPT_SNIPPETS, item, SchemaDrift())
    names = ("person_name", "person_email", "person_email_domain")
    assert [row[name] for name in names] == [None] * 3
    assert row["text"] == ""
    named = to_row(TRANSCRIPT_SNIPPETS, {"id": "s", "personName": "Unknown Speaker"}, SchemaDrift())
    assert named["person_name"] == "Unknown Speaker"


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_a_value_of_another_type_is_noted_for_each_field(table: Table) -> None:
    for name in table.by_field:
        drift = SchemaDrift()
        to_row(table, {name: {"a": "b"}}, drift)
        assert drift.changed == {name: 1}
