from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.meetings.fold import fold
from meeting_etl.pipeline.meetings.merge import with_details
from meeting_etl.pipeline.prune import prune
from meeting_etl.schemas import (
    FETCH_LEDGER,
    INVITEES,
    MEETINGS,
    PARTICIPANTS,
    RECORDINGS,
    WEBHOOK_EVENTS,
    Table,
)
from meeting_etl_tests.pipeline.events import SERIES, LoggedEvent, ended, moment
from meeting_etl_tests.pipeline.folding import MONDAY, ONE, TUESDAY, World


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
    world.fold_everything()
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


def test_a_personal_room_stays_one_although_webex_lists_it_as_a_meeting(world: World) -> None:
    room = {"scheduledType": "personalRoomMeeting"}
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50", **room))
    world.fold()
    stored = world.meetings(MONDAY)[ONE]
    fetched = stored | {
        "scheduled_type": "meeting",
        "title": "Review",
        "fetched_at": moment("2026-03-02 12:00"),
    }
    detailed = with_details(stored, fetched)
    assert (detailed["scheduled_type"], detailed["title"]) == ("personalRoomMeeting", "Review")
    # As a version stored it that took Webex's word.
    world.lake.merge(MEETINGS, MONDAY, [fetched])
    world.fold_everything()
    assert world.meetings(MONDAY)[ONE]["scheduled_type"] == "personalRoomMeeting"


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
        world.lake.merge(INVITEES, MONDAY, [{"meeting_id": meeting_id, "invitee_id": "i"}])
    world.commit_events(ended("2026-03-03 01:00", 1, "2026-03-03 00:10"), log_id="b")
    assert world.ledger.due_days() == [TUESDAY, MONDAY]
    world.fold()
    for day, meeting_id in ((MONDAY, two), (TUESDAY, ONE)):
        for table in (MEETINGS, RECORDINGS, PARTICIPANTS, INVITEES, FETCH_LEDGER):
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
    (item,) = [item for item in world.ledger.items(MONDAY) if item.resource == "recordings"]
    # Nothing was requested yet: the attempts after the end cover it.
    assert (item.opened_by, item.next_attempt_at) == ("end", moment("2026-03-02 11:15"))
    settle(world, moment("2026-03-06 00:00"))
    world.commit_events(undated, log_id="b")
    world.fold()
    (item,) = [item for item in world.ledger.items(MONDAY) if item.resource == "recordings"]
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

    class Watched(Lake):
        @contextmanager
        def try_lock_days(self, days: Iterable[date], *, may_wait: bool) -> Iterator[bool]:
            locked.append(set(days))
            with world.lake.try_lock_days(days, may_wait=may_wait) as is_locked:
                yield is_locked

    list(fold(Watched(world.lake.files), world.ledger, [MONDAY]))
    assert world.meetings(TUESDAY).keys() == {ONE}
    assert locked[-1] == {MONDAY, TUESDAY}


def test_a_pruned_day_stays_empty_when_it_is_folded_by_hand(world: World) -> None:
    """The event outlives the meeting, and a refetch folds all that ever ended there."""
    world.commit_events(ended("2026-03-03 00:05", 1, "2026-03-02 23:55"))
    world.fold()
    prune(world.lake, world.ledger, {"meetings": TUESDAY}, world.clock.now(), dry_run=False)
    world.fold_everything()
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
