"""A payload is found in whatever gateways, shippers and log services put around it."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meeting_etl.webhook_logs.events import Event, Rejected, RejectionReason, read_event
from meeting_etl_tests.webhook_logs.samples import MEETING_ID, NOW, ended, line

PLANTED = "Pl4nted-5ecret"
TEXT = json.dumps(ended())
ENCODED = base64.b64encode(TEXT.encode()).decode()
# 2021-05-14T20:27:03Z, counted by hand: 18,761 days and 73,623 seconds since 1970.
SECONDS = 18_761 * 86_400 + 73_623
AT = datetime(2021, 5, 14, 20, 27, 3, tzinfo=UTC)
STAMP = "2021-05-14T20:27:03Z"


def read(raw: bytes) -> Event | Rejected:
    return read_event(raw, now=NOW)


SHAPES: dict[str, tuple[object, datetime | None]] = {
    "a gateway, first version": (
        {
            "resource": "/webex",
            "httpMethod": "POST",
            "headers": {"Authorization": PLANTED, "X-Spark-Signature": PLANTED},
            "requestContext": {"requestTimeEpoch": SECONDS * 1000, "stage": "x"},
            "body": TEXT,
            "isBase64Encoded": False,
        },
        AT,
    ),
    "a gateway, second version": (
        {
            "version": "2.0",
            "headers": {"x-spark-signature": PLANTED},
            "requestContext": {"timeEpoch": SECONDS * 1000},
            "body": ENCODED,
            "isBase64Encoded": True,
        },
        AT,
    ),
    "a gateway without a time": ({"body": ENCODED, "isBase64Encoded": True}, None),
    "a shipper": ({"@timestamp": STAMP, "message": TEXT, "host": {"name": "web1"}}, AT),
    "a container": ({"log": TEXT + "\n", "stream": "stdout", "time": "2021-05-14T20:27:03.0Z"}, AT),
    "seconds with a fraction": ({"date": SECONDS + 0.0, "log": TEXT}, AT),
    "an offset": ({"timestamp": "2021-05-14T22:27:03+02:00", "message": TEXT}, AT),
    "a local time": ({"content": TEXT, "time": "2021-05-14 20:27:03"}, None),
    "a time of another name": ({"content": TEXT, "created_at": STAMP}, None),
    "two times": ({"time": STAMP, "@timestamp": "2021-05-14T20:27:44Z", "log": TEXT}, AT),
    "a time of the future": ({"time": "2999-01-01T00:00:00Z", "log": TEXT}, None),
    "an array of one": ([ended()], None),
    "the same as text and parsed": ({"message": TEXT, "json": ended(), "time": STAMP}, AT),
    "a subscription": (
        {"messageType": "DATA", "logEvents": [{"timestamp": SECONDS * 1000, "message": TEXT}]},
        AT,
    ),
    "our envelope, shipped": (
        {
            "@timestamp": "2021-06-01T00:00:00Z",
            "message": json.dumps({"received_at": STAMP, "headers": {}, "body": ended()}),
        },
        AT,
    ),
    "a gateway's event in a function's log": (
        {
            "message": "INFO " + json.dumps({"body": ENCODED, "isBase64Encoded": True}),
            "time": STAMP,
        },
        AT,
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(shape: str) -> None:
    document, received_at = SHAPES[shape]
    found = read(line(document))

    assert isinstance(found, Event), found
    assert (found.meeting_id, found.received_at) == (MEETING_ID, received_at)
    assert json.loads(found.body) == ended()
    assert PLANTED.encode() not in found.body


@pytest.mark.parametrize(
    ("before", "received_at"),
    [
        (f"{STAMP} ", AT),
        (f"{STAMP}\t", AT),
        ("2021-05-14 20:27:03,000+00:00 INFO webhook: ", AT),
        ("2021-05-14T20:27:03.000000000Z stdout F ", AT),
        (f"<134>1 {STAMP} host app 12 - - ", AT),
        (f"[{STAMP}] ", AT),
        ("2021-05-14 20:27:03 ", None),
        ("May 14 20:27:03 host app[12]: ", None),
        ("received ", None),
    ],
)
def test_what_a_logger_writes_before_the_payload(before: str, received_at: object) -> None:
    found = read(before.encode() + line(ended()))

    assert isinstance(found, Event), found
    assert (found.received_at, found.body) == (received_at, line(ended()))


@pytest.mark.parametrize("wrap", [json.dumps, lambda body: body])
def test_secrets_are_taken_out_of_what_was_wrapped(wrap: Any) -> None:
    secret = ended(password=PLANTED, more={"hostKey": PLANTED, "kept": 1})
    for document in ({"message": wrap(secret)}, {"body": wrap(secret)}, [wrap(secret)]):
        found = read(line(document))
        assert isinstance(found, Event)
        assert json.loads(found.body) == ended(more={"kept": 1})


def test_several_payloads_on_a_line_are_none_and_say_so() -> None:
    found = read(line({"received_at": STAMP, "body": [ended(), ended(title="other")]}))

    assert found == Rejected(
        RejectionReason.SEVERAL_PAYLOADS,
        "It has several webhook payloads; write one event per line.",
        AT,
    )


def test_a_payload_is_never_looked_into_for_another() -> None:
    found = read(line(ended(title=TEXT, more=[ended(id="x")])))

    assert isinstance(found, Event)
    assert found.meeting_id == MEETING_ID


WRAPPINGS = st.sampled_from(
    [
        lambda inner: {"body": inner},
        lambda inner: {"message": json.dumps(inner)},
        lambda inner: [inner],
        lambda inner: {"records": [{"x": None}, {"value": inner}]},
        lambda inner: {"log": "INFO " + json.dumps({"a": inner})},
        lambda inner: {
            "body": base64.b64encode(json.dumps(inner).encode()).decode(),
            "isBase64Encoded": True,
        },
    ]
)


@settings(deadline=None)
@given(st.lists(WRAPPINGS, min_size=1, max_size=3), st.text(max_size=10))
def test_any_nesting_of_wrappings_is_seen_through(wrappings: list[Any], title: str) -> None:
    document: object = ended(title=title)
    for wrap in wrappings:
        document = wrap(document)

    found = read(line(document))

    assert isinstance(found, Event), found
    assert json.loads(found.body) == ended(title=title)
