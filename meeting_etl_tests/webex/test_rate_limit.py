import fcntl
import io
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meeting_etl.errors import ApiUnavailable, StorageError
from meeting_etl.files import Files
from meeting_etl.times import Clock
from meeting_etl.webex.bucket import FileBucket
from meeting_etl.webex.rate_limit import RateLimiter
from meeting_etl_tests.clocks import ManualClock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def rate_limiter_of(
    files: Files, clock: Clock, *, per_minute: float = 60, max_wait: float = 300, burst: int = 10
) -> RateLimiter:
    bucket = FileBucket(files, clock, requests_per_minute=per_minute, burst=burst)
    return RateLimiter(bucket, clock, max_wait_seconds=max_wait)


class Interrupted(ManualClock):
    """Calls `then` in the middle of the first sleep, as another thread would."""

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self.then: Callable[[], None] | None = None

    def sleep(self, seconds: float) -> None:
        then, self.then = self.then, None
        if then:
            super().sleep(seconds / 2)
            then()
            super().sleep(seconds / 2)
        else:
            super().sleep(seconds)


def seconds_of(rate_limiter: RateLimiter, clock: ManualClock, count: int) -> list[float]:
    """When each of the next requests is sent, in seconds from now."""
    start, left = clock.now(), []
    for _ in range(count):
        rate_limiter.acquire()
        left.append(round((clock.now() - start).total_seconds(), 3))
    return left


def test_a_burst_and_then_one_each_interval(files: Files, clock: ManualClock) -> None:
    rate_limiter = rate_limiter_of(files, clock, per_minute=60, burst=3)
    assert seconds_of(rate_limiter, clock, 6) == [0, 0, 0, 1, 2, 3]


def test_idle_time_fills_the_bucket_at_most(files: Files, clock: ManualClock) -> None:
    rate_limiter = rate_limiter_of(files, clock, per_minute=60, burst=3)
    seconds_of(rate_limiter, clock, 6)
    clock.advance(hours=1)
    assert seconds_of(rate_limiter, clock, 5) == [0, 0, 0, 1, 2]


def test_a_thousand_requests_take_requests_over_rate(files: Files, clock: ManualClock) -> None:
    rate_limiter = rate_limiter_of(files, clock, per_minute=300)
    assert seconds_of(rate_limiter, clock, 1000)[-1] == pytest.approx(200, rel=0.05)


def test_many_threads_use_the_whole_rate_and_no_more(files: Files, clock: ManualClock) -> None:
    rate_limiter = rate_limiter_of(files, clock, per_minute=300)
    with ThreadPoolExecutor(24) as threads:
        for future in [threads.submit(rate_limiter.acquire) for _ in range(1000)]:
            future.result()
    assert (clock.now() - START).total_seconds() == pytest.approx(990 / 5, abs=0.01)


class CountedFiles(Files):
    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened = 0

    def open_to_write(self, name: str) -> io.FileIO:
        self.opened += 1
        return super().open_to_write(name)


def test_waiting_threads_do_not_all_wake_up_for_each_slot(tmp_path: Path) -> None:
    files = CountedFiles(tmp_path)
    rate_limiter = rate_limiter_of(files, Clock(), per_minute=12_000)
    with ThreadPoolExecutor(24) as threads:
        for future in [threads.submit(rate_limiter.acquire) for _ in range(100)]:
            future.result()
    assert files.opened < 400


@given(
    per_minute=st.floats(1, 6000),
    burst=st.integers(1, 20),
    rests=st.lists(st.floats(0, 30), min_size=2, max_size=60),
)
def test_no_interval_has_more_than_a_burst_plus_the_rate(
    tmp_path_factory: pytest.TempPathFactory, per_minute: float, burst: int, rests: list[float]
) -> None:
    clock = ManualClock(START)
    files = Files(tmp_path_factory.mktemp("pace"))
    rate_limiter = rate_limiter_of(files, clock, per_minute=per_minute, burst=burst)
    left = []
    for rest in rests:
        clock.advance(seconds=rest)
        rate_limiter.acquire()
        left.append((clock.now() - START).total_seconds())
    for first in range(len(left)):
        for last in range(first, len(left)):
            stretch = left[last] - left[first]
            assert last - first + 1 <= burst + stretch * per_minute / 60 + 0.01


def test_nothing_is_sent_during_a_pause(files: Files, clock: ManualClock) -> None:
    rate_limiter_of(files, clock).pause(42)
    assert seconds_of(rate_limiter_of(files, clock), clock, 1) == [42]


def test_a_pause_is_never_shortened(files: Files, clock: ManualClock) -> None:
    rate_limiter = rate_limiter_of(files, clock)
    rate_limiter.pause(42)
    clock.advance(seconds=2)
    rate_limiter.pause(1)
    assert seconds_of(rate_limiter, clock, 1) == [40]


def test_a_pause_can_be_extended(files: Files, clock: ManualClock) -> None:
    rate_limiter = rate_limiter_of(files, clock)
    rate_limiter.pause(10)
    rate_limiter.pause(42)
    assert seconds_of(rate_limiter, clock, 1) == [42]


def test_waiting_requests_leave_one_by_one(files: Files, clock: ManualClock) -> None:
    rate_limiter = rate_limiter_of(files, clock, per_minute=60)
    rate_limiter.pause(30)
    assert seconds_of(rate_limiter, clock, 4) == [30, 31, 32, 33]


