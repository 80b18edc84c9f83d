"""Locks in PostgreSQL: what threads, timeouts, settings of the server and forks do to them."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from meeting_etl.errors import LockLost
from meeting_etl_tests.cluster.kinds import pg_bucket, pg_state
from meeting_etl_tests.cluster.sessions import end_sessions, select, session

pytestmark = pytest.mark.cluster
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


@pytest.fixture
def url(postgres: str) -> Iterator[str]:
    yield postgres
    end_sessions(postgres)


def test_a_wait_that_times_out_as_it_is_granted_leaves_no_lock(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meeting_etl.postgres.state._WAIT_MILLISECONDS", 1)
    state = pg_state(tmp_path)

    def take_turns(_: int) -> None:
        for _ in range(200):
            with state.lock("day-2026-03-02"):
                time.sleep(0.0009)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(take_turns, range(3)))
    assert select(url, LOCKS) == [(0,)]


def test_waiting_for_a_lock_is_no_error_in_the_log_of_the_server(url: str, tmp_path: Path) -> None:
    ((data,),) = select(url, "SHOW data_directory")
    log = Path(data).parent / "log"
    written_before = log.stat().st_size
    one, other = pg_state(tmp_path), pg_state(tmp_path)

    def take() -> None:
        with other.lock("ingest"):
            pass

    with ThreadPoolExecutor(1) as threads:
        with one.lock("ingest"):
            taken = threads.submit(take)
            time.sleep(1.3)
            assert not taken.done()
        taken.result(60)
    assert b"ERROR" not in log.read_bytes()[written_before:]


def test_a_row_is_waited_for_longer_than_a_signal(url: str, tmp_path: Path) -> None:
    """A connection that waited for a lock before, and a rate that others use meanwhile."""
    state, bucket = pg_state(tmp_path), pg_bucket(tmp_path, requests_per_minute=60)
    bucket._database = state._database  # type: ignore[attr-defined]
    assert bucket.take() == 0
    with state.lock("ingest"):
        pass
    with session(url) as cursor, ThreadPoolExecutor(1) as threads:
        cursor.execute("BEGIN")
        cursor.execute("SELECT FROM buckets FOR UPDATE")
        taken = threads.submit(bucket.take)
        time.sleep(0.8)
        cursor.execute("COMMIT")
        assert taken.result(60) == 0


def test_a_lock_that_another_thread_released_was_not_lost(url: str, tmp_path: Path) -> None:
    """A block that ends with an error closes the connection of its lock."""
    state, errors, stop = pg_state(tmp_path), [], threading.Event()

    def fail_again_and_again() -> None:
        while not stop.is_set():
            with pytest.raises(ValueError), state.lock("day-2026-03-02"):  # noqa: PT011
                raise ValueError

    def write_again_and_again() -> None:
        try:
            with state.lock("day-2026-03-03"):
                for _ in range(1500):
                    state.check_held()
        except LockLost as error:
            errors.append(error)
        stop.set()

    with ThreadPoolExecutor(2) as threads:
        for future in [threads.submit(fail_again_and_again), threads.submit(write_again_and_again)]:
            future.result()
    assert errors == []


def test_who_lost_a_lock_knows_it_although_another_thread_has_it_now(
    url: str, tmp_path: Path
) -> None:
    state, other_has_it, checked = pg_state(tmp_path), threading.Event(), threading.Event()

    def take() -> None:
        with state.lock("day-2026-03-02"):
            other_has_it.set()
            checked.wait(60)

    with ThreadPoolExecutor(1) as threads:
        with state.lock("day-2026-03-02"):
            end_sessions(url)
            taken = threads.submit(take)
            assert other_has_it.wait(60)
            with pytest.raises(LockLost):
                state.check_held()
            checked.set()
        taken.result()
    state.check_held()


def test_limits_of_the_role_end_no_lock(url: str, tmp_path: Path) -> None:
    limits = {"idle_session_timeout": "300ms", "statement_timeout": "200ms", "lock_timeout": "1ms"}
    with session(url) as cursor:
        for name, limit in limits.items():
            cursor.execute(f"ALTER ROLE postgres SET {name} = '{limit}'")
    try:
        state = pg_state(tmp_path)
        with ThreadPoolExecutor(1) as threads, state.lock("day-2026-03-02") as lock:
            waiting = threads.submit(wait_for, tmp_path)
            time.sleep(1)
            lock.check()
            assert not waiting.done()
        assert waiting.result(60) is None
    finally:
        with session(url) as cursor:
            cursor.execute("ALTER ROLE postgres RESET ALL")


def wait_for(folder: Path) -> None:
    with pg_state(folder).lock("day-2026-03-02"):
        pass


def test_a_fork_talks_over_connections_of_its_own(url: str, tmp_path: Path) -> None:
    state = pg_state(tmp_path)
    state.put("before", b"1")  # leaves a connection to be used again
    sessions = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE application_name = 'meeting_etl' AND query LIKE 'INSERT INTO state_values%%'"
    )
    done, tell_done = os.pipe()
    end, tell_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            state.put("child", b"2")
            os.write(tell_done, b".")
            os.read(end, 1)
        finally:
            os._exit(0)
    assert os.read(done, 1) == b"."
    assert select(url, sessions) == [(2,)]
    os.write(tell_end, b".")
    os.waitpid(child, 0)
    for file in (done, tell_done, end, tell_end):
        os.close(file)
    assert state.get("child") == b"2"
