"""Meetings that events tell of and whose end nobody told are asked for by id, a few times."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.promises.reconciling import NOW, asset_line, ended_line, tell


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["admin", "compliance"])
def test_an_orphan_is_asked_for_and_found(tmp_path: Path, kind: Kind) -> None:
    """Its recording's event came; the day on which it ended is not looked at."""
    world = sized_world(1, NOW, meetings=3, participants=2, snippets=2)
    clock, meeting = ManualClock(NOW), world.meetings[0]
    received = datetime(2026, 3, 14, 9, tzinfo=UTC)
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, kind, clock=clock)
        tell(product, asset_line(meeting, "recordings", meeting.recordings[0].id, received))
        day = Span(received.date(), received.date())
        assert product.run(day, discover=True).failures == []
        requested = [url for url in product.requests() if "/meetings/" in url]
        assert requested == [f"/v1/admin/meetings/{meeting.id}"]
        (row,) = product.rows("meetings")
        assert (row["meeting_id"], row["origin"]) == (meeting.id, "reconciled")
        assert row["date"] == meeting.ended_at.date()
        product.run()
        assert len(product.rows("recordings")) == 1
        assert len(product.rows("participants")) == 2
        (orphan,) = product.rows("orphans")
        assert (orphan["outcome"], orphan["settled"], orphan["attempts"]) == ("found", True, 1)
        seen = webex.counters.total
        product.run(day, discover=True)
        assert [url for url in product.requests(seen) if "/meetings/" in url] == []


@pytest.mark.slow
def test_an_orphan_that_is_never_found_is_asked_for_a_few_times(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=3, participants=1, snippets=1)
    clock, meeting = ManualClock(NOW), world.meetings[0]
    received = NOW - timedelta(hours=2)
    unknown = replace(meeting, id=f"{meeting.series_id}_I_999")
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        tell(product, asset_line(unknown, "recordings", "0" * 32, received))
        for _ in range(6):
            assert product.run(Span(NOW.date(), NOW.date()), discover=True).failures == []
            clock.advance(hours=10)
        requested = [url for url in product.requests() if "_I_999" in url]
        assert len(requested) == 3
        (orphan,) = product.rows("orphans")
        assert (orphan["outcome"], orphan["http_status"], orphan["settled"]) == (
            "refused",
            404,
            True,
        )


def test_an_orphan_of_a_log_without_any_date_is_found(tmp_path: Path) -> None:
    """The collector keeps the payloads alone, which do not tell when they came."""
    world = sized_world(1, NOW, meetings=3, participants=1, snippets=1)
    clock, meeting = ManualClock(NOW), world.meetings[0]
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        line = json.loads(asset_line(meeting, "recordings", meeting.recordings[0].id, NOW))
        tell(product, json.dumps(line["body"]) + "\n")
        assert product.run(Span(NOW.date(), NOW.date()), discover=True).failures == []
        assert [row["received_date"] for row in product.rows("webhook_events")] == [None]
        assert [row["outcome"] for row in product.rows("orphans")] == ["found"]
        assert [row["meeting_id"] for row in product.rows("meetings")] == [meeting.id]


@pytest.mark.slow
def test_an_event_that_has_just_come_waits_for_the_end_to_be_told(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=1, participants=1, snippets=1)
    clock, meeting = ManualClock(NOW), world.meetings[0]
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        tell(product, asset_line(meeting, "recordings", "0" * 32, NOW - timedelta(minutes=50)))
        product.run(Span(NOW.date(), NOW.date()), discover=True)
        assert product.rows("orphans") == []
        clock.advance(minutes=20)
        tell(product, ended_line(meeting, meeting.ended_at, clock.now()))
        product.run(Span(NOW.date(), NOW.date()), discover=True)
        assert product.rows("orphans") == []


def test_an_end_that_cannot_be_makes_no_day_and_is_said(tmp_path: Path) -> None:
    """Days begin in 2015: work of an earlier one would never be done."""
    world = sized_world(1, NOW, meetings=1, participants=1, snippets=1)
    ended = datetime(2014, 12, 31, 10, tzinfo=UTC)
    meeting = replace(world.meetings[0], started_at=ended - timedelta(hours=1), ended_at=ended)
    with Sandbox(replace(world, meetings=(meeting,)), ManualClock(NOW)) as webex:
        product = Product(tmp_path, webex, "admin", clock=webex.clock)
        tell(product, asset_line(meeting, "recordings", "0" * 32, NOW - timedelta(hours=2)))
        outcome = product.run(Span(NOW.date(), NOW.date()), discover=True)
        assert outcome.failures == []
        [said] = [notice for notice in outcome.notices if "could not be used" in notice]
        assert said.startswith("1 items of Webex's listing")
    assert product.rows("meetings") == []
    assert product.etl().ledger.open_days() == {}
