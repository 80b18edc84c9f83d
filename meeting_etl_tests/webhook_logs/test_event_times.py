"""When a line was received and its meeting ended, and what is not believed of it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meeting_etl.webhook_logs.events import Event, Rejected, RejectionReason, read_event
from meeting_etl_tests.webhook_logs.reading_events import ENDED_AT, event_of, rejected
from meeting_etl_tests.webhook_logs.samples import MEETING_ID, NOW, ended, envelope, line, payload

RECEIVED_AT = datetime(2021, 5, 14, 20, 27, 3, 250_000, tzinfo=UTC)


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


def test_dated_at_is_the_reception_else_the_end() -> None:
    both = envelope(ended(), received_at="2021-05-14T20:27:03.250Z")
    neither = line(payload("recordings", "created"))

    assert event_of(both).dated_at == RECEIVED_AT
    assert event_of(line(ended())).dated_at == ENDED_AT
    assert event_of(neither).dated_at is None


@pytest.mark.parametrize("hours", [-24, 24])
def test_now_is_what_is_handed_in(hours: int) -> None:
    raw = line(ended(end="2026-03-02T12:00:00Z"))
    now = NOW + timedelta(hours=hours)

    assert isinstance(read_event(raw, now=now), Event if hours > 0 else Rejected)
