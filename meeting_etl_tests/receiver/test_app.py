"""The receiver over real HTTP: what is answered, and what lies in the logs then."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meeting_etl.receiver.app import PATH
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.receiver.one_event import EVENT, NOW
from meeting_etl_tests.receiver.served import Served, served, sign
from meeting_etl_tests.webhook_logs.samples import ended


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def receiver(tmp_path: Path, clock: ManualClock) -> Iterator[Served]:
    with served(tmp_path, clock=clock) as it:
        yield it


def test_a_trailing_slash_is_the_same_route_and_never_a_redirect(receiver: Served) -> None:
    assert receiver.ask("POST", f"{PATH}/", EVENT, sign(EVENT)).status == 200
    assert receiver.ask("POST", f"{PATH}/probe/", b"1", sign(b"1")).status == 200
    assert receiver.ask("GET", "/healthz/").text == "ok\n"
    assert receiver.ask("GET", "/metrics/").status == 200
    assert receiver.ask("POST", f"{PATH}//", EVENT, sign(EVENT)).status == 404
    assert [line["body"] for line in receiver.lines()] == [ended()]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_405(receiver: Served, method: str) -> None:
    answer = receiver.ask(method, PATH, headers=sign(b""))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert receiver.content() == b""


def test_another_path_is_404(receiver: Served) -> None:
    assert receiver.ask("POST", "/", EVENT, sign(EVENT)).status == 404
    assert receiver.ask("POST", "/healthz", EVENT, sign(EVENT)).status == 405


@pytest.mark.parametrize(
    "length", [b"Content-Length: 1\r\nContent-Length: 2\r\n", b"Content-Length: -1\r\n"]
)
def test_a_length_that_cannot_be_is_400(receiver: Served, length: bytes) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\n" % PATH.encode()
    with receiver.raw(head + length + b"\r\n12") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_body_that_breaks_off_is_not_stored(receiver: Served) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nX-Spark-Signature: 0\r\nContent-Length: 9\r\n\r\n"
    receiver.raw(head % PATH.encode() + b"{").close()
    deadline = time.monotonic() + 60
    while receiver.figure('refused_total{reason="broken_off"}') < 1:
        assert time.monotonic() < deadline
    assert receiver.content() == b""


def test_the_figures_are_of_the_form_that_prometheus_reads(
    receiver: Served, clock: ManualClock
) -> None:
    receiver.post(EVENT)
    receiver.ask("POST", PATH, EVENT)
    clock.advance(seconds=7)
    answer = receiver.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    for line in (
        "# TYPE meeting_etl_receiver_accepted_total counter",
        "meeting_etl_receiver_accepted_total 1",
        f"meeting_etl_receiver_accepted_bytes_total {len(EVENT)}",
        'meeting_etl_receiver_refused_total{reason="signature"} 1',
        'meeting_etl_receiver_refused_total{reason="storage"} 0',
        "# TYPE meeting_etl_receiver_fsync_seconds histogram",
        'meeting_etl_receiver_fsync_seconds_bucket{le="+Inf"} 2',
        "meeting_etl_receiver_fsync_seconds_count 2",
        "meeting_etl_receiver_wait_seconds_count 1",
        "meeting_etl_receiver_lag_seconds 7",
        "meeting_etl_receiver_healthy 1",
    ):
        assert line in lines
    names = {line.split("{")[0].split()[0] for line in lines if not line.startswith("#")}
    assert all(name.startswith("meeting_etl_receiver_") for name in names)
    assert receiver.ask("GET", "/healthz").text == "ok\n"
