"""What is told of a reconciled meeting later: its webhook, another end, news of its assets."""

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, files
from meeting_etl_tests.promises.reconciling import (
    NOW,
    OF_THE_WEBHOOK,
    SIZED,
    ended_line,
    found,
    origins,
    tell,
)


@pytest.mark.slow
def test_a_webhook_that_comes_later_makes_it_an_ordinary_meeting(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=6, participants=2, snippets=2)
    clock, meeting = ManualClock(NOW), world.meetings[0]
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.run(SIZED, discover=True)
        assert origins(product) == {"reconciled": 6}
        before, seen = found(product), webex.counters.total
        tell(product, ended_line(meeting, meeting.ended_at, NOW))
        product.run()
        assert webex.counters.total == seen
        assert found(product) == before
        rows = {row["meeting_id"]: row for row in product.rows("meetings")}
        told = rows[meeting.id]
        assert [told[name] for name in OF_THE_WEBHOOK] == ["webhook", NOW, 1]
        assert told["title"] == meeting.title
        assert origins(product) == {"reconciled": 5, "webhook": 1}


@pytest.mark.slow
@pytest.mark.parametrize("index_is_lost", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_corrected_end_moves_a_reconciled_meeting(tmp_path: Path, index_is_lost: bool) -> None:
    world = sized_world(1, NOW, meetings=4, participants=2, snippets=2)
    clock, meeting = ManualClock(NOW), world.meetings[0]
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.run(SIZED, discover=True)
        seen = webex.counters.total
        if index_is_lost:
            shutil.rmtree(tmp_path / "lake" / "meeting_index")
        tell(product, ended_line(meeting, meeting.ended_at - timedelta(days=2), NOW))
        product.run()
        assert webex.counters.total == seen
        day = date(2026, 3, 9)
        for name in ("meetings", "participants", "recordings", "transcripts", "fetch_ledger"):
            own = [row for row in product.rows(name) if row["meeting_id"] == meeting.id]
            assert {row["date"] for row in own} == {day}, name
        (row,) = (row for row in product.rows("meetings") if row["meeting_id"] == meeting.id)
        assert (row["origin"], row["title"]) == ("webhook", meeting.title)


@pytest.mark.slow
def test_an_end_that_the_listing_corrects_moves_it_too(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=4, participants=2, snippets=2)
    clock = ManualClock(NOW)
    first, *others = world.meetings
    moved = replace(
        first,
        started_at=first.started_at - timedelta(days=1),
        ended_at=first.ended_at - timedelta(days=1),
    )
    with Sandbox(world, clock) as webex:
        Product(tmp_path, webex, "user", clock=clock).run(SIZED, discover=True)
    clock.advance(hours=1)
    with Sandbox(replace(world, meetings=(moved, *others)), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        assert product.run(SIZED, discover=True).failures == []
        rows = [row for row in product.rows("meetings") if row["meeting_id"] == first.id]
        assert [(row["date"], row["ended_at"]) for row in rows] == [
            (date(2026, 3, 10), moved.ended_at)
        ]
        for name in ("participants", "recordings", "fetch_ledger"):
            own = [row for row in product.rows(name) if row["meeting_id"] == first.id]
            assert {row["date"] for row in own} == {date(2026, 3, 10)}, name
        before = files(tmp_path)
        product.run(SIZED, discover=True)
        assert files(tmp_path) == before


@pytest.mark.slow
def test_events_of_a_reconciled_meeting_find_it(tmp_path: Path) -> None:
    """A recording's event, months later, opens its work item again."""
    world = sized_world(1, NOW, meetings=2, participants=1, snippets=1)
    clock, meeting = ManualClock(NOW), world.meetings[0]
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.run(SIZED, discover=True)
        data = {"id": meeting.recordings[0].id, "meetingId": meeting.id}
        body = {"resource": "recordings", "event": "created", "data": data}
        clock.advance(hours=1000)
        received = clock.now().isoformat()
        tell(product, json.dumps({"received_at": received, "body": body}) + "\n")
        outcome = product.run()
        assert outcome.days == [meeting.ended_at.date()]
        (item,) = (
            row
            for row in product.rows("fetch_ledger")
            if (row["meeting_id"], row["resource"]) == (meeting.id, "recordings")
        )
        assert (item["opened_by"], item["attempts"]) == ("event", 2)
        assert origins(product) == {"reconciled": 2}
