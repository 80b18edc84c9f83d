import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meeting_etl.webhook_logs.events import Event, Rejected, RejectionReason, read_event
from meeting_etl_tests.webhook_logs.samples import (
    MEETING_ID,
    NOW,
    SCHEDULED_ID,
    SERIES_ID,
    ended,
    envelope,
    line,
    payload,
)

ENDED_AT = datetime(2021, 5, 14, 20, 26, 54, tzinfo=UTC)
RECEIVED_AT = datetime(2021, 5, 14, 20, 27, 3, 250_000, tzinfo=UTC)


def event_of(raw: bytes, now: datetime = NOW) -> Event:
    found = read_event(raw, now=now)
    assert isinstance(found, Event), found
    return found


def rejected(raw: bytes, now: datetime = NOW) -> Rejected:
    found = read_event(raw, now=now)
    assert isinstance(found, Rejected), found
    return found


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


def test_an_envelope_says_when_and_leaves_only_its_body() -> None:
    body = b'{ "resource" : "meetings",\t"event":"ended", "data": {"id": "%b", "end": "%b"} }' % (
        MEETING_ID.encode(),
        b"2021-05-14T20:26:54Z",
    )
    raw = (
        b'{"received_at":"2021-05-14T20:27:03.250Z", "headers":{"Authorization":"Bearer t0ken",'
        b'"X-Spark-Signature":"c0ffee"}, "body": ' + body + b" }"
    )

    assert event_of(raw) == Event(
        RECEIVED_AT, "meetings", "ended", MEETING_ID, MEETING_ID, ENDED_AT, body
    )


@pytest.mark.parametrize(
    "raw",
    [
        line({"body": ended(), "received_at": "2021-05-14T20:27:03.250Z"}),
        line({"received_at": "2021-05-14T20:27:03.250Z", "remote": {"ip": "::1"}, "body": ended()}),
        line({"received_at": "2021-05-14T22:27:03.250+02:00", "body": ended(topicless=[{}])}),
        line({"received_at": "2021-05-14T20:27:03.250", "body": ended()}),
        line(ended() | {"received_at": "2021-05-14T20:27:03.250Z"}),
        line(ended() | {"received_at": "2021-05-14T20:27:03.250Z", "unknown": 1}),
        b" \t" + envelope(ended(), received_at="2021-05-14T20:27:03.250Z") + b" \r",
        envelope(ended(), received_at="2021-05-14T20:27:03.250Z").replace(b'"body', b'"b\\u006fdy'),
    ],
)
def test_forms_of_a_stamped_line(raw: bytes) -> None:
    event = event_of(raw)

    assert (event.received_at, event.meeting_id) == (RECEIVED_AT, MEETING_ID)
    assert json.loads(event.body)["data"]["end"] == "2021-05-14T20:26:54Z"
    assert "body" not in json.loads(event.body)


@pytest.mark.parametrize("unusual", [{}, {"unknown": 1}])
@pytest.mark.parametrize(
    ("received_at", "expected"),
    [
        ("2015-01-01T00:00:00Z", datetime(2015, 1, 1, tzinfo=UTC)),
        ("2014-12-31T23:59:59.999Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("2026-03-02T12:00:00Z", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("2026-03-02T12:00:01Z", None),
        ("9999-12-31T23:59:59-01:00", None),
        ("yesterday", None),
        ("2021-05-14", None),
        ("", None),
        (None, None),
        (1621024023, None),
        (True, None),
        (["2021-05-14T20:27:03Z"], None),
        ({"at": "2021-05-14T20:27:03Z"}, None),
    ],
)
def test_received_at_is_believed_or_unknown(
    received_at: object, expected: datetime | None, unusual: dict[str, Any]
) -> None:
    raw = envelope(payload("recordings", "created"), received_at=received_at, **unusual)

    assert event_of(raw).received_at == expected


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
    ("end", "expected"),
    [
        ("2021-05-14T20:26:54Z", datetime(2021, 5, 14, 20, 26, 54, tzinfo=UTC)),
        ("2021-05-14T20:26:54.125Z", datetime(2021, 5, 14, 20, 26, 54, 125_000, tzinfo=UTC)),
        ("2021-05-14T20:26:54", datetime(2021, 5, 14, 20, 26, 54, tzinfo=UTC)),
        ("2021-05-15T00:26:54+08:00", datetime(2021, 5, 14, 16, 26, 54, tzinfo=UTC)),
        ("2015-01-01T00:00:00Z", datetime(2015, 1, 1, tzinfo=UTC)),
        ("2026-03-02T12:00:00Z", datetime(2026, 3, 2, 12, tzinfo=UTC)),
    ],
)
def test_ends(end: str, expected: datetime) -> None:
    assert event_of(line(ended(end=end))).meeting_ended_at == expected


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (None, RejectionReason.NO_END),
        ("", RejectionReason.NO_END),
        ("1970-01-01T00:00:00Z", RejectionReason.NO_END),
        ("1970-01-01T00:00:00.000Z", RejectionReason.NO_END),
        (1621024014, RejectionReason.UNREADABLE_END),
        (False, RejectionReason.UNREADABLE_END),
        ({"at": "2021-05-14T20:26:54Z"}, RejectionReason.UNREADABLE_END),
        ("soon", RejectionReason.UNREADABLE_END),
        ("2021-05-14", RejectionReason.UNREADABLE_END),
        ("2021-02-30T20:26:54Z", RejectionReason.UNREADABLE_END),
        ("2021-05-14T25:26:54Z", RejectionReason.UNREADABLE_END),
        ("0001-01-01T00:00:00+01:00", RejectionReason.UNREADABLE_END),
        ("1970-01-01T00:00:01Z", RejectionReason.END_OUT_OF_RANGE),
        ("2014-12-31T23:59:59Z", RejectionReason.END_OUT_OF_RANGE),
        ("2026-03-02T12:00:01Z", RejectionReason.END_OUT_OF_RANGE),
        ("9999-12-31T23:59:59Z", RejectionReason.END_OUT_OF_RANGE),
    ],
)
def test_ends_that_are_rejected(end: object, reason: RejectionReason) -> None:
    assert rejected(line(ended(end=end))).reason == reason


