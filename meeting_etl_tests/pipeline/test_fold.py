import itertools
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.meeting_index import MeetingIndex
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.ledger.schedule import AttemptSchedule
from meeting_etl.pipeline.meetings.fold import fold
from meeting_etl.pipeline.prune import prune
from meeting_etl.pipeline.resources.all_resources import OPENED_BY
from meeting_etl.schemas import (
    FETCH_LEDGER,
    MEETINGS,
    PARTICIPANTS,
    RECORDINGS,
    WEBHOOK_EVENTS,
    Table,
)
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.pipeline.events import SERIES, LoggedEvent, commit_events, ended, moment

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
ONE = f"{SERIES}_I_1"


class World:
    """A lake with a ledger at a given time."""

    def __init__(self, folder: Path, now: str = "2026-03-10 00:00") -> None:
        files = Files(folder)
        self.clock = ManualClock(moment(now))
        self.lake = Lake(files)
        self.ledger = Ledger(
            self.lake,
            files,
            self.clock,
            AttemptSchedule(),
            opened_by=OPENED_BY,
            off=["meeting_summaries"],
        )

    def commit_events(self, *events: LoggedEvent, log_id: str = "log") -> None:
        commit_events(self.lake, self.ledger, events, log_id=log_id)

    def fold(self, *days: date) -> None:
        list(fold(self.lake, self.ledger, days or self.ledger.due_days()))

    def meetings(self, day: date) -> dict[str, dict[str, Any]]:
        return {row["meeting_id"]: row for row in self.lake.read(MEETINGS, day).to_pylist()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_ended_event_is_a_meeting_of_the_day_it_ended(world: World) -> None:
    world.commit_events(
        ended(
            "2026-03-03 00:05",
            1,
            "2026-03-02 23:55",
            start="2026-03-02T23:00:00Z",
            hostEmail="dana@sales.example",
            siteUrl="sales.webex.example",
            orgId="55c5ae3f-8d7f-427b-a4f9-5e3cb3dddf7b",
        )
    )
    world.fold()
    (row,) = world.meetings(MONDAY).values()
    assert row["meeting_id"] == ONE
    assert row["meeting_series_id"] == SERIES
    assert row["started_at"] == moment("2026-03-02 23:00")
    assert (row["ended_at"], row["duration_seconds"]) == (moment("2026-03-02 23:55"), 3300)
    assert row["host_email_domain"] == "sales.example"
    assert (row["delivery_count"], row["origin"]) == (1, "webhook")
    assert row["first_received_at"] == moment("2026-03-03 00:05")
    assert (row["title"], row["has_recording"]) == (None, None)


@settings(max_examples=25)
@given(st.permutations(range(4)), st.integers(1, 4))
def test_any_order_and_split_of_deliveries_folds_into_the_same_row(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], cut: int
) -> None:
    events = [
        ended("2026-03-02 11:00", 1, "2026-03-02 10:50", title="first"),
        ended("2026-03-02 12:00", 1, "2026-03-02 10:55", title="corrected"),
        ended("2026-03-02 11:00", 1, "2026-03-02 10:50", title="first"),
        ended(None, 1, "2026-03-02 11:40", title="undated", meetingNumber="77"),
    ]
    world = World(tmp_path_factory.mktemp("lake"))
    shuffled = [events[number] for number in order]
    world.commit_events(*shuffled[:cut], log_id="a")
    world.fold()
    world.commit_events(*shuffled[cut:], log_id="b")
    world.fold()
    (row,) = world.meetings(MONDAY).values()
    # The latest received event counts; what it lacks is taken from the others.
    assert (row["title"], row["ended_at"]) == ("corrected", moment("2026-03-02 10:55"))
    assert (row["meeting_number"], row["delivery_count"]) == ("77", 4)
    assert row["first_received_at"] == moment("2026-03-02 11:00")


def test_folding_again_changes_nothing(world: World) -> None:
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    world.fold()
    before = world.meetings(MONDAY), world.ledger.items(MONDAY)
    world.fold(MONDAY)
    list(fold(world.lake, world.ledger, [MONDAY], refetch=True))
    assert (world.meetings(MONDAY), world.ledger.items(MONDAY)) == before


