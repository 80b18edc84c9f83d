"""The receiver over real HTTP: what is answered, and what lies in the logs then."""

import base64
import importlib.metadata
import io
import json
import selectors
import socket
import threading
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.receiver.app import MAX_BODY_BYTES, PATH
from meeting_etl.receiver.connections import BoundedProtocol
from meeting_etl.receiver.envelope import envelope
from meeting_etl.webhook_logs.events import Event, Rejected, RejectionReason, read_event
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FullDisk
from meeting_etl_tests.receiver.served import SECRET, Served, served, sign
from meeting_etl_tests.webhook_logs.folders import Follower, append
from meeting_etl_tests.webhook_logs.samples import MEETING_ID, ended

NOW = datetime(2026, 3, 1, 11, 59, 30, 250_000, tzinfo=UTC)
EVENT = json.dumps(ended()).encode()
CLOSED = r"reset|Broken pipe"
LOG = "2026-03-01/webhooks-2026-03-01T11.jsonl"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def receiver(tmp_path: Path, clock: ManualClock) -> Iterator[Served]:
    with served(tmp_path, clock=clock) as it:
        yield it


def read(line: bytes) -> Event | Rejected:
    return read_event(line, now=NOW)


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


def test_a_trailing_slash_is_the_same_route_and_never_a_redirect(receiver: Served) -> None:
    assert receiver.ask("POST", f"{PATH}/", EVENT, sign(EVENT)).status == 200
    assert receiver.ask("POST", f"{PATH}/probe/", b"1", sign(b"1")).status == 200
    assert receiver.ask("GET", "/healthz/").text == "ok\n"
    assert receiver.ask("GET", "/metrics/").status == 200
    assert receiver.ask("POST", f"{PATH}//", EVENT, sign(EVENT)).status == 404
    assert [line["body"] for line in receiver.lines()] == [ended()]


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


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_405(receiver: Served, method: str) -> None:
    answer = receiver.ask(method, PATH, headers=sign(b""))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert receiver.content() == b""


def test_another_path_is_404(receiver: Served) -> None:
    assert receiver.ask("POST", "/", EVENT, sign(EVENT)).status == 404
    assert receiver.ask("POST", "/healthz", EVENT, sign(EVENT)).status == 405


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


@pytest.mark.parametrize(
    "length", [b"Content-Length: 1\r\nContent-Length: 2\r\n", b"Content-Length: -1\r\n"]
)
def test_a_length_that_cannot_be_is_400(receiver: Served, length: bytes) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\n" % PATH.encode()
    with receiver.raw(head + length + b"\r\n12") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


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


def test_a_body_that_breaks_off_is_not_stored(receiver: Served) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nX-Spark-Signature: 0\r\nContent-Length: 9\r\n\r\n"
    receiver.raw(head % PATH.encode() + b"{").close()
    deadline = time.monotonic() + 10
    while receiver.figure('refused_total{reason="broken_off"}') < 1:
        assert time.monotonic() < deadline
    assert receiver.content() == b""


class Hasty(BoundedProtocol):
    head_seconds = 0.2


@pytest.mark.parametrize("sent", [b"", b"POST / HTTP/1.1\r\nHost:", b"GET /healthz HTTP/1.1\r\n"])
def test_a_head_that_does_not_come_is_not_waited_for(tmp_path: Path, sent: bytes) -> None:
    with served(tmp_path, connections=Hasty) as receiver, receiver.raw(sent) as connection:
        assert connection.recv(100) == b""


def test_a_second_head_that_comes_in_drops_is_not_waited_for(tmp_path: Path) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with served(tmp_path, connections=Hasty) as receiver, receiver.raw(request) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /")
        with pytest.raises(OSError, match=CLOSED):
            for _ in range(200):
                connection.sendall(b"x")
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
        while receiver.ask("GET", "/healthz").status == 503:  # they are let go one by one
            time.sleep(0.01)
        assert receiver.post(EVENT).status == 200


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


def test_two_receivers_write_side_by_side(tmp_path: Path, clock: ManualClock) -> None:
    with served(tmp_path, clock=clock) as one, served(tmp_path, clock=clock) as other:
        assert one.post(EVENT).status == other.post(EVENT).status == 200
        second = LOG.replace(".jsonl", "-2.jsonl")
        assert sorted(one.logs()) == sorted([LOG, second])
        assert (tmp_path / LOG).read_bytes() == (tmp_path / second).read_bytes()
    with served(tmp_path, clock=clock) as again:
        again.post(EVENT)
        assert (tmp_path / LOG).read_bytes().count(b"\n") == 2


