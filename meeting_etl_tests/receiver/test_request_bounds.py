"""Heads, bodies and connections above their bounds are refused, slow ones not waited for."""

import contextlib
import importlib.metadata
import selectors
import socket
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from meeting_etl.receiver.app import MAX_BODY_BYTES, PATH
from meeting_etl.receiver.connections import BoundedProtocol
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.receiver.one_event import EVENT, NOW
from meeting_etl_tests.receiver.served import Served, served, sign
from meeting_etl_tests.served_ui import wait_until
from meeting_etl_tests.webhook_logs.samples import ended

CLOSED = r"reset|Broken pipe"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def receiver(tmp_path: Path, clock: ManualClock) -> Iterator[Served]:
    with served(tmp_path, clock=clock) as it:
        yield it


GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
OVERLONG = {
    "one header": b"X: " + b"x" * 3_500_000 + b"\r\n",
    "many headers": b"aa:bb\r\n" * 500_000,
    "a little too large": b"".join(b"X-%d: %b\r\n" % (number, b"x" * 1000) for number in range(66)),
    "a few headers too many": b"aa:bb\r\n" * 129,
}


@pytest.mark.parametrize("answered", [0, 1, 3])
@pytest.mark.parametrize("kind", OVERLONG)
def test_every_head_above_its_bounds_is_refused_and_the_connection_closed(
    receiver: Served, kind: str, answered: int
) -> None:
    with receiver.raw(b"") as connection:
        for _ in range(answered):
            connection.sendall(GET + b"\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert is_refused(connection, GET + OVERLONG[kind] + b"\r\n")
    assert receiver.figure('refused_total{reason="head"}') == 1


def test_a_trailer_without_end_and_a_long_pipeline_are_refused(receiver: Served) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nX-Spark-Signature: 0\r\n" % PATH.encode()
    for sent in (
        head + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 3_500_000,
        (GET + b"\r\n") * 400,
    ):
        with receiver.raw(b"") as connection:
            assert is_refused(connection, sent)


def test_a_head_of_60_kib_and_100_headers_is_taken_on_a_kept_connection(receiver: Served) -> None:
    long = b"".join(b"X-%d: %b\r\n" % (number, b"x" * 600) for number in range(100))
    with receiver.raw(b"") as connection:
        for _ in range(3):
            connection.sendall(GET + long + b"\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def is_refused(connection: socket.socket, sent: bytes) -> bool:
    """Whether it is closed, with 400 where its sender comes to read that."""
    answer = b""
    try:
        connection.sendall(sent)
        while piece := connection.recv(10_000):
            answer += piece
    except ConnectionError:
        return True
    return b"HTTP/1.1 400 " in answer


def test_large_bodies_are_few_at_a_time_and_small_ones_go_on(tmp_path: Path) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nX-Spark-Signature: 0\r\nContent-Length: %d\r\n\r\n"
    sent = head % (PATH.encode(), MAX_BODY_BYTES) + b"x" * 100_000
    with served(tmp_path) as receiver:
        large = [receiver.raw(sent) for _ in range(9)]
        with selectors.DefaultSelector() as selector:
            for connection in large:
                selector.register(connection, selectors.EVENT_READ)
            ready = [cast(socket.socket, key.fileobj) for key, _ in selector.select(20)]
        assert [connection.recv(100)[:13] for connection in ready] == [b"HTTP/1.1 503 "]
        assert receiver.post(EVENT).status == 200
        assert receiver.figure('refused_total{reason="busy"}') == 1
        for connection in large:
            connection.close()


def test_uvicorn_is_bounded_to_the_versions_that_the_connections_were_tried_with() -> None:
    """Where this fails: raise the bound in pyproject.toml once all else here passes."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    [bounds] = [name for name in project["project"]["dependencies"] if name.startswith("uvicorn")]
    major, minor = map(int, importlib.metadata.version("uvicorn").split(".")[:2])
    assert bounds.endswith(f",<{major}.{minor + 1}")


def test_a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(receiver: Served) -> None:
    body = b'"' + b"x" * (MAX_BODY_BYTES - 2) + b'"'
    assert receiver.post(body).status == 200
    assert receiver.post(body + b" ").status == 413
    assert [line["body"] for line in receiver.lines()] == [body[1:-1].decode()]


def test_a_body_that_is_announced_too_large_is_not_waited_for(receiver: Served) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nX-Spark-Signature: 0\r\n" % PATH.encode()
    with receiver.raw(head + b"Content-Length: 9999999999\r\n\r\n") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
        with pytest.raises(OSError, match=CLOSED):
            for _ in range(64):
                connection.sendall(b"x" * 1_000_000)
    assert receiver.post(EVENT).status == 200


def test_chunks_above_the_limit_are_413_however_many_would_follow(receiver: Served) -> None:
    pieces = (b"x" * 65_536 for _ in range(20))
    headers = {"Transfer-Encoding": "chunked", **sign(b"x" * 65_536 * 20)}
    assert receiver.ask("POST", PATH, pieces, headers, chunked=True).status == 413
    assert receiver.content() == b""


def test_chunks_below_the_limit_are_taken(receiver: Served) -> None:
    headers = {"Transfer-Encoding": "chunked", **sign(EVENT)}
    pieces = iter([EVENT[:10], EVENT[10:]])
    assert receiver.ask("POST", PATH, pieces, headers, chunked=True).status == 200
    assert [line["body"] for line in receiver.lines()] == [ended()]


def test_a_slow_body_is_408_and_its_connection_closed(tmp_path: Path) -> None:
    with served(tmp_path, body_seconds=0.2) as receiver:
        signature = sign(EVENT)["X-Spark-Signature"].encode()
        head = b"POST %b HTTP/1.1\r\nHost: x\r\nX-Spark-Signature: %b\r\nContent-Length: %d\r\n\r\n"
        begin = head % (PATH.encode(), signature, len(EVENT)) + EVENT[:50]
        with receiver.raw(begin) as connection:
            assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
            assert connection.recv(1000) == b""
        assert receiver.content() == b""
        assert receiver.figure('refused_total{reason="slow"}') == 1


class Hasty(BoundedProtocol):
    head_seconds = 0.2


@pytest.mark.parametrize("sent", [b"", b"POST / HTTP/1.1\r\nHost:", b"GET /healthz HTTP/1.1\r\n"])
def test_a_head_that_does_not_come_is_not_waited_for(tmp_path: Path, sent: bytes) -> None:
    with served(tmp_path, connections=Hasty) as receiver, receiver.raw(sent) as connection:
        assert connection.recv(100) == b""


def test_a_second_head_that_comes_in_drops_is_not_waited_for(tmp_path: Path) -> None:
    class Later(BoundedProtocol):
        head_seconds = 60.0

    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with served(tmp_path, connections=Later) as receiver, receiver.raw(request) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        Later.head_seconds = 0.2  # counts from the next answer on
        connection.sendall(request)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        with pytest.raises(OSError, match=CLOSED):
            for drop in b"GET /" + b"x" * 1000:
                connection.sendall(bytes([drop]))
                time.sleep(0.02)


def test_a_head_without_end_is_cut_off(receiver: Served) -> None:
    with (
        receiver.raw(b"POST / HTTP/1.1\r\nX: ") as connection,
        pytest.raises(OSError, match=CLOSED),
    ):
        for _ in range(64):
            connection.sendall(b"x" * 1_000_000)


class Few(BoundedProtocol):
    max_connections = 3


def test_connections_are_bounded(tmp_path: Path) -> None:
    with served(tmp_path, connections=Few) as receiver:
        idle = [receiver.raw(b"") for _ in range(Few.max_connections)]
        with receiver.raw(b"") as one_more:
            assert one_more.recv(100).startswith(b"HTTP/1.1 503 ")
        for connection in idle:
            connection.close()

        def is_taken() -> bool:
            with contextlib.suppress(ConnectionError):
                return receiver.post(EVENT).status == 200
            return False

        wait_until(is_taken)  # they are let go one by one
