"""Several runs share the downloads of a day: each recording is requested and downloaded once."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from meeting_etl.lake import catalog
from meeting_etl.pipeline.days.download_days import download_days
from meeting_etl.pipeline.prune import Pruned, prune
from meeting_etl.pipeline.resources.recording_files import recording_files
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.schemas import RECORDING_FILES
from meeting_etl.settings import Etl
from meeting_etl.times import Clock
from meeting_etl_tests.product import work_off
from meeting_etl_tests.promises.downloads import (
    MEETINGS,
    NOW,
    SIZE,
    Downloads,
    product,
    received_bytes,
)
from meeting_etl_tests.promises.test_download_kills import RECEIVED_TWICE, start
from meeting_etl_tests.served_ui import wait_until

AT_ONCE_ONE = 'recordings = ["video"]\nat_once = 1'


@pytest.fixture(scope="module")
def world() -> World:
    return sized_world(7, NOW - timedelta(days=5), meetings=MEETINGS, participants=2, snippets=4)


@contextmanager
def due_downloads(
    folder: Path, world: World, faults: Faults | None = None, clock: Clock | None = None
) -> Iterator[Downloads]:
    """A product whose tables are filled, and whose downloads are due, one at a time."""
    made = product(folder, world, faults, clock)
    made.settings(AT_ONCE_ONE)
    with made.webex:
        work_off(made.etl())
        made.webex.counters.requests.clear()
        yield made


def download(etl: Etl, run_id: str) -> Counter[str]:
    """Download what is due, as a run does; returns how many had which outcome."""
    spec = recording_files(etl.download_context(), etl.settings.downloads)
    context = etl.fetch_context(run_id, etl.settings.downloads.at_once)
    reports = list(download_days(context, spec, etl.due_downloads()))
    catalog.publish(etl.files, etl.lake)
    return sum((report.of(RECORDING_FILES).outcomes for report in reports), Counter[str]())


def prune_media(etl: Etl) -> list[Pruned]:
    """Remove all files of recordings but those of days to come."""
    tomorrow = etl.clock.now().date() + timedelta(days=1)
    first = {"media": tomorrow}
    return prune(etl.lake, etl.ledger, first, etl.clock.now(), dry_run=False)


def ids(made: Downloads) -> list[str]:
    return sorted(row["recording_id"] for row in made.rows("recordings"))


def lock_of(recording_id: str) -> str:
    return f"recording-{recording_id}"


def requested(made: Downloads) -> Counter[str]:
    """How often the links of each recording were requested."""
    starts = "/v1/recordings/"
    return Counter(
        url.removeprefix(starts).partition("?")[0]
        for url in made.requests()
        if url.startswith(starts)
    )


def test_what_another_run_holds_is_left_to_it(world: World, tmp_path: Path) -> None:
    with due_downloads(tmp_path, world) as made:
        first, *others = ids(made)
        with made.etl().state.lock(lock_of(first)):
            assert download(made.etl(), "one") == {"rows": MEETINGS - 1}
            assert requested(made) == dict.fromkeys(others, 1)
            assert made.etl().due_downloads() != []
        assert download(made.etl(), "two") == {"rows": 1}
        assert requested(made) == dict.fromkeys([first, *others], 1)
        assert made.etl().due_downloads() == []
    made.assert_whole("video", MEETINGS)
    # In files, nothing is left that names a recording.
    assert list(tmp_path.glob("state/locks/recording-*")) == []
    runs = Counter(row["run_id"] for row in rows_with_run_ids(made))
    assert runs == {"one": MEETINGS - 1, "two": 1}


def rows_with_run_ids(made: Downloads) -> list[dict[str, str]]:
    lake = made.etl().lake
    return [
        row
        for day in lake.days(RECORDING_FILES)
        for row in lake.read(RECORDING_FILES, day).to_pylist()
    ]


@pytest.mark.slow
@pytest.mark.postgres
def test_two_runs_share_a_day(world: World, tmp_path: Path) -> None:
    """Each has read what is due before the other has committed any of it."""
    with due_downloads(tmp_path, world, Faults(slow_media=SIZE * 10)) as made:
        with ThreadPoolExecutor(2) as pool:
            one, two = pool.map(lambda run_id: download(made.etl(), run_id), ["one", "two"])
        assert one.total() + two.total() == MEETINGS
        assert min(one.total(), two.total()) > 0
        assert requested(made) == dict.fromkeys(ids(made), 1)
        assert len(made.webex.counters.media_requests) == MEETINGS
        made.assert_whole("video", MEETINGS)
        assert made.leftovers() == []


@pytest.mark.slow
def test_what_was_settled_meanwhile_is_not_written(world: World, tmp_path: Path) -> None:
    with (
        due_downloads(tmp_path, world, Faults(slow_media=SIZE // 2)) as made,
        ThreadPoolExecutor(1) as pool,
    ):
        etl, seen = made.etl(), made.webex.counters.media_requests
        downloading = pool.submit(download, made.etl(), "one")
        wait_until(lambda: bool(seen))
        (day,) = etl.due_downloads()
        with etl.lake.lock_days([day]):
            etl.ledger.settle_pruned(day, RECORDING_FILES)
        assert downloading.result() == {}
        assert len(seen) == 1
    assert made.states() == {("absent", "pruned"): MEETINGS}
    assert made.rows("recording_files") == []
    assert [path.name for path in tmp_path.glob("media/*/*")] == []


@pytest.mark.slow
def test_prune_leaves_alone_what_is_being_downloaded_and_removes_all_else(
    world: World, tmp_path: Path
) -> None:
    with due_downloads(tmp_path, world, Faults(slow_media=SIZE // 2)) as made:
        etl, seen = made.etl(), made.webex.counters.media_requests
        with ThreadPoolExecutor(1) as pool:
            downloading = pool.submit(download, made.etl(), "one")
            wait_until(lambda: len(seen) == 2)
            (pruned,) = prune_media(etl)
            assert pruned.files == 1
            assert downloading.result() == {"rows": 2}
        assert len(seen) == 2
        assert made.states() == {("absent", "pruned"): MEETINGS - 1, ("ready", "complete"): 1}
        kept, removed = sorted(
            made.rows("recording_files"), key=lambda row: row["removed_at"] is not None
        )
        assert (tmp_path / kept["path"]).stat().st_size == SIZE
        assert removed["removed_because"] == "pruned"
        assert len(list(tmp_path.glob("media/*/*"))) == 1
        (pruned,) = prune_media(etl)
        assert pruned.files == 1
        assert list(tmp_path.glob("media/*/*")) == []
        assert made.states() == {("absent", "pruned"): MEETINGS}
        assert made.etl().due_downloads() == []


@pytest.mark.slow
@pytest.mark.postgres
def test_a_killed_run_leaves_its_recording_to_the_others(tmp_path: Path) -> None:
    """Another run resumes it, in the same run; nothing is sent from its beginning again."""
    size, clock = 24_000_000, Clock()
    world = sized_world(3, clock.now() - timedelta(days=5), meetings=3, participants=1, snippets=1)
    made = product(tmp_path, world, Faults(slow_media=size // 4), clock, size_bytes=size)
    made.settings(AT_ONCE_ONE)
    with made.webex as webex:
        seen = webex.counters.media_requests
        with start(made) as killed, start(made) as other:
            wait_until(
                lambda: [each > size // 4 for each in received_bytes(tmp_path)] == [True] * 2
            )
            os.killpg(killed.pid, signal.SIGKILL)
            assert killed.wait() == -signal.SIGKILL
            received = min(received_bytes(tmp_path))
            assert other.wait(120) == 0
        made.assert_whole("video", 3)
        assert len(seen) == 4
        (resumed,) = [each.range_start for each in seen if each.range_start]
        assert resumed > received - RECEIVED_TWICE
        assert made.leftovers() == []
        assert made.etl().due_downloads() == []