def test_a_started_event_adds_what_the_ended_event_lacks(world: World) -> None:
    started = {"id": ONE, "start": "2026-03-02T10:00:00Z", "title": "Pipeline review"}
    world.commit_events(LoggedEvent("2026-03-02 10:00", "started", started))
    world.fold(MONDAY)
    assert world.meetings(MONDAY) == {}
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"), log_id="b")
    world.fold()
    (row,) = world.meetings(MONDAY).values()
    assert (row["title"], row["duration_seconds"]) == ("Pipeline review", 3000)
    assert (row["state"], row["delivery_count"]) == (None, 1)


def test_values_of_the_api_are_kept(world: World) -> None:
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    world.fold()
    row = world.meetings(MONDAY)[ONE] | {"has_recording": True}
    world.lake.merge(MEETINGS, MONDAY, [row])
    world.commit_events(ended("2026-03-02 12:00", 1, "2026-03-02 10:50"), log_id="b")
    world.fold()
    row = world.meetings(MONDAY)[ONE]
    assert (row["has_recording"], row["delivery_count"]) == (True, 2)


def test_each_meeting_opens_its_work_items_with_a_first_attempt(world: World) -> None:
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    world.fold()
    items = world.ledger.items(MONDAY)
    assert [item.resource for item in items] == [
        "meeting",
        "participants",
        "recordings",
        "transcripts",
    ]
    assert {item.next_attempt_at for item in items} == {moment("2026-03-02 11:15")}
    assert {(item.status, item.reason) for item in items} == {("waiting", "not_asked_yet")}


def test_a_corrected_end_moves_all_rows_of_the_meeting(world: World) -> None:
    world.commit_events(
        ended("2026-03-02 11:00", 1, "2026-03-02 10:50"),
        ended("2026-03-02 12:00", 2, "2026-03-02 11:00"),
    )
    world.fold()
    two = f"{SERIES}_I_2"
    for meeting_id in (ONE, two):
        world.lake.merge(
            RECORDINGS, MONDAY, [{"recording_id": meeting_id[-1], "meeting_id": meeting_id}]
        )
        person = {"meeting_id": meeting_id, "participant_id": "p"}
        world.lake.merge(PARTICIPANTS, MONDAY, [person])
    world.commit_events(ended("2026-03-03 01:00", 1, "2026-03-03 00:10"), log_id="b")
    assert world.ledger.due_days() == [TUESDAY, MONDAY]
    world.fold()
    for day, meeting_id in ((MONDAY, two), (TUESDAY, ONE)):
        for table in (MEETINGS, RECORDINGS, PARTICIPANTS, FETCH_LEDGER):
            rows = world.lake.read(table, day, columns=["meeting_id"])
            assert set(rows["meeting_id"].to_pylist()) == {meeting_id}, (table.name, day)
    assert world.meetings(TUESDAY)[ONE]["delivery_count"] == 2


def test_days_without_news_are_not_due_after_folding(world: World) -> None:
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    assert world.ledger.due_days() == [MONDAY]
    world.fold()
    # Its work items are due now; when they have settled, the day is no longer due.
    assert world.ledger.open_days()[MONDAY].due_at == moment("2026-03-02 11:15")
    world.lake.merge(FETCH_LEDGER, MONDAY, [], replacing={"meeting_id": [ONE]})
    world.ledger.refresh(MONDAY)
    assert world.ledger.open_days() == {}


def test_news_that_arrives_while_a_day_is_folded_is_kept(world: World) -> None:
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    seen = world.ledger.due_day(MONDAY)
    world.commit_events(ended("2026-03-02 11:00", 2, "2026-03-02 10:50"), log_id="b")
    world.ledger.refresh(MONDAY, seen)
    assert set(world.ledger.due_day(MONDAY).news) == {ONE, f"{SERIES}_I_2"}


def test_an_event_about_a_recording_reopens_exactly_that_work_item(world: World) -> None:
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    world.fold()
    settle(world, moment("2026-03-06 00:00"))
    late = LoggedEvent("2026-03-09 08:01", "created", {"id": "r", "meetingId": ONE}, "recordings")
    world.commit_events(late, log_id="b")
    world.fold()
    due = {item.resource: item.next_attempt_at for item in world.ledger.items(MONDAY)}
    assert due == {
        "meeting": None,
        "participants": None,
        "recordings": moment("2026-03-09 08:01"),
        "transcripts": None,
    }
    # Folding the same event again reopens nothing.
    settle(world, world.clock.now())
    world.fold(MONDAY)
    assert world.ledger.due_days() == []


