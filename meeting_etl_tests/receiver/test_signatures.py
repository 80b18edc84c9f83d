"""Whose events are taken, and how refusals are said."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from meeting_etl.receiver.app import MAX_BODY_BYTES, PATH
from meeting_etl.webhook_logs.events import Event
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.receiver.one_event import EVENT, LOG, NOW, read
from meeting_etl_tests.receiver.served import SECRET, Served, served, sign
from meeting_etl_tests.webhook_logs.samples import MEETING_ID, ended


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def receiver(tmp_path: Path, clock: ManualClock) -> Iterator[Served]:
    with served(tmp_path, clock=clock) as it:
        yield it


def test_a_signed_event_is_a_line_of_the_hours_log(receiver: Served) -> None:
    answer = receiver.post(
        EVENT, User_Agent="WebexWebhooks/1.0", TrackingID="ROUTER_1", Cookie="a=b", X_Other="c"
    )
    assert answer.status == 200
    assert receiver.logs() == [LOG]
    assert (
        receiver.content()
        == (
            b'{"received_at":"2026-03-01T11:59:30.250Z","headers":{"content-type":"application/json",'
            b'"content-length":"%d","user-agent":"WebexWebhooks/1.0","trackingid":"ROUTER_1"},'
            b'"body":' % len(EVENT)
        )
        + EVENT
        + b"}\n"
    )
    found = read(receiver.content().rstrip(b"\n"))
    assert isinstance(found, Event)
    assert (found.received_at, found.meeting_id, found.body) == (NOW, MEETING_ID, EVENT)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Spark-Signature": ""},
        {"X-Spark-Signature": "0" * 40},
        {"X-Spark-Signature": sign(EVENT)["X-Spark-Signature"][:39]},
        {"X-Spark-Signature": "sha1=" + sign(EVENT)["X-Spark-Signature"]},
        {"X-Spark-Signature": "\xe9" * 40},
        sign(EVENT, "another secret"),
        sign(EVENT + b" "),
    ],
)
def test_a_bad_or_missing_signature_is_401(receiver: Served, headers: dict[str, str]) -> None:
    assert receiver.ask("POST", PATH, EVENT, headers).status == 401
    assert receiver.content() == b""
    assert receiver.figure('refused_total{reason="signature"}') == 1


@pytest.mark.parametrize("before", ["", " \t"])
@pytest.mark.parametrize("after", ["", " \t"])
@pytest.mark.parametrize("upper", [False, True])
def test_white_space_and_upper_case_in_a_signature_are_accepted(
    receiver: Served, before: str, after: str, *, upper: bool
) -> None:
    signature = sign(EVENT)["X-Spark-Signature"]
    value = before + (signature.upper() if upper else signature) + after
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-Spark-Signature:{value}\r\n"
    sent = f"{head}Content-Length: {len(EVENT)}\r\n\r\n".encode() + EVENT
    with receiver.raw(sent) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert [line["body"] for line in receiver.lines()] == [ended()]


def test_during_a_change_both_secrets_are_accepted_and_no_third(tmp_path: Path) -> None:
    with served(tmp_path, previous="the-one-before") as receiver:
        for secret, status in ((SECRET, 200), ("the-one-before", 200), ("a third", 401)):
            assert receiver.ask("POST", PATH, EVENT, sign(EVENT, secret)).status == status
        assert receiver.figure("accepted_total") == 2


def test_a_probe_is_verified_as_an_event_is_and_never_stored(receiver: Served) -> None:
    path = f"{PATH}/probe"
    assert receiver.ask("POST", path, b"1", sign(b"1")).text == "verified\n"
    assert receiver.ask("POST", path, b"1").status == 401
    assert receiver.ask("POST", path, b"1", sign(b"1", "another")).status == 401
    assert receiver.ask("GET", path).status == 405
    assert receiver.content() == b""
    assert receiver.figure("accepted_total") == 0


def test_a_refusal_is_said_once_a_minute_for_each_reason_with_its_count(
    tmp_path: Path, clock: ManualClock
) -> None:
    said: list[str] = []
    with served(tmp_path, clock=clock, notify=said.append) as receiver:
        receiver.ask("POST", PATH, EVENT, sign(EVENT, "another"))
        with receiver.raw(b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n") as connection:
            assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")
        receiver.post(b'"' + b"x" * MAX_BODY_BYTES + b'"')
        for _ in range(3):
            receiver.ask("POST", PATH, EVENT)
        assert [sentence.partition(":")[0] for sentence in said] == ["Refused 1 request"] * 4
        for sentence, why in zip(
            said, ("does not match", "length", "too large", "missing"), strict=True
        ):
            assert why in sentence
        assert ["--set-secret" in sentence for sentence in said] == [True, False, False, True]
        clock.advance(seconds=59)
        receiver.ask("POST", PATH, EVENT)
        assert len(said) == 4
        clock.advance(seconds=1)
        receiver.ask("POST", PATH, EVENT)
        assert said[4].startswith("Refused 4 requests: ")
        assert "missing" in said[4]
        assert len(said) == 5
        assert SECRET not in "".join(said)
        assert receiver.figure('refused_total{reason="signature"}') == 6
        assert receiver.figure('refused_total{reason="head"}') == 1


def test_without_a_secret_anybody_may_post(tmp_path: Path) -> None:
    with served(tmp_path, secret=None) as receiver:
        assert receiver.ask("POST", PATH, EVENT).status == 200
        assert receiver.ask("POST", PATH, EVENT, {"X-Spark-Signature": "0"}).status == 200
        assert [line["body"] for line in receiver.lines()] == [ended(), ended()]


def test_neither_secret_nor_signature_is_written_or_told(receiver: Served) -> None:
    receiver.post(EVENT)
    receiver.ask("POST", PATH, EVENT, {"X-Spark-Signature": "0" * 40})
    output = receiver.content().decode() + receiver.ask("GET", "/metrics").text
    assert SECRET not in output
    assert sign(EVENT)["X-Spark-Signature"] not in output
    assert "spark" not in output.lower()