def test_a_missing_end_is_no_end() -> None:
    raw = line(payload("meetings", "ended", id=MEETING_ID))

    assert rejected(raw).reason == RejectionReason.NO_END


def test_an_end_is_measured_against_the_moment_of_reception() -> None:
    day_after = envelope(ended(end="2021-05-15T20:27:03Z"), received_at="2021-05-14T20:27:03Z")
    later = envelope(ended(end="2021-05-15T20:27:04Z"), received_at="2021-05-14T20:27:03Z")

    assert event_of(day_after).meeting_ended_at == datetime(2021, 5, 15, 20, 27, 3, tzinfo=UTC)
    assert rejected(later).reason == RejectionReason.END_OUT_OF_RANGE


def test_an_unbelievable_reception_does_not_excuse_an_unbelievable_end() -> None:
    raw = envelope(ended(end="2999-01-01T00:00:00Z"), received_at="2999-01-01T00:00:00Z")

    assert rejected(raw) == Rejected(
        RejectionReason.END_OUT_OF_RANGE,
        "Its data.end is more than 24 hours after it was received.",
        # It is this machine's clock that speaks against it, and that may be wrong.
        retry_at=datetime(2999, 1, 1, tzinfo=UTC),
    )


def test_a_rejected_line_keeps_its_date_when_the_envelope_tells_it() -> None:
    bodies: list[Any] = [ended(end=""), ended(id="x"), {"hello": "world"}, "text", None, []]
    for body in bodies:
        raw = envelope(body, received_at="2021-05-14T20:27:03.250Z")
        assert rejected(raw).received_at == RECEIVED_AT


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


def test_dated_at_is_the_reception_else_the_end() -> None:
    both = envelope(ended(), received_at="2021-05-14T20:27:03.250Z")
    neither = line(payload("recordings", "created"))

    assert event_of(both).dated_at == RECEIVED_AT
    assert event_of(line(ended())).dated_at == ENDED_AT
    assert event_of(neither).dated_at is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
TIMES = st.datetimes(timezones=st.timezones()).map(datetime.isoformat) | st.sampled_from(
    ["2021-05-14T20:26:54Z", "1970-01-01T00:00:00Z", "", "2026-03-02T12:00:01Z", "now"]
)
IDS = st.sampled_from([MEETING_ID, SERIES_ID, SCHEDULED_ID]) | SCALARS
RESOURCES = st.sampled_from(["meetings", "Meetings", "recordings", "x"])
EVENTS = st.sampled_from(["ended", "ENDED", "started", "x"])


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_an_event_or_rejected(raw: bytes) -> None:
    assert isinstance(read_event(raw, now=NOW), Event | Rejected)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {"resource": RESOURCES | JSON, "event": EVENTS | JSON, "data": JSON},
        optional={"received_at": TIMES | JSON, "body": JSON, "headers": JSON},
    ),
    st.integers(min_value=0, max_value=400),
    st.binary(max_size=2),
)
def test_any_damage_to_a_line_is_an_event_or_rejected(
    document: dict[str, Any], at: int, damage: bytes
) -> None:
    raw = line(ended() | document) if at % 2 else envelope(document)
    found = read_event(raw[:at] + damage + raw[at + len(damage) :], now=NOW)

    if isinstance(found, Event):
        assert isinstance(msgspec.json.decode(found.body)["data"], dict)
        found.body.decode()


@settings(deadline=None)
@given(
    payload=st.fixed_dictionaries(
        {
            "resource": RESOURCES,
            "event": EVENTS,
            "data": st.fixed_dictionaries(
                {}, optional={"id": IDS, "meetingId": IDS, "end": TIMES | SCALARS, "title": SCALARS}
            ),
        }
    ),
    received_at=TIMES | SCALARS,
    wrapped=st.booleans(),
)
def test_an_unknown_field_changes_nothing_but_the_body(
    payload: dict[str, Any], received_at: object, wrapped: bool
) -> None:
    stamp = {"received_at": received_at}
    more = payload | {"data": payload["data"] | {"brandNew": {"a": [1]}}}
    as_usual = read_event(line(stamp | ({"body": payload} if wrapped else payload)), now=NOW)
    with_more = read_event(line(stamp | ({"body": more} if wrapped else more)), now=NOW)

    if isinstance(as_usual, Event) and isinstance(with_more, Event):
        assert with_more == msgspec.structs.replace(as_usual, body=with_more.body)
    else:
        assert as_usual == with_more


@settings(deadline=None)
@given(st.binary(max_size=40), st.sampled_from([b"", b"{", b'{"received_at":"', b'{"resource":"']))
def test_a_detail_never_quotes_the_line(raw: bytes, begin: bytes) -> None:
    found = read_event(begin + raw + b"Zq7Zq7" + raw, now=NOW)

    if isinstance(found, Rejected):
        assert "Zq7" not in found.detail


@pytest.mark.parametrize("hours", [-24, 24])
def test_now_is_what_is_handed_in(hours: int) -> None:
    raw = line(ended(end="2026-03-02T12:00:00Z"))
    now = NOW + timedelta(hours=hours)

    assert isinstance(read_event(raw, now=now), Event if hours > 0 else Rejected)
