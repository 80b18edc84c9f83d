import json
from datetime import UTC, datetime

import pytest

from meeting_etl.webhook_logs.events import Event, RejectionReason
from meeting_etl_tests.webhook_logs.reading_events import ENDED_AT, event_of, rejected
from meeting_etl_tests.webhook_logs.samples import (
    MEETING_ID,
    SCHEDULED_ID,
    SERIES_ID,
    ended,
    envelope,
    line,
    payload,
)


def test_the_guides_payload() -> None:
    raw = line(ended())

    assert event_of(raw) == Event(
        received_at=None,
        resource="meetings",
        event="ended",
        meeting_id="501e995485e2460bb129410116757b13_I_194316955237236650",
        resource_id="501e995485e2460bb129410116757b13_I_194316955237236650",
        meeting_ended_at=datetime(2021, 5, 14, 20, 26, 54, tzinfo=UTC),
        body=raw,
    )


@pytest.mark.parametrize(
    ("resource", "event"),
    [
        ("recordings", "created"),
        ("recordings", "deleted"),
        ("meetingTranscripts", "created"),
        ("meetingParticipants", "joined"),
        ("meetingParticipants", "left"),
    ],
)
def test_what_belongs_to_a_meeting_names_it_in_meeting_id(resource: str, event: str) -> None:
    data = {"id": "724a81a697201039a976005056819cde", "meetingId": MEETING_ID}
    found = event_of(line(payload(resource, event, **data)))

    assert (found.resource, found.event) == (resource, event)
    assert found.meeting_id == MEETING_ID
    assert found.resource_id == "724a81a697201039a976005056819cde"
    assert found.meeting_ended_at is None


def test_an_id_of_a_recording_is_never_that_of_a_meeting() -> None:
    found = event_of(line(payload("recordings", "created", id=MEETING_ID)))

    assert (found.meeting_id, found.resource_id) == (None, MEETING_ID)


@pytest.mark.parametrize("event", ["created", "updated", "deleted", "started"])
@pytest.mark.parametrize(
    ("data_id", "meeting_id"),
    [(SERIES_ID, None), (SCHEDULED_ID, None), (MEETING_ID, MEETING_ID), ("", None)],
)
def test_other_events_of_meetings_are_kept(
    event: str, data_id: str, meeting_id: str | None
) -> None:
    body = payload("meetings", event, id=data_id, end="not a time")
    found = event_of(line(body))

    assert (found.meeting_id, found.resource_id) == (meeting_id, data_id)
    assert found.meeting_ended_at is None


@pytest.mark.parametrize("data_id", [194316955237236650, None, True, ["x"], {"x": 1}, 1.5])
def test_ids_are_text(data_id: object) -> None:
    found = event_of(line(payload("meetings", "started", id=data_id)))

    assert (found.meeting_id, found.resource_id) == (None, None)


@pytest.mark.parametrize(
    "meeting_id",
    [
        "501e995485e2460bb129410116757b13_I_1",
        "501E995485E2460BB129410116757B13_I_194316955237236650",
        "501e9954-85e2-460b-b129-410116757b13_I_194316955237236650",
    ],
)
def test_ids_of_instances(meeting_id: str) -> None:
    assert event_of(line(ended(id=meeting_id))).meeting_id == meeting_id


@pytest.mark.parametrize(
    "meeting_id",
    [
        "",
        "_I_1",
        SERIES_ID,
        SCHEDULED_ID,
        SERIES_ID + "_I_",
        SERIES_ID + "_I_12x",
        SERIES_ID + "_I_12\n",
        SERIES_ID + "_I_12_I_13",
        SERIES_ID + "_i_12",
        SERIES_ID + "_I_١٢",
        "my room_I_12",
        194316955237236650,
        None,
        ["x"],
    ],
)
def test_an_ended_event_without_an_instance_is_rejected(meeting_id: object) -> None:
    assert rejected(line(ended(id=meeting_id))).reason == RejectionReason.NO_MEETING_ID


def test_an_ended_event_without_any_id_is_rejected() -> None:
    assert rejected(line(payload("meetings", "ended"))).reason == RejectionReason.NO_MEETING_ID
    # The id of a meeting stands in data.id, whatever else is there.
    elsewhere = payload("meetings", "ended", meetingId=MEETING_ID, end="2021-05-14T20:26:54Z")
    assert rejected(line(elsewhere)).reason == RejectionReason.NO_MEETING_ID