def test_an_hour_later_there_is_another_log(receiver: Served, clock: ManualClock) -> None:
    receiver.post(b"1")
    clock.advance(seconds=29)
    receiver.post(b"2")
    clock.advance(seconds=1)
    receiver.post(b"3")
    clock.advance(hours=12)
    receiver.post(b"4")
    assert [line["body"] for line in receiver.lines()] == [1, 2, 3, 4]
    assert receiver.logs() == [
        LOG,
        "2026-03-01/webhooks-2026-03-01T12.jsonl",
        "2026-03-02/webhooks-2026-03-02T00.jsonl",
    ]


def test_a_log_that_is_taken_away_is_begun_anew(receiver: Served, tmp_path: Path) -> None:
    receiver.post(b"1")
    (tmp_path / LOG).rename(tmp_path / "2026-03-01/moved.jsonl")
    receiver.post(b"2")
    (tmp_path / LOG).rename(tmp_path / f"{LOG}.gz")
    receiver.post(b"3")
    assert receiver.logs() == ["2026-03-01/moved.jsonl", LOG.replace(".jsonl", "-2.jsonl")]
    assert [line["body"] for line in receiver.lines()] == [1, 3]


def test_a_torn_last_line_is_closed_off_at_the_start(tmp_path: Path, clock: ManualClock) -> None:
    torn = envelope(EVENT, {}, NOW)[:-40]
    append(tmp_path / LOG, envelope(b"1", {}, NOW) + torn)
    with served(tmp_path, clock=clock) as receiver:
        assert receiver.content().endswith(torn + b"\n")
        receiver.post(EVENT)
    found = [read(data) for data in Follower(tmp_path).new_data() if data]
    assert [type(result) for result in found] == [Rejected, Rejected, Event]


@pytest.mark.parametrize("room", [0, 10])
def test_a_full_disk_is_503_and_then_200_again(
    tmp_path: Path, clock: ManualClock, room: int
) -> None:
    files = FullDisk(tmp_path)
    with served(tmp_path, clock=clock, files=files) as receiver:
        assert receiver.post(EVENT).status == 200
        files.room = room
        assert receiver.post(EVENT).status == 503
        assert receiver.ask("GET", "/healthz").status == 503
        assert receiver.figure("healthy") == 0
        assert receiver.figure('refused_total{reason="storage"}') == 1
        files.room = None
        assert receiver.post(EVENT).status == 200
        assert receiver.ask("GET", "/healthz").status == 200
        assert receiver.figure("accepted_total") == 2
    found = [read(data) for data in Follower(tmp_path).new_data() if data]
    assert [event for event in found if isinstance(event, Event)] == [
        read(envelope(EVENT, {}, NOW))
    ] * 2
    assert len(found) == 2 + (room > 0)


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_taken(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match=r"Cannot .*blocked"), served(tmp_path / "blocked"):
        pass


class Slow(Files):
    """A disk on which every write takes its time."""

    def append(self, file: io.FileIO, lines: bytes) -> None:
        time.sleep(0.2)
        super().append(file, lines)


class Held(Files):
    """A disk on which a write with lines waits until it is let go; counts writes."""

    writes = 0

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.free = threading.Event()

    def append(self, file: io.FileIO, lines: bytes) -> None:
        self.writes += 1
        assert not lines or self.free.wait(20)
        super().append(file, lines)


def test_events_that_wait_share_one_write_and_health_does_not_wait(tmp_path: Path) -> None:
    files = Held(tmp_path)
    with served(tmp_path, files=files) as receiver, ThreadPoolExecutor(40) as pool:
        before = files.writes
        posts = [pool.submit(receiver.post, b"%d" % number) for number in range(40)]
        try:
            while receiver.figure("waiting_events") < 40:
                time.sleep(0.01)
            assert receiver.ask("GET", "/healthz").status == 200
            assert not any(post.done() for post in posts)
        finally:
            files.free.set()
        assert {post.result().status for post in posts} == {200}
        assert files.writes - before <= 3
        assert sorted(line["body"] for line in receiver.lines()) == list(range(40))


def test_what_was_taken_is_answered_when_the_receiver_ends(tmp_path: Path) -> None:
    answers: list[int] = []
    began = time.monotonic()
    with served(tmp_path, files=Slow(tmp_path)) as receiver:
        idle = receiver.raw(b"")
        head = b"POST %b HTTP/1.1\r\nHost: x\r\nX-Spark-Signature: 0\r\nContent-Length: 9\r\n\r\n"
        unfinished = receiver.raw(head % PATH.encode() + b"{")
        post = threading.Thread(target=lambda: answers.append(receiver.post(EVENT).status))
        post.start()
        time.sleep(0.1)
    post.join()
    assert answers == [200]
    assert [line["body"] for line in receiver.lines()] == [ended()]
    assert time.monotonic() - began < 3
    for connection in (idle, unfinished):
        connection.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", receiver.port), timeout=1)


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