def test_a_pause_delays_a_thread_that_waits_for_its_slot(files: Files) -> None:
    clock = Interrupted(START)
    rate_limiter = rate_limiter_of(files, clock, per_minute=60, burst=1)
    rate_limiter.acquire()
    clock.then = lambda: rate_limiter.pause(20)
    rate_limiter.acquire()
    assert clock.now() == START + timedelta(seconds=20.5)


def test_a_pause_that_becomes_too_long_is_noticed_soon(files: Files) -> None:
    clock = Interrupted(START)
    rate_limiter = rate_limiter_of(files, clock, max_wait=300)
    rate_limiter.pause(200)
    clock.then = lambda: rate_limiter.pause(3600)
    with pytest.raises(ApiUnavailable):
        rate_limiter.acquire()
    assert clock.now() <= START + timedelta(seconds=10)


def test_a_pause_longer_than_allowed_is_an_error_with_its_end(
    files: Files, clock: ManualClock
) -> None:
    rate_limiter = rate_limiter_of(files, clock, max_wait=300)
    rate_limiter.pause(3600)
    for other in (rate_limiter, rate_limiter_of(files, clock, max_wait=300)):
        with pytest.raises(
            ApiUnavailable, match=r"2026-03-02T10:00:00Z.*WEBEX_MAX_WAIT_SECONDS"
        ) as e:
            other.acquire()
        assert e.value.retry_at == datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    assert clock.slept == []
    clock.advance(minutes=56)
    assert seconds_of(rate_limiter, clock, 1) == [240]


def test_a_pause_of_many_years_does_not_crash(files: Files, clock: ManualClock) -> None:
    rate_limiter = rate_limiter_of(files, clock)
    rate_limiter.pause(1e18)
    with pytest.raises(ApiUnavailable):
        rate_limiter.acquire()


def test_without_a_rate_only_pauses_delay(files: Files, clock: ManualClock) -> None:
    rate_limiter = rate_limiter_of(files, clock, per_minute=0)
    assert seconds_of(rate_limiter, clock, 500)[-1] == 0
    rate_limiter.pause(7)
    assert seconds_of(rate_limiter, clock, 500) == [7] * 500


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"\0" * 5000,
        b"hello world again",
        b"1 2",
        b"1 2 3 4",
        b"nan nan nan",
        b"inf 0 0",
        b"0 inf 0",
        b"0 1e308 0",
        b"1e308 0 1e308",
        b'{"arrival_at": 1}',
        b"99999999999 99999999999 0",
    ],
)
def test_damaged_or_foreign_content_counts_as_none(
    files: Files, clock: ManualClock, content: bytes
) -> None:
    files.replace_bytes("state/pace", content)
    rate_limiter = rate_limiter_of(files, clock, per_minute=60, burst=2)
    assert seconds_of(rate_limiter, clock, 3)[-1] <= 2
    rate_limiter.pause(5)
    assert seconds_of(rate_limiter, clock, 1) == [5]


@given(st.binary(max_size=300))
def test_no_file_content_causes_a_crash_or_a_long_wait(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    clock = ManualClock(START)
    files = Files(tmp_path_factory.mktemp("pace"))
    files.replace_bytes("state/pace", content)
    rate_limiter_of(files, clock).acquire()
    assert clock.now() - START <= timedelta(seconds=2)


def test_a_clock_that_was_set_back_does_not_block(files: Files) -> None:
    ahead = ManualClock(START + timedelta(days=365))
    rate_limiter = rate_limiter_of(files, ahead, per_minute=60, burst=1)
    rate_limiter.acquire()
    rate_limiter.pause(60)
    right = ManualClock(START)
    assert seconds_of(rate_limiter_of(files, right, per_minute=60, burst=1), right, 3) == [
        60,
        61,
        62,
    ]


def test_the_state_of_another_rate_is_limited_to_the_bucket(
    files: Files, clock: ManualClock
) -> None:
    slow = rate_limiter_of(files, clock, per_minute=1, burst=10)
    seconds_of(slow, clock, 15)
    quick = rate_limiter_of(files, clock, per_minute=60, burst=3)
    assert seconds_of(quick, clock, 2) == [1, 2]


@pytest.mark.parametrize("blocked", ["state", "state/pace"])
def test_an_unusable_file_is_a_storage_error(
    files: Files, clock: ManualClock, tmp_path: Path, blocked: str
) -> None:
    path = tmp_path / blocked
    path.parent.mkdir(exist_ok=True)
    if blocked == "state":
        path.write_text("a file where a folder should be")
    else:
        path.symlink_to("/dev/full")
    with pytest.raises(StorageError, match=r"state"):
        rate_limiter_of(files, clock).acquire()


def test_acquiring_a_slot_is_cheap(files: Files) -> None:
    """A few times what changing a small file under a lock costs at all, on this machine.

    Both are measured in turns, in time of the processor, and the best of each counts.
    """
    rate_limiter = rate_limiter_of(files, Clock(), per_minute=1e9)
    file = files.path("bare")

    def bare() -> None:
        with file.open("a+b", buffering=0) as opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            opened.seek(0)
            opened.read(256)
            opened.write(b"0" * 54)
            opened.truncate()

    best = dict.fromkeys((rate_limiter.acquire, bare), math.inf)
    for _ in range(10):
        for step in best:
            started = time.process_time()
            for _ in range(200):
                step()
            best[step] = min(best[step], time.process_time() - started)
    assert best[rate_limiter.acquire] < 8 * best[bare]
