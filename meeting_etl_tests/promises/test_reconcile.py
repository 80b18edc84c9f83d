"""Meetings whose webhook never came are found, once, and become what webhooks would have made."""

import shutil
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from meeting_etl.orchestration.assets.reconciled_meetings import CANNOT_LIST
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl.sandbox.world.worlds import demo_world, sized_world
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, files
from meeting_etl_tests.promises.reconciling import (
    DAYS,
    NOW,
    SIZED,
    found,
    listings,
    origins,
    own_world,
    reconcile_alone,
    whole,
)


@pytest.mark.parametrize(
    ("lost", "kind"),
    [
        pytest.param(0.05, "user", marks=pytest.mark.slow),
        pytest.param(1.0, "admin", marks=pytest.mark.slow),
        pytest.param(0.05, "admin", marks=pytest.mark.slow),
        pytest.param(1.0, "user", marks=pytest.mark.slow),
    ],
)
def test_lost_webhooks_leave_no_trace_but_the_origin(
    tmp_path: Path, kind: Kind, lost: float
) -> None:
    world, clock = own_world(3), ManualClock(NOW)
    expected = whole(world, tmp_path / "whole", kind, clock)
    with Sandbox(world, clock, Faults()) as webex:
        product = Product(tmp_path / "lost", webex, kind, clock=clock)
        product.write_logs(lost=lost)
        outcome = product.run(DAYS, discover=True)
        assert outcome.failures == []
        count = origins(product)
        missing = count["reconciled"]
        assert missing >= 1
        assert any(f"Discovered {missing} meetings" in notice for notice in outcome.notices)
        assert (count["webhook"] == 0) is (lost == 1.0)
        shown = found(product)
        for name, rows in expected.items():
            assert shown[name] == rows, name


