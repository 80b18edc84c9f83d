"""Pruned events: what the stored meeting knows of them stays, and late events find it."""

import shutil
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.lake.meeting_index import MeetingIndex
from meeting_etl.pipeline.prune import prune
from meeting_etl.schemas import WEBHOOK_EVENTS
from meeting_etl_tests.pipeline.events import LoggedEvent, ended, moment
from meeting_etl_tests.pipeline.folding import MONDAY, ONE, TUESDAY, World

NOW = moment("2026-03-10 04:15")


def late_duplicate(world: World) -> dict[str, Any]:
    """The meeting after a further delivery of its end, with another host."""
    again = ended("2026-03-09 12:00", 1, "2026-03-02 10:50", hostEmail="ben@sales.example")
    world.commit_events(again, log_id="b")
    world.fold()
    return world.meetings(MONDAY)[ONE]


def test_a_late_event_lowers_no_count_of_pruned_events(tmp_path: Path) -> None:
    world = World(tmp_path)
    first, second = "2026-03-02 11:00", "2026-03-02 11:05"
    world.commit_events(ended(first, 1, "2026-03-02 10:50"), ended(second, 1, "2026-03-02 10:50"))
    world.fold()
    prune(world.lake, world.ledger, {"events": TUESDAY}, NOW, dry_run=False)
    assert world.lake.count(WEBHOOK_EVENTS, MONDAY) == 0
    row = late_duplicate(world)
    assert (row["delivery_count"], row["first_received_at"]) == (2, moment(first))
    assert row["host_email"] == "ben@sales.example"


@pytest.mark.slow
def test_without_pruned_events_deliveries_are_counted(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    world.fold()
    row = late_duplicate(world)
    assert (row["delivery_count"], row["first_received_at"]) == (2, moment("2026-03-02 11:00"))
    world.lake.replace(WEBHOOK_EVENTS, date(2026, 3, 9), WEBHOOK_EVENTS.schema.empty_table())
    world.fold_everything()
    assert world.meetings(MONDAY)[ONE]["delivery_count"] == 1


@pytest.mark.parametrize("events_are_pruned", [True, False])
def test_a_rebuilt_index_knows_the_day_of_a_meeting_whose_events_are_pruned(
    tmp_path: Path, events_are_pruned: bool
) -> None:
    world = World(tmp_path)
    world.commit_events(ended("2026-03-02 11:00", 1, "2026-03-02 10:50"))
    world.fold()
    if events_are_pruned:
        prune(world.lake, world.ledger, {"events": TUESDAY}, NOW, dry_run=False)
    shutil.rmtree(tmp_path / "lake/meeting_index")
    index = MeetingIndex(world.lake)
    index.rebuild_if_incomplete()
    mentions = {(mention.received_date, mention.date) for mention in index.find([ONE])[ONE]}
    assert mentions == {(None if events_are_pruned else MONDAY, MONDAY)}
    # An event that names no end finds its meeting.
    created = LoggedEvent("2026-03-09 12:00", "created", {"meetingId": ONE}, "recordings")
    world.commit_events(created, log_id="b")
    world.fold()
    due = Counter(item.resource for item in world.ledger.items(MONDAY) if item.next_attempt_at)
    assert due["recordings"] == 1
    assert world.meetings(MONDAY)[ONE]["delivery_count"] == 1
