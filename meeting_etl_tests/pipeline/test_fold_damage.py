"""Folds with lost, damaged and stray files lose no news."""

import itertools
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from meeting_etl.errors import StorageError
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.meeting_index import MeetingIndex
from meeting_etl.pipeline.meetings.fold import fold
from meeting_etl.pipeline.prune import prune
from meeting_etl.schemas import MEETINGS, PARTICIPANTS, WEBHOOK_EVENTS, Table
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.pipeline.events import SERIES, ended, moment
from meeting_etl_tests.pipeline.folding import MONDAY, ONE, TUESDAY, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_index_that_is_lost_before_a_fold_is_rebuilt(world: World) -> None:
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    shutil.rmtree(world.lake.files.path("lake/meeting_index"))
    world.fold()
    assert world.meetings(MONDAY).keys() == {ONE}


def test_an_incomplete_index_is_rebuilt(world: World) -> None:
    events = [ended("2026-03-02 11:00", number, "2026-03-02 10:50") for number in range(1, 9)]
    world.commit_events(*events)
    MeetingIndex(world.lake).rebuild_if_incomplete()
    index = world.lake.files.path("lake/meeting_index")
    (index / "_complete").unlink()
    next(index.glob("*/*.parquet")).unlink()
    world.fold()
    assert len(world.meetings(MONDAY)) == 8


def test_a_lost_table_of_meetings_is_rebuilt_from_the_events(world: World) -> None:
    days = [MONDAY, TUESDAY]
    for number, day in enumerate(days, 1):
        world.commit_events(ended(f"{day} 11:00", number, f"{day} 10:50"), log_id=str(number))
    world.fold()
    before = [world.meetings(day) for day in days]
    shutil.rmtree(world.lake.files.path("lake/meetings"))
    world.fold(*days)
    assert [world.meetings(day) for day in days] == before


def test_a_damaged_due_day_loses_no_news(world: World) -> None:
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    world.lake.files.path(f"lake/due_days/{MONDAY}.json").write_text("{torn")
    assert world.ledger.due_days() == [MONDAY]
    world.fold(MONDAY)
    assert len(world.meetings(MONDAY)) == 1


def test_a_damaged_shard_of_the_index_is_rebuilt_by_the_next_run(world: World) -> None:
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    world.fold()
    world.commit_events(ended("2026-03-02 11:01", 1, "2026-03-02 10:51"))
    [shard] = world.lake.files.path("lake/meeting_index").glob("shard=*/part-0.parquet")
    shard.write_bytes(b"torn")
    with pytest.raises(StorageError, match="Run again"):
        world.fold(MONDAY)
    world.fold(MONDAY)
    [meeting] = world.meetings(MONDAY).values()
    assert meeting["ended_at"] == moment("2026-03-02 10:51")


def test_a_stray_file_among_the_due_days_is_ignored(world: World) -> None:
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    world.lake.files.path("lake/due_days/notes.json").write_text("mine")
    assert world.ledger.due_days() == [MONDAY]


@pytest.mark.slow
def test_an_index_is_rebuilt_in_bounded_memory(world: World) -> None:
    """Waiting mentions are written before the events of the next day are read."""
    for day, count in ((MONDAY, 210_000), (TUESDAY, 1)):
        columns = {
            "log_id": pa.array(["log"] * count),
            "byte_offset": pa.array(range(count), pa.int64()),
            "resource": pa.array(["meetings"] * count),
            "meeting_id": pa.array([f"{SERIES}_I_{number}" for number in range(count)]),
        }
        rows = [
            columns[field.name].cast(field.type)
            if field.name in columns
            else pa.nulls(count, field.type)
            for field in WEBHOOK_EVENTS.schema
        ]
        world.lake.replace(WEBHOOK_EVENTS, day, pa.table(rows, schema=WEBHOOK_EVENTS.schema))
    steps: list[date | str] = []

    class Watched(Lake):
        def read(self, table: Table, partition: Any = None, **more: Any) -> pa.Table:
            if table is WEBHOOK_EVENTS:
                steps.append(partition)
            return super().read(table, partition, **more)

        def merge(self, table: Table, *arguments: Any, **more: Any) -> bool:
            if steps[-1] != "written":
                steps.append("written")
            return super().merge(table, *arguments, **more)

    MeetingIndex(Watched(world.lake.files)).rebuild_if_incomplete()
    assert steps == [MONDAY, "written", TUESDAY, "written"]


