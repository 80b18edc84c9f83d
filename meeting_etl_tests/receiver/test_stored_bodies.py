"""Any body becomes one line, which is judged as the body would be by itself."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meeting_etl.receiver.envelope import envelope
from meeting_etl.webhook_logs.events import Event, Rejected, RejectionReason
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.receiver.one_event import EVENT, NOW, read
from meeting_etl_tests.receiver.served import Served, served
from meeting_etl_tests.webhook_logs.samples import ended


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def receiver(tmp_path: Path, clock: ManualClock) -> Iterator[Served]:
    with served(tmp_path, clock=clock) as it:
        yield it


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"\0",
        bytes(range(256)),
        b'{"resource":"meetings"',
        b"caf\xe9",
        b"a=b&c=d",
        b"NaN",
        b"1e999",
        b"\xef\xbb\xbf{}",
        b'"\\ud800"',
        b'"two\nlines"',
        b'{"a":1}\n{"a":2}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_json_is_kept_in_base64(receiver: Served, body: bytes) -> None:
    assert receiver.post(body, Content_Type="application/octet-stream").status == 200
    [line] = receiver.lines()
    assert base64.b64decode(line["body_base64"]) == body
    assert "body" not in line
    found = read(receiver.content().rstrip(b"\n"))
    assert isinstance(found, Rejected)
    assert found.received_at == NOW


def test_json_over_several_lines_becomes_one_line(receiver: Served) -> None:
    body = json.dumps(ended(title="two\nlines\u2028\x85"), indent=2).replace("\n", "\r\n").encode()
    assert receiver.post(b"\n" + body + b"\n").status == 200
    [line] = receiver.content().splitlines()[:1]
    assert receiver.content() == line + b"\n"
    assert b'"body":' + b" " + body.replace(b"\r\n", b"  ") + b" }" in line
    found = read(line)
    assert isinstance(found, Event)
    assert json.loads(found.body) == json.loads(body)


_JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


_BODIES = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda value, indent, ascii_only: json.dumps(
            value, indent=indent, ensure_ascii=ascii_only
        ).encode("utf-8", "surrogatepass"),
        _JSON,
        st.sampled_from([None, 0, 2, "\t", "\r"]),
        st.booleans(),
    ),
    st.text(alphabet='[]{}",:0123456789.eE+-truefalsn\\uD8 \n\r\t', max_size=40).map(str.encode),
)


@settings(max_examples=500)
@given(body=_BODIES)
def test_any_body_is_one_line_that_gives_it_back(body: bytes) -> None:
    line = envelope(body, {"content-type": "\xe9\n"}, NOW)
    assert line.count(b"\n") == 1
    assert b"\r" not in line
    document = json.loads(line)
    assert ("body" in document) != ("body_base64" in document)
    if "body" in document:
        assert document["body"] == json.loads(body)
        assert body.translate(bytes.maketrans(b"\r\n", b"  ")) in line
    else:
        assert base64.b64decode(document["body_base64"], validate=True) == body
    assert_judged_alike(line[:-1], body)


@settings(max_examples=200)
@given(
    fields=st.dictionaries(st.text(max_size=5), _JSON, max_size=3),
    spoil=st.sampled_from([b"", b"\xef\xbb\xbf", b"\n", b"\xff", b"\\ud800"]),
    indent=st.sampled_from([None, 1]),
)
@pytest.mark.slow
def test_any_payload_is_read_as_it_would_be_by_itself(
    fields: dict[str, Any], spoil: bytes, indent: int | None
) -> None:
    body = json.dumps(ended() | {"more": fields}, indent=indent).encode()
    posted = body.replace(b"active", b"active" + spoil) if spoil == b"\\ud800" else spoil + body
    assert_judged_alike(envelope(posted, {}, NOW)[:-1], posted)


def assert_judged_alike(line: bytes, body: bytes) -> None:
    """The line is read as the body would be that came by itself, but for when it came."""
    found, alone = read(line), read(body)
    assert found.received_at == NOW
    if isinstance(alone, Rejected):
        assert isinstance(found, Rejected)
        if alone.reason != RejectionReason.NOT_AN_OBJECT:
            assert found.reason == alone.reason
        return
    if b'"received_at"' in body or b'"body' in body:  # an envelope within is none
        return
    assert isinstance(found, Event)
    assert (found.resource, found.event) == (alone.resource, alone.event)
    assert (found.meeting_id, found.resource_id) == (alone.meeting_id, alone.resource_id)
    assert json.loads(found.body) == json.loads(alone.body)


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (base64.b64encode(EVENT).decode(), None),
        (base64.b64encode(b"\xef\xbb\xbf" + EVENT + b"\r\n").decode(), None),
        (base64.b64encode(b"\xff").decode(), RejectionReason.NOT_UTF8),
        (base64.b64encode(b"{").decode(), RejectionReason.NOT_JSON),
        (base64.b64encode(b"[" * 100_000).decode(), RejectionReason.NOT_JSON),
        (base64.b64encode(b"[]").decode(), RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (base64.b64encode(b'{"body":' + EVENT + b"}").decode(), None),
        ("", RejectionReason.NOT_JSON),
        ("not base64!", RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        ("YQ", RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        ("caf\xe9", RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (None, RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (17, RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        (["YQ=="], RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
        ({}, RejectionReason.NOT_A_WEBHOOK_PAYLOAD),
    ],
)
def test_a_body_in_base64_is_judged_as_any_body(
    encoded: object, reason: RejectionReason | None
) -> None:
    line = json.dumps({"received_at": "2026-03-01T11:59:30.250Z", "body_base64": encoded})
    found = read(line.encode())
    assert found.received_at == NOW
    assert (found.reason if isinstance(found, Rejected) else None) == reason
    if isinstance(found, Event):
        assert found.body == EVENT


def test_secrets_in_a_body_in_base64_are_removed_too() -> None:
    body = b"\xef\xbb\xbf" + json.dumps(ended(password="s3cret-Harbour")).encode()
    found = read(envelope(body, {}, NOW)[:-1])
    assert isinstance(found, Event)
    assert b"s3cret" not in found.body
