"""What every kind of bucket does. A further kind passes the same tests, once it is in KINDS.

In real time: a kind may have a clock of its own.
"""

import time
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import pytest

from meeting_etl.files import Files
from meeting_etl.times import Clock
from meeting_etl.webex.bucket import LONGEST_PAUSE_SECONDS, Bucket, FileBucket
from meeting_etl_tests.cluster.kinds import POSTGRES, params, pg_bucket, start_server
from meeting_etl_tests.processes import begun, run_together

INTERVAL_SECONDS = 0.005  # of 12,000 requests a minute


class Open(Protocol):
    def __call__(self, folder: Path, *, requests_per_minute: float, burst: int = 10) -> Bucket: ...


def local(folder: Path, *, requests_per_minute: float, burst: int = 10) -> Bucket:
    files = Files(folder)
    return FileBucket(files, Clock(), requests_per_minute=requests_per_minute, burst=burst)


KINDS: dict[str, Open] = {"local": local, POSTGRES: pg_bucket}


@pytest.fixture(params=params(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return start_server(request.param, request)


def taken(bucket: Bucket) -> int:
    """How many slots there are now."""
    count = 0
    while bucket.take() == 0:
        count += 1
    return count


def test_a_burst_and_then_one_each_interval(kind: str, tmp_path: Path) -> None:
    bucket = KINDS[kind](tmp_path, requests_per_minute=1 / 60, burst=3)
    assert taken(bucket) == 3
    assert 3500 < bucket.take() <= 3600
    assert bucket.paused_until() is None


def test_without_a_rate_only_pauses_delay(kind: str, tmp_path: Path) -> None:
    bucket = KINDS[kind](tmp_path, requests_per_minute=0)
    assert {bucket.take() for _ in range(100)} == {0}
    bucket.pause(3600)
    assert 3500 < bucket.take() <= 3600


def test_a_pause_is_extended_and_never_shortened(kind: str, tmp_path: Path) -> None:
    bucket, before = KINDS[kind](tmp_path, requests_per_minute=60), Clock().now()
    for seconds, least in ((3600, 3500), (1, 3500), (7200, 7100)):
        bucket.pause(seconds)
        assert least < bucket.take() <= 7200
    until, now = bucket.paused_until(), Clock().now()
    assert until is not None
    assert before <= until - timedelta(seconds=7200) <= now


def test_a_pause_has_a_longest_length(kind: str, tmp_path: Path) -> None:
    bucket = KINDS[kind](tmp_path, requests_per_minute=60)
    bucket.pause(1e18)
    assert LONGEST_PAUSE_SECONDS - 100 < bucket.take() <= LONGEST_PAUSE_SECONDS


def test_after_a_pause_requests_leave_one_by_one(kind: str, tmp_path: Path) -> None:
    bucket = KINDS[kind](tmp_path, requests_per_minute=1 / 60, burst=10)
    bucket.pause(0.1)
    while bucket.paused_until() is not None:
        time.sleep(0.01)
    assert taken(bucket) == 1
    assert bucket.take() > 3500


def meet(folder: Path, name: str) -> None:
    """Wait until two processes are here."""
    (folder / f"{name}.ready").touch()
    while len([*folder.glob("*.ready")]) < 2:
        time.sleep(0.001)


def take_all(kind: str, folder: Path, name: str) -> None:
    bucket = KINDS[kind](folder, requests_per_minute=60, burst=1000)
    meet(folder, name)
    (folder / f"{name}.taken").write_text(str(taken(bucket)))


def test_two_processes_share_one_burst(kind: str, tmp_path: Path) -> None:
    start = time.monotonic()
    run_together(*[(take_all, (kind, tmp_path, name)) for name in "ab"])
    most = 1000 + time.monotonic() - start
    assert 1000 <= sum(int(path.read_text()) for path in tmp_path.glob("*.taken")) <= most


def pause(kind: str, folder: Path) -> None:
    KINDS[kind](folder, requests_per_minute=60).pause(3600)


def test_a_pause_outlives_its_process(kind: str, tmp_path: Path) -> None:
    run_together((pause, (kind, tmp_path)))
    bucket = KINDS[kind](tmp_path, requests_per_minute=60)
    assert 3500 < bucket.take() <= 3600
    assert bucket.paused_until() is not None


def take_without_end(kind: str, folder: Path, ready: Connection) -> None:
    bucket = KINDS[kind](folder, requests_per_minute=1e9)
    for number in range(10**9):
        bucket.take()
        if number == 100:
            ready.send(True)


def test_a_process_that_is_killed_blocks_nobody(kind: str, tmp_path: Path) -> None:
    with begun(take_without_end, kind, tmp_path) as process:
        process.kill()
        process.join()
        assert KINDS[kind](tmp_path, requests_per_minute=1e9).take() < 1


def take_100(kind: str, folder: Path, name: str) -> None:
    """Wait for the other process, take 100 slots, and note before and after which moments."""
    bucket = KINDS[kind](folder, requests_per_minute=60 / INTERVAL_SECONDS)
    meet(folder, name)
    moments = []
    for _ in range(100):
        before = time.monotonic()
        while (seconds := bucket.take()) > 0:
            time.sleep(seconds)
            before = time.monotonic()
        moments.append(f"{before} {time.monotonic()}\n")
    (folder / f"{name}.taken").write_text("".join(moments))


def slots_of_two_processes(kind: str, folder: Path) -> list[tuple[float, float]]:
    """Before and after which moment each of 200 slots was taken, in order."""
    folder.mkdir()
    run_together(*[(take_100, (kind, folder, name)) for name in "ab"])
    lines = "".join(path.read_text() for path in folder.glob("*.taken")).splitlines()
    slots = [(float(before), float(after)) for before, after in map(str.split, lines)]
    assert len(slots) == 200
    return sorted(slots)


def test_two_processes_never_take_more_than_the_rate(kind: str, tmp_path: Path) -> None:
    slots = slots_of_two_processes(kind, tmp_path / "shared")
    for number, (before, _) in enumerate(slots[:-40]):
        # 41 requests in a row: 10 may be a burst, the others take an interval each.
        after = max(after for _, after in slots[number : number + 41])
        assert after - before >= 31 * INTERVAL_SECONDS - 0.0001


def take_for_a_while(kind: str, folder: Path, name: str) -> None:
    """Take all slots that there are, again and again."""
    bucket = KINDS[kind](folder, requests_per_minute=60 / INTERVAL_SECONDS, burst=10_000)
    meet(folder, name)
    count, until = 0, time.monotonic() + 0.3
    while time.monotonic() < until:
        count += taken(bucket)
    (folder / f"{name}.taken").write_text(str(count))


def test_two_processes_use_all_of_the_rate(kind: str, tmp_path: Path) -> None:
    """No slot of the time since the bucket was empty is lost, whoever stood still meanwhile."""
    bucket = KINDS[kind](tmp_path, requests_per_minute=60 / INTERVAL_SECONDS, burst=10_000)
    began = time.monotonic()
    bucket.pause(0.01)
    emptied = time.monotonic() + 0.01
    run_together(*[(take_for_a_while, (kind, tmp_path, name)) for name in "ab"])
    least = (time.monotonic() - emptied) / INTERVAL_SECONDS
    count = sum(int(path.read_text()) for path in tmp_path.glob("*.taken")) + taken(bucket)
    most = (time.monotonic() - began) / INTERVAL_SECONDS
    assert least - 1 <= count <= most + 1
