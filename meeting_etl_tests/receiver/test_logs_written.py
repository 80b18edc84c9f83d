"""Which log a line comes into, whatever happens to disk, logs and receivers."""

import io
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.receiver.app import PATH
from meeting_etl.receiver.connections import BoundedProtocol
from meeting_etl.receiver.envelope import envelope
from meeting_etl.webhook_logs.events import Event, Rejected
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FullDisk
from meeting_etl_tests.receiver.one_event import EVENT, LOG, NOW, read
from meeting_etl_tests.receiver.served import Served, served
from meeting_etl_tests.webhook_logs.folders import Follower, append
from meeting_etl_tests.webhook_logs.samples import ended


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def receiver(tmp_path: Path, clock: ManualClock) -> Iterator[Served]:
    with served(tmp_path, clock=clock) as it:
        yield it


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


class Held(Files):
    """A disk on which a write with lines waits until it is let go; counts writes."""

    writes = 0

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.waits, self.free = threading.Event(), threading.Event()

    def append(self, file: io.FileIO, lines: bytes) -> None:
        self.writes += 1
        if lines:
            self.waits.set()
            assert self.free.wait(60)
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


class Patient(BoundedProtocol):
    head_seconds = 3600.0


def test_what_was_taken_is_answered_when_the_receiver_ends(tmp_path: Path) -> None:
    files = Held(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        with served(tmp_path, files=files, body_seconds=3600, connections=Patient) as receiver:
            idle = receiver.raw(b"")
            head = (
                b"POST %b HTTP/1.1\r\nHost: x\r\nX-Spark-Signature: 0\r\nContent-Length: 9\r\n\r\n"
            )
            unfinished = receiver.raw(head % PATH.encode() + b"{")
            post = pool.submit(receiver.post, EVENT)
            assert files.waits.wait(60)
            # The receiver is ending by then.
            threading.Timer(0.2, files.free.set).start()
        assert post.result().status == 200
    assert [line["body"] for line in receiver.lines()] == [ended()]
    for connection in (idle, unfinished):
        connection.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", receiver.port), timeout=60)
