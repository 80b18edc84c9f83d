"""Rules 1 and 4: a new event counts once, whatever was lost or is read again."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, tables, work_off
from meeting_etl_tests.promises.late_events import (
    LATE_ID,
    recording_ids,
    tell_ends,
    tell_of_the_late_recording,
    world_with_a_late_recording,
)


def fetch_with_the_event(product: Product, is_dated: bool) -> None:
    """Fetch the meetings, and again after the event about the late recording."""
    tell_ends(product)
    work_off(product.etl())
    tell_of_the_late_recording(product, product.clock.now() if is_dated else None)
    work_off(product.etl())


@pytest.mark.parametrize("is_dated", [True, False], ids=["dated", "undated"])
def test_a_new_event_counts_whatever_events_were_lost(tmp_path: Path, is_dated: bool) -> None:
    """The files of the events were damaged and moved away: as few events as before are there."""
    world = world_with_a_late_recording(timedelta(days=8))
    ended = world.meetings[0].ended_at
    clock = ManualClock(ended + timedelta(days=4))
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        fetch_with_the_event(product, is_dated)
        clock.advance(hours=48)
        work_off(product.etl())
        assert product.etl().ledger.open_days() == {}
        shutil.rmtree(tmp_path / "lake/webhook_events")
        clock.advance(hours=72)
        assert LATE_ID not in recording_ids(product)
        tell_of_the_late_recording(product, clock.now() if is_dated else None)
        work_off(product.etl())
        assert LATE_ID in recording_ids(product)


@pytest.mark.slow
@pytest.mark.parametrize("is_dated", [True, False], ids=["dated", "undated"])
def test_events_that_are_read_again_cost_nothing(tmp_path: Path, is_dated: bool) -> None:
    world = world_with_a_late_recording(timedelta(days=8))
    clock = ManualClock(world.meetings[0].ended_at + timedelta(days=9))
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        fetch_with_the_event(product, is_dated)
        clock.advance(hours=72)
        work_off(product.etl())
        assert product.etl().ledger.open_days() == {}
        before, seen = tables(tmp_path), webex.counters.total
        shutil.rmtree(tmp_path / "lake/ingested_logs")
        work_off(product.etl())
        assert (tables(tmp_path), webex.counters.total) == (before, seen)
        assert product.etl().ledger.open_days() == {}
