"""Texts of a line are replaced at any depth; the line stays the same event and as short."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meeting_etl.webhook_logs.blanking import blank_texts, blank_words, may_have
from meeting_etl.webhook_logs.events import Event, read_event
from meeting_etl_tests.webhook_logs.samples import SERIES_ID

ANN = "ann@sales.example"
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def erased(text: str) -> str | None:
    return text.replace(ANN, "erased:1") if ANN in text else None


def payload(**data: Any) -> dict[str, Any]:
    body = {"id": f"{SERIES_ID}_I_1", "end": "2026-11-19T10:00:00Z", "hostEmail": ANN}
    return {"resource": "meetings", "event": "ended", "data": body | data}


def dumped(document: Any, **options: Any) -> bytes:
    return json.dumps(document, **options).encode()


PLAIN = dumped(payload())
LINES = {
    "payload": PLAIN,
    "envelope": dumped({"received_at": "2026-11-19T10:00:05Z", "headers": {}, "body": payload()}),
    "text": dumped({"time": "2026-11-19T10:00:05Z", "message": PLAIN.decode()}),
    "text in text": dumped({"log": dumped({"body": PLAIN.decode()}).decode()}),
    "base64": dumped({"body": base64.b64encode(PLAIN).decode(), "isBase64Encoded": True}),
    "body_base64": dumped({"body_base64": base64.b64encode(PLAIN).decode()}),
    "prefix": b"2026-11-19T10:00:05Z from " + ANN.encode() + b": " + PLAIN,
    "bom": b"\xef\xbb\xbf" + PLAIN,
    "surrogate": PLAIN.replace(b'"hostEmail"', rb'"title": "\ud83d", "hostEmail"'),
    "escaped": PLAIN.replace(b"ann@", rb"ann\u0040"),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_in_any_envelope_stays_the_same_event(name: str) -> None:
    line = LINES[name]
    new = blank_texts(line, erased)
    assert new is not None
    assert len(new) <= len(line)
    before, after = read_event(line, now=NOW), read_event(new, now=NOW)
    assert isinstance(before, Event)
    assert isinstance(after, Event)
    assert json.loads(before.body)["data"]["hostEmail"] == ANN
    assert json.loads(after.body)["data"]["hostEmail"] == "erased:1"
    for field in ("received_at", "resource", "event", "meeting_id", "meeting_ended_at"):
        assert getattr(after, field) == getattr(before, field)
    assert b"ann" not in new
    assert may_have(line, [ANN.encode()])
    assert blank_texts(new, erased) is None


def test_all_else_keeps_its_spelling() -> None:
    line = b'{ "a" : 123456789012345678901234567890, "ann@sales.example":\t1.50e+3, "a" :[%b, %b]}'
    new = b'{"a":123456789012345678901234567890,"ann@sales.example":1.50e+3,"a":[%b,%b]}'
    kept = rb'"\u00fc \/"'
    assert blank_texts(line % (b'"ann@sales.example"', kept), erased) == new % (
        b'"erased:1"',
        kept,
    )


@pytest.mark.parametrize("line", [b'{ "a": "b" }', b"ann@sales.example", b"[", b"", b"\xff{}"])
def test_nothing_to_replace_is_none(line: bytes) -> None:
    assert blank_texts(line, erased) is None


def test_a_new_text_is_cut_when_the_line_would_be_longer() -> None:
    assert blank_texts(b'{"a":"Al", "b":"c"}', lambda _: "[erased]") == b'{"a":"[e","b":"["}'
    # White space between tokens gives room.
    assert blank_texts(b'{"a":"Al"      }', lambda _: "[erased]") == b'{"a":"[erased]"}'


def test_resource_event_and_times_stay_whatever_is_replaced() -> None:
    line = LINES["envelope"]
    new = blank_texts(line, lambda text: None if "_I_" in text else "x")
    assert new is not None
    event = read_event(new, now=NOW)
    assert isinstance(event, Event)
    assert event.received_at == datetime(2026, 11, 19, 10, 0, 5, tzinfo=UTC)
    assert (event.resource, event.event) == ("meetings", "ended")
    assert event.meeting_ended_at == datetime(2026, 11, 19, 10, tzinfo=UTC)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["body", "end", "event", "x", "body_base64"]), inner)
        | inner.map(json.dumps)
    ),
    max_leaves=8,
)


@given(JSON, st.booleans(), st.text(max_size=12))
def test_no_line_becomes_longer_or_stops_being_json(
    document: Any, ascii_only: bool, new: str
) -> None:
    line = dumped(document, ensure_ascii=ascii_only).decode(errors="replace").encode()
    blanked = blank_texts(line, lambda text: new if "0" not in text else None)
    if blanked is not None:
        assert len(blanked) <= len(line)
        assert b"\n" not in blanked
        json.loads(blanked)


def test_words_are_blanked_in_any_spelling() -> None:
    words = [ANN.encode(), "Zoë 𝔸".encode(), "Ünal".encode()]
    line = rb"not json ANN@Sales.example \nann\u0040sales.example, \\nann\\u0040sales.example; "
    line += "zoË 𝔸 ünal ".encode() + rb"Zo\u00EB \ud835\uDD38 \u00dcnal"
    new = blank_words(line, words)
    assert new is not None
    assert len(new) == len(line)
    assert new.replace(b"x", b"") == rb"not json  \n, \\n;    "


def test_a_part_of_a_longer_word_stays() -> None:
    line = b"joann@sales.example ann@sales.example-b.example"
    assert blank_words(line, [ANN.encode()]) is None
    assert blank_words(line, []) is None
    assert not may_have(line, [ANN.encode()])
