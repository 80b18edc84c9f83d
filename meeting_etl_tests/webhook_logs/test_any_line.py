"""Any bytes are an event or a rejected line."""

from datetime import datetime
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from meeting_etl.webhook_logs.events import Event, Rejected, read_event
from meeting_etl_tests.webhook_logs.samples import (
    MEETING_ID,
    NOW,
    SCHEDULED_ID,
    SERIES_ID,
    ended,
    envelope,
    line,
)

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