@pytest.mark.slow
def test_a_second_look_writes_nothing_and_asks_for_the_listing_alone(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(own_world(3), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.write_logs(lost=0.3)
        product.run(DAYS, discover=True)
        before, seen = files(tmp_path), webex.counters.total
        outcome = product.run(DAYS, discover=True)
        assert (outcome.failures, outcome.days) == ([], [])
        assert files(tmp_path) == before
        urls = product.requests(seen)
        assert urls == listings(urls)


def test_an_officer_is_told_that_nothing_can_be_listed(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(own_world(3), clock) as webex:
        product = Product(tmp_path, webex, "compliance", clock=clock)
        outcome = product.run(SIZED, discover=True)
        assert (outcome.failures, outcome.notices[:1]) == ([], [CANNOT_LIST])
        assert webex.counters.total == 0


@pytest.mark.slow
def test_with_a_hosts_token_only_its_own_meetings_count(tmp_path: Path) -> None:
    world, clock = demo_world(3, NOW, days=4, meetings=40), ManualClock(NOW)
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        assert product.run(DAYS, discover=True).failures == []
        assert {row["meeting_id"] for row in product.rows("meetings")} == {
            meeting.id
            for meeting in world.meetings
            if meeting.host.email == world.owner.email and meeting.listed_at <= NOW
        }
        paths = Counter(url.partition("?")[0] for url in product.requests())
        assert paths["/v1/people/me"] == 1
        involved = [meeting for meeting in world.meetings if meeting.involves(world.owner.email)]
        assert len(involved) > len(product.rows("meetings"))


@pytest.mark.slow
def test_a_token_that_does_not_say_whose_it_is_needs_a_scope(tmp_path: Path) -> None:
    world, clock = own_world(3), ManualClock(NOW)
    with Sandbox(world, clock, Faults(no_people_scope=True)) as webex:
        outcome = Product(tmp_path / "user", webex, "user", clock=clock).run(DAYS, discover=True)
        ((kind, sentence),) = outcome.failures
        assert kind == "SettingsError"
        assert "spark:people_read" in sentence
        # An administrator's listing is of everybody; only the organization is not known then.
        admin = Product(tmp_path / "admin", webex, "admin", clock=clock)
        assert admin.run(DAYS, discover=True).failures == []
        assert {row["org_id"] for row in admin.rows("meetings")} == {None}


@pytest.mark.slow
def test_a_backfill_costs_a_request_for_100_meetings_and_one_for_each_window(
    tmp_path: Path,
) -> None:
    world = sized_world(1, NOW, meetings=500, participants=1, snippets=1, days=10)
    clock = ManualClock(NOW)
    with Sandbox(world, clock, Faults(empty_page_every=0)) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        # Only the days of the listing, so that nothing else is asked.
        days = Span(date(2026, 2, 10), date(2026, 3, 11))
        reconcile_alone(product, days)
        assert origins(product) == {"reconciled": 500}
        paths = Counter(url.partition("?")[0] for url in product.requests())
        windows = -(-len([*days]) // 7)
        assert paths["/v1/meetings"] <= 500 / 100 + windows
        assert paths["/v1/people/me"] == 1
        assert set(paths) == {"/v1/meetings", "/v1/people/me"}


def test_a_run_with_nothing_due_still_makes_no_request(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=3, participants=1, snippets=1)
    with Sandbox(world, ManualClock(NOW)) as webex:
        product = Product(tmp_path, webex, "admin", clock=webex.clock)
        product.run(SIZED, discover=True)
        seen = webex.counters.total
        assert product.run().days == []
        assert webex.counters.total == seen


@pytest.mark.slow
def test_deleting_the_lake_loses_only_what_a_second_look_finds(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(own_world(3), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.write_logs(lost=0.3)
        product.run(DAYS, discover=True)
        before = found(product)
        shutil.rmtree(tmp_path / "lake")
        product.run()
        assert origins(product)["reconciled"] == 0
        product.run(DAYS, discover=True)
        assert found(product) == before


@pytest.mark.slow
def test_what_the_listing_says_newly_of_a_known_meeting_is_taken_for_free(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=3, participants=1, snippets=1)
    clock = ManualClock(NOW)
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.write_logs()
        product.run()
    first, *others = world.meetings
    renamed = replace(first, title="Renewal call", recordings=())
    with Sandbox(replace(world, meetings=(renamed, *others)), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        reconcile_alone(product, SIZED)
        (row,) = (row for row in product.rows("meetings") if row["meeting_id"] == first.id)
        assert (row["title"], row["has_recording"]) == ("Renewal call", False)
        assert (row["origin"], row["delivery_count"] > 0) == ("webhook", True)
        assert webex.counters.total == 1
        before = files(tmp_path)
        reconcile_alone(product, SIZED)
        assert files(tmp_path) == before


@pytest.mark.slow
def test_a_run_says_when_webhooks_missed_too_many(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(own_world(3), clock) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        product.write_logs(lost=0.5)
        notices = product.run(DAYS, discover=True).notices
        assert any("had no webhook event, which is more than 2.0%" in notice for notice in notices)


@pytest.mark.slow
def test_a_faulty_webex_is_asked_again_and_its_bad_items_are_told(tmp_path: Path) -> None:
    """Pages that fail come again; an item without data is counted, and found by another look."""
    world, clock = own_world(3), ManualClock(NOW)
    ended = {meeting.id for meeting in world.meetings if meeting.listed_at <= NOW}
    faults = Faults(internal_error=0.2, connection_reset=0.2, unknown_fields=1.0, seed=4)
    with Sandbox(world, clock, faults) as webex:
        product = Product(tmp_path / "faults", webex, "admin", clock=clock)
        reconcile_alone(product, DAYS)
        assert {row["meeting_id"] for row in product.rows("meetings")} == ended
    with Sandbox(world, clock, Faults(item_errors=1.0, most_in_a_row=1)) as webex:
        product = Product(tmp_path / "items", webex, "admin", clock=clock)
        notices = product.run(DAYS, discover=True).notices
        assert any("could not be used" in notice for notice in notices)
        reconcile_alone(product, DAYS)
        assert {row["meeting_id"] for row in product.rows("meetings")} == ended
