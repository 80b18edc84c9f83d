"""What every kind of state does. A further kind passes the same tests, once it is in KINDS."""

import fcntl
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event

import pytest

from meeting_etl.files import Files
from meeting_etl.state import LocalState, State
from meeting_etl_tests.cluster.kinds import POSTGRES, params, pg_state, start_server
from meeting_etl_tests.processes import begun, run_together


def local(folder: Path) -> State:
    return LocalState(Files(folder))


KINDS = {"local": local, POSTGRES: pg_state}


@pytest.fixture(params=params(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return start_server(request.param, request)


@pytest.fixture
def state(kind: str, tmp_path: Path) -> State:
    return KINDS[kind](tmp_path)


# Locks


def count_in_a_file(kind: str, folder: Path, times: int) -> None:
    state, counter = KINDS[kind](folder), folder / "counter"
    for _ in range(times):
        with state.lock("day-2026-03-02"):
            count = int(counter.read_text())
            counter.write_text(str(count + 1))


def test_one_process_at_a_time_holds_a_lock(kind: str, tmp_path: Path) -> None:
    (tmp_path / "counter").write_text("0")
    run_together(*[(count_in_a_file, (kind, tmp_path, 300))] * 2)
    assert (tmp_path / "counter").read_text() == "600"


def test_one_thread_at_a_time_holds_a_lock(kind: str, tmp_path: Path) -> None:
    (tmp_path / "counter").write_text("0")
    with ThreadPoolExecutor(4) as threads:
        for future in [threads.submit(count_in_a_file, kind, tmp_path, 50) for _ in range(4)]:
            future.result()
    assert (tmp_path / "counter").read_text() == "200"


def hold(kind: str, folder: Path, name: str, ready: Connection) -> None:
    with KINDS[kind](folder).lock(name):
        ready.send(True)
        time.sleep(60)


def test_a_lock_is_free_again_when_its_holder_is_killed(
    kind: str, state: State, tmp_path: Path
) -> None:
    with begun(hold, kind, tmp_path, "ingest") as process:
        assert state.is_locked("ingest")
        with state.lock_if_free("ingest") as lock:
            assert lock is None
        process.kill()
        with state.lock("ingest"):
            pass
    assert not state.is_locked("ingest")


def test_locks_of_other_names_are_free(state: State) -> None:
    with state.lock("day-2026-03-02"), state.lock("day-2026-03-03"):
        assert not state.is_locked("ingest")
        with state.lock_if_free("ingest") as lock:
            assert lock is not None


def test_a_lock_that_is_held_can_be_checked(state: State) -> None:
    with state.lock("ingest") as lock:
        lock.check()
        assert state.is_locked("ingest")
    with state.lock_if_free("ingest") as free:
        assert free is not None
        free.check()
        assert state.is_locked("ingest")
    assert not state.is_locked("ingest")


def test_a_lock_is_free_again_after_an_error(state: State) -> None:
    with pytest.raises(RuntimeError), state.lock("ingest"):
        raise RuntimeError
    assert not state.is_locked("ingest")


def test_a_sweep_takes_no_lock_away(state: State) -> None:
    assert not state.is_locked("run-never")
    with state.lock("run-free"):
        pass
    with state.lock("run-1"):
        state.sweep_locks("run-")
        state.sweep_locks("run-1")
        assert state.is_locked("run-1")
    state.sweep_locks("run-1")
    assert not state.is_locked("run-1")


def count_and_sweep(kind: str, folder: Path, times: int, how: str) -> None:
    """As `count_in_a_file`; whoever has the lock sweeps, and so do all others meanwhile."""
    state, counter = KINDS[kind](folder), folder / "counter"
    for number in range(times):
        if how == "waits":
            with state.lock("recording-1"):
                counter.write_text(str(int(counter.read_text()) + 1))
        else:
            with state.lock_if_free("recording-1") as lock:
                if lock is not None:
                    counter.write_text(str(int(counter.read_text()) + 1))
                    (folder / f"{how}-{number}").touch()
        state.sweep_locks("recording-")


@pytest.mark.slow
def test_locks_exclude_others_while_they_are_swept(kind: str, tmp_path: Path) -> None:
    (tmp_path / "counter").write_text("0")
    run_together(
        (count_and_sweep, (kind, tmp_path, 200, "waits")),
        (count_and_sweep, (kind, tmp_path, 200, "waits")),
        (count_and_sweep, (kind, tmp_path, 200, "tries")),
    )
    counted = 400 + len(list(tmp_path.glob("tries-*")))
    assert (tmp_path / "counter").read_text() == str(counted)


def test_a_lock_whose_file_was_swept_while_it_was_waited_for_excludes_others(
    tmp_path: Path,
) -> None:
    state, path = local(tmp_path), tmp_path / "state/locks/recording-1.lock"
    path.parent.mkdir(parents=True)
    waited_for, done = Event(), Event()

    def wait_for_it() -> None:
        with state.lock("recording-1"):
            waited_for.set()
            done.wait(60)

    with ThreadPoolExecutor(1) as threads:
        with path.open("wb") as swept:
            fcntl.flock(swept, fcntl.LOCK_EX)
            waiting = threads.submit(wait_for_it)
            time.sleep(0.1)
            path.unlink()
        assert waited_for.wait(60)
        assert state.is_locked("recording-1")
        with state.lock_if_free("recording-1") as lock:
            assert lock is None
        done.set()
        waiting.result()


# Values


def test_a_value_is_what_was_put_last(kind: str, state: State, tmp_path: Path) -> None:
    assert state.get("webhooks") is None
    for content in (b"\x00\xff" * 5000, b'{"a":1}\n', b""):
        state.put("webhooks", content)
        assert KINDS[kind](tmp_path).get("webhooks") == content
    assert state.get("catalog") is None
    state.remove("webhooks")
    state.remove("webhooks")
    assert state.get("webhooks") is None


def replace_often(kind: str, folder: Path, ready: Connection) -> None:
    state = KINDS[kind](folder)
    for number in range(10**6):
        state.put("catalog", bytes([number % 200]) * (50_000 + number))
        if number == 0:
            ready.send(True)


def test_a_value_is_whole_while_it_is_replaced_and_after_a_kill(
    kind: str, state: State, tmp_path: Path
) -> None:
    with begun(replace_often, kind, tmp_path) as process:
        seen, end = set[bytes](), time.monotonic() + 60
        while len(seen) < 10 and time.monotonic() < end:
            seen.add(state.get("catalog") or b"")
        process.kill()
        process.join()
        seen.add(state.get("catalog") or b"")
    assert len(seen) >= 10
    for content in seen:
        assert content == bytes([(len(content) - 50_000) % 200]) * len(content)


def count_in_a_value(kind: str, folder: Path, times: int) -> None:
    state = KINDS[kind](folder)
    for _ in range(times):
        with state.swap("tokens", secret=True) as value:
            value.content = str(int(value.content or b"0") + 1).encode()


def test_no_change_of_a_value_is_lost(kind: str, state: State, tmp_path: Path) -> None:
    run_together(*[(count_in_a_value, (kind, tmp_path, 100))] * 2)
    assert state.get("tokens") == b"200"


def test_a_swap_that_fails_changes_nothing(state: State) -> None:
    state.put("reader", b"old")
    with pytest.raises(RuntimeError), state.swap("reader") as value:
        value.content = b"new"
        raise RuntimeError
    assert state.get("reader") == b"old"
    with state.swap("reader") as value:
        assert value.content == b"old"
    assert state.get("reader") == b"old"
    with state.swap("reader") as value:
        value.content = None
    assert state.get("reader") is None


def swap_and_wait(kind: str, folder: Path, ready: Connection) -> None:
    with KINDS[kind](folder).swap("reader") as value:
        value.content = b"new"
        ready.send(True)
        time.sleep(60)


def test_a_swap_that_is_killed_changes_nothing_and_blocks_nobody(
    kind: str, state: State, tmp_path: Path
) -> None:
    state.put("reader", b"old")
    with begun(swap_and_wait, kind, tmp_path) as process:
        assert state.is_locked("reader")
        process.kill()
        with state.swap("reader") as value:
            assert value.content == b"old"
            value.content = b"newer"
    assert state.get("reader") == b"newer"