@pytest.mark.parametrize(
    ("resource", "event", "expected"),
    [
        ("MEETINGS", "Ended", ("meetings", "ended")),
        ("Meetings", "ENDED", ("meetings", "ended")),
        ("meetingtranscripts", "CREATED", ("meetingTranscripts", "created")),
        ("MeetingParticipants", "Joined", ("meetingParticipants", "joined")),
        ("convergedRecordings", "created", ("convergedRecordings", "created")),
        ("attachmentActions", "Brand_New", ("attachmentActions", "Brand_New")),
    ],
)
def test_names_are_taken_in_any_case(resource: str, event: str, expected: tuple[str, str]) -> None:
    body = ended() | {"resource": resource, "event": event}
    found = event_of(line(body))

    assert (found.resource, found.event) == expected
    assert (found.meeting_ended_at == ENDED_AT) is (expected == ("meetings", "ended"))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (
            b'{"resource":"meetings","event":"ended","data":{"x":"caf\xe9"}}',
            RejectionReason.NOT_UTF8,
        ),
        (line(ended()).replace(b"active", b"\xc0\xaf"), RejectionReason.NOT_UTF8),
        (line(ended()).replace(b"active", b"\xed\xa0\x80"), RejectionReason.NOT_UTF8),
        (
            envelope(ended(), headers={"x": "y"}).replace(b'"y"', b'"\xff"'),
            RejectionReason.NOT_UTF8,
        ),
        (line(ended()).decode().encode("utf-16"), RejectionReason.NOT_UTF8),
        (b"", RejectionReason.NOT_JSON),
        (b"2021-05-14 20:26:54 INFO webhook received", RejectionReason.NOT_JSON),
        (line(ended())[:-20], RejectionReason.NOT_JSON),
        (line(ended())[20:], RejectionReason.NOT_JSON),
        (line(ended()) + line(ended()), RejectionReason.NOT_JSON),
        (line(ended()) + b",", RejectionReason.NOT_JSON),
        (b"\0\0\0\0", RejectionReason.NOT_JSON),
        (b"\0\0" + line(ended()), RejectionReason.NOT_JSON),
        (line(ended()) + b"\0", RejectionReason.NOT_JSON),
        (line(ended()).replace(b'"active"', b"NaN"), RejectionReason.NOT_JSON),
        (line(ended()).replace(b'"active"', b"-Infinity"), RejectionReason.NOT_JSON),
        (line(ended()).replace(b'"active"', b"'active'"), RejectionReason.NOT_JSON),
        (line(ended()).replace(b'"active"', b"01"), RejectionReason.NOT_JSON),
        (line(ended()).replace(b'"active"', b"1e999"), RejectionReason.NOT_JSON),
        (line(ended()).replace(b"active", b"\\x61"), RejectionReason.NOT_JSON),
        (line(ended()).replace(b"active", b"\x01"), RejectionReason.NOT_JSON),
        (b'{"resource":"meetings","data":' + b"[" * 100_000, RejectionReason.NOT_JSON),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, RejectionReason.NOT_JSON),
        (b'"text"', RejectionReason.NOT_AN_OBJECT),
        (b"[]", RejectionReason.NOT_AN_OBJECT),
        (b"[{}, 1]", RejectionReason.NOT_AN_OBJECT),
        (line([ended(), ended(title="other")]), RejectionReason.SEVERAL_PAYLOADS),
        (line({"message": json.dumps(ended()), "x": ended(a=1)}), RejectionReason.SEVERAL_PAYLOADS),
        (b'2026-03-01T10:00:00Z {"level":"info"}', RejectionReason.NOT_JSON),
        (b"caf\xe9 " + line(ended()), RejectionReason.NOT_UTF8),
        (b"null", RejectionReason.NOT_AN_OBJECT),
        (b"17", RejectionReason.NOT_AN_OBJECT),
        (b"{}", RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (line({"resource": "meetings", "event": "ended"}), RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (line({"resource": "meetings", "data": {}}), RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (line({"event": "ended", "data": {}}), RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (line(ended() | {"data": [MEETING_ID]}), RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (line(ended() | {"data": None}), RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (line(ended() | {"event": 3}), RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (line(ended() | {"resource": None}), RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (envelope({}), RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (envelope("caf\u00e9"), RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (envelope(None), RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (envelope({"body": {}}), RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
    ],
)
def test_lines_that_are_no_event(raw: bytes, reason: RejectionReason) -> None:
    assert rejected(raw).reason == reason


def test_a_bom_inside_joined_files_costs_no_event() -> None:
    assert event_of(b"\xef\xbb\xbf" + line(ended())).body == line(ended())


def test_half_a_surrogate_pair_becomes_a_replacement_character() -> None:
    title = rb"\ud83d\ude00 \ud83d half, \ude00 half, \\ud83d none \uD83D"
    raw = line(ended(title="here")).replace(b"here", title)

    found = event_of(raw)

    kept = rb"\ud83d\ude00 \ufffd half, \ufffd half, \\ud83d none \ufffd"
    assert found.body == raw.replace(title, kept)
    assert (
        json.loads(found.body)["data"]["title"]
        == "😀 \ufffd half, \ufffd half, \\ud83d none \ufffd"
    )


@pytest.mark.parametrize("unusual", [b"", b'"unknown": [{}], '])
def test_the_body_is_kept_byte_for_byte(unusual: bytes) -> None:
    raw = (
        b"{ " + unusual + b'"resource":"recordings" ,"event":"updated","status":1.50E+3,'
        b'"data":{"id":"x","title":"\\u00e9\\/\xc3\xa9 {}",\t"meetingNumber":9007199254740993123 }}'
    )

    assert event_of(raw).body == raw
    assert event_of(b'{"body":' + raw + b"}").body == raw


def test_a_payload_is_no_envelope_whatever_it_holds() -> None:
    for body in ("a text", {"resource": "recordings"}, payload("recordings", "created")):
        raw = line(ended() | {"body": body})
        assert event_of(raw).resource == "meetings"
        assert event_of(raw).body == raw
