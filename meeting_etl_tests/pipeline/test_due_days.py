"""What every kind of queue does. A further kind passes the same tests, once it is in KINDS."""

import json
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.pipeline.ledger.due_days import DueDay, FileQueue, Queue
from meeting_etl.state import LocalState
from meeting_etl_tests.cluster.kinds import POSTGRES, params, pg_queue, start_server
from meeting_etl_tests.processes import begun, run_together

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def local(folder: Path) -> Queue:
    files = Files(folder)
    return FileQueue(files, LocalState(files))


KINDS = {"local": local, POSTGRES: pg_queue}


@pytest.fixture(params=params(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return start_server(request.param, request)


@pytest.fixture
def queue(kind: str, tmp_path: Path) -> Queue:
    return KINDS[kind](tmp_path)


def announce(queue: Queue, day: date, meeting_id: str) -> None:
    with queue.swap(day) as work:
        news = {**work.due.news, meeting_id: ("recordings",)}
        work.due = replace(work.due, version=work.due.version + 1, news=news)


def test_open_work_is_what_was_written_last(kind: str, queue: Queue, tmp_path: Path) -> None:
    assert (queue.due_day(MONDAY), queue.open_days()) == (DueDay(), {})
    for due in (
        DueDay(version=1, news={"a": ("meetings", "recordings"), "b": ()}),
        DueDay(due_at=NOON, version=2),
        DueDay(files_due_at=NOON, version=3),
        DueDay(version=4, everything=True),
    ):
        with queue.swap(MONDAY) as work:
            work.due = due
        other = KINDS[kind](tmp_path)
        assert (other.due_day(MONDAY), other.open_days()) == (due, {MONDAY: due})


def test_news_of_an_earlier_version_are_of_all_resources(tmp_path: Path) -> None:
    old = {"due_at": None, "version": 1, "news": ["a", "b"]}
    (tmp_path / "lake/due_days").mkdir(parents=True)
    (tmp_path / f"lake/due_days/{MONDAY}.json").write_text(json.dumps(old))
    found = local(tmp_path).due_day(MONDAY)
    resources = ("meetings", "recordings", "meetingTranscripts")
    assert (found.version, found.news) == (1, {"a": resources, "b": resources})


def test_open_days_are_the_newest_first(queue: Queue) -> None:
    for day in (TUESDAY, MONDAY, WEDNESDAY):
        announce(queue, day, "a")
    assert [*queue.open_days()] == [WEDNESDAY, TUESDAY, MONDAY]


def test_a_day_without_open_work_is_closed(queue: Queue) -> None:
    announce(queue, MONDAY, "a")
    with queue.swap(MONDAY) as work:
        work.due = replace(work.due, news={})
    with queue.swap(TUESDAY) as work:
        assert work.due == DueDay()
    assert queue.open_days() == {}


def announce_many(kind: str, folder: Path, name: str) -> None:
    queue = KINDS[kind](folder)
    for number in range(60):
        announce(queue, MONDAY, f"{name}{number:02}")


def test_no_news_is_lost_when_two_announce_at_once(kind: str, queue: Queue, tmp_path: Path) -> None:
    run_together(*[(announce_many, (kind, tmp_path, name)) for name in "ab"])
    due = queue.due_day(MONDAY)
    assert set(due.news) == {f"{name}{number:02}" for name in "ab" for number in range(60)}
    assert due.version == 120


def test_a_change_that_fails_leaves_the_day_as_it_was(queue: Queue) -> None:
    announce(queue, MONDAY, "a")
    with pytest.raises(RuntimeError), queue.swap(MONDAY) as work:
        work.due = DueDay()
        raise RuntimeError
    assert queue.due_day(MONDAY).news == {"a": ("recordings",)}


def change_and_wait(kind: str, folder: Path, ready: Connection) -> None:
    with KINDS[kind](folder).swap(MONDAY) as work:
        work.due = DueDay()
        ready.send(True)
        time.sleep(60)


def test_a_change_that_is_killed_loses_no_news_and_blocks_nobody(
    kind: str, queue: Queue, tmp_path: Path
) -> None:
    announce(queue, MONDAY, "a")
    with begun(change_and_wait, kind, tmp_path) as process:
        assert queue.due_day(MONDAY).news == {"a": ("recordings",)}
        process.kill()
        announce(queue, MONDAY, "b")
    assert queue.due_day(MONDAY).news.keys() == {"a", "b"}


def test_days_before_the_floor_are_closed_and_stay_closed(
    kind: str, queue: Queue, tmp_path: Path
) -> None:
    assert queue.floor() == date.min
    for day in (MONDAY, TUESDAY):
        announce(queue, day, "a")
    queue.raise_floor(TUESDAY)
    queue.raise_floor(MONDAY)  # it never falls
    assert KINDS[kind](tmp_path).floor() == TUESDAY
    announce(queue, MONDAY, "b")
    assert queue.due_day(MONDAY) == DueDay()
    assert [*queue.open_days()] == [TUESDAY]


def raise_floor(kind: str, folder: Path) -> None:
    KINDS[kind](folder).raise_floor(TUESDAY)


def test_news_that_come_while_the_floor_rises_open_no_day_before_it(
    kind: str, queue: Queue, tmp_path: Path
) -> None:
    run_together(
        (announce_many, (kind, tmp_path, "a")),
        (raise_floor, (kind, tmp_path)),
        (announce_many, (kind, tmp_path, "b")),
    )
    assert queue.due_day(MONDAY) == DueDay()