def test_an_undated_event_reopens_a_work_item_from_its_fold_on(world: World) -> None:
    undated = LoggedEvent(None, "created", {"id": "r", "meetingId": ONE}, "recordings")
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"), undated)
    world.fold()
    (item,) = [one for one in world.ledger.items(MONDAY) if one.resource == "recordings"]
    # Nothing was requested yet: the attempts after the end cover it.
    assert (item.opened_by, item.next_attempt_at) == ("end", moment("2026-03-02 11:15"))
    settle(world, moment("2026-03-06 00:00"))
    world.commit_events(undated, log_id="b")
    world.fold()
    (item,) = [one for one in world.ledger.items(MONDAY) if one.resource == "recordings"]
    assert item.next_attempt_at == world.clock.now()


def settle(world: World, at: datetime) -> None:
    """As if all work items had had their last attempt at this moment."""
    items = world.ledger.items(MONDAY)
    done: dict[str, Any] = {
        "settled": True,
        "attempts": 1,
        "next_attempt_at": None,
        "last_attempt_at": at,
    }
    world.ledger.record(MONDAY, [replace(item, **done) for item in items])


def test_an_event_that_the_index_does_not_know_yet_moves_nothing_without_the_lock(
    world: World,
) -> None:
    """Ingest commits events before the index: a fold in between sees an end without a mention."""
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    index = world.lake.files.path("lake/meeting_index")
    known = {path: path.read_bytes() for path in index.rglob("*") if path.is_file()}
    world.commit_events(ended("2026-03-02 12:00", 1, "2026-03-03 00:10"), log_id="b")
    for path in list(index.rglob("*.parquet")):
        path.unlink()
    for path, content in known.items():
        path.write_bytes(content)
    world.ledger.refresh(TUESDAY, world.ledger.due_day(TUESDAY))
    locked: list[set[date]] = []
    lock_days = world.lake.lock_days

    class Watched(Lake):
        @contextmanager
        def lock_days(self, days: Iterable[date]) -> Iterator[None]:
            locked.append(set(days))
            with lock_days(days):
                yield

    list(fold(Watched(world.lake.files), world.ledger, [MONDAY]))
    assert world.meetings(TUESDAY).keys() == {ONE}
    assert locked[-1] == {MONDAY, TUESDAY}


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
    (index / "complete").unlink()
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


def test_a_pruned_day_stays_empty_when_it_is_folded_by_hand(world: World) -> None:
    """The event outlives the meeting, and a refetch folds all that ever ended there."""
    world.commit_events(ended("2026-03-03 00:05", 1, "2026-03-02 23:55"))
    world.fold()
    prune(world.lake, TUESDAY, world.clock.now(), media_only=False, dry_run=False)
    list(fold(world.lake, world.ledger, [MONDAY], refetch=True))
    assert (world.meetings(MONDAY), world.ledger.items(MONDAY)) == ({}, [])


def test_events_of_participants_are_not_read_to_fold(world: World) -> None:
    """There are two for each person: in a large meeting nearly all events are theirs."""
    joined = LoggedEvent(
        "2026-03-02 10:01", "joined", {"id": "p", "meetingId": ONE}, "meetingParticipants"
    )
    world.commit_events(joined, ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    read: list[int] = []

    class Watched(Lake):
        def read(self, table: Table, *arguments: Any, **more: Any) -> pa.Table:
            rows = super().read(table, *arguments, **more)
            if table is WEBHOOK_EVENTS:
                read.append(rows.num_rows)
            return rows

    list(fold(Watched(world.lake.files), world.ledger, [MONDAY]))
    assert world.meetings(MONDAY).keys() == {ONE}
    assert set(read) == {1}


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
    pruned = prune(world.lake, TUESDAY, world.clock.now(), media_only=False, dry_run=False)
    assert {one.what: one.days for one in pruned}["meetings"] == 1
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