@pytest.mark.slow
def test_a_move_that_fails_at_any_write_keeps_the_rows_of_the_new_day(tmp_path: Path) -> None:
    """When Tuesday already has a response, Monday's rows are the older ones."""
    for fails_at in itertools.count():
        world = World(tmp_path / str(fails_at))
        world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
        world.fold()
        person, left_at = {"meeting_id": ONE, "participant_id": "p"}, moment("2026-03-02 10:45")
        world.lake.merge(PARTICIPANTS, MONDAY, [person, person | {"participant_id": "q"}])
        world.lake.merge(PARTICIPANTS, TUESDAY, [person | {"left_at": left_at}])
        world.commit_events(ended("2026-03-03 01:00", 1, "2026-03-03 00:10"), log_id="b")
        files = FaultyFiles(tmp_path / str(fails_at), fails_at)
        with suppress(StorageError):
            list(fold(Lake(files), world.ledger, [TUESDAY, MONDAY]))
        list(fold(Lake(files), world.ledger, [TUESDAY, MONDAY]))
        rows = world.lake.read(PARTICIPANTS, TUESDAY).to_pylist()
        known = {row["participant_id"]: row["left_at"] for row in rows}
        assert known == {"p": left_at, "q": None}, f"after a failure of write {fails_at}"
        assert world.lake.read(PARTICIPANTS, MONDAY).num_rows == 0
        if files.writes <= fails_at:
            break
    assert fails_at > 6


@pytest.mark.parametrize("name", ["notes.json", "20260302.json", "2026-W10-1.json"])
def test_a_file_of_another_name_is_not_a_due_day(world: World, name: str) -> None:
    world.lake.files.replace_bytes(f"lake/due_days/{name}", b"mine")
    assert world.ledger.open_days() == {}


@pytest.mark.parametrize("value", ["junk", "20260302", "2026-02-30", "2026-03-02 (copy)"])
def test_a_stray_folder_beside_the_days_is_ignored(world: World, value: str) -> None:
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    for table in ("webhook_events/received_date", "meetings/date", "fetch_ledger/date"):
        world.lake.files.path(f"lake/{table}={value}").mkdir(parents=True)
    world.lake.files.path("lake/recording_files/date=junk.txt").parent.mkdir()
    world.lake.files.path("lake/recording_files/date=junk.txt").write_text("mine")
    shutil.rmtree(world.lake.files.path("lake/meeting_index"))
    world.fold()
    assert world.meetings(MONDAY).keys() == {ONE}
    assert world.ledger.days() == [MONDAY]
    pruned = prune(
        world.lake, world.ledger, {"meetings": TUESDAY}, world.clock.now(), dry_run=False
    )
    assert {report.what: report.days for report in pruned}["meetings"] == 1
    assert world.lake.files.path(f"lake/meetings/date={value}").is_dir()


def test_a_due_day_damaged_while_waiting_for_the_lock_loses_no_news(world: World) -> None:
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    # Without any meeting, every meeting that ever ended would be folded anyway.
    world.lake.merge(MEETINGS, TUESDAY, [{"meeting_id": "other"}])

    class Damaging(Lake):
        @contextmanager
        def lock_days(self, days: Iterable[date]) -> Iterator[None]:
            self.files.path(f"lake/due_days/{MONDAY}.json").write_text("{torn")
            with super().lock_days(days):
                yield

    list(fold(Damaging(world.lake.files), world.ledger, [MONDAY]))
    assert world.meetings(MONDAY).keys() == {ONE}
