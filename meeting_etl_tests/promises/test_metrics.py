"""Metrics of speakers follow the words of their day, wherever these go."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from meeting_etl.lake.metrics import has_current_metrics, speaker_metrics
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.schemas import SPEAKER_METRICS, TRANSCRIPT_SNIPPETS
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.promises.reconciling import reconcile_alone
from meeting_etl_tests.sandbox.small import NOW

MEETINGS = 4


@pytest.fixture
def product(tmp_path: Path) -> Product:
    world = sized_world(3, NOW, meetings=MEETINGS, participants=2, snippets=3)
    return Product(tmp_path, Sandbox(world, ManualClock(NOW)), clock=ManualClock(NOW))


def days_with_metrics(product: Product) -> dict[str, int]:
    """How many rows each day has, all of which are what its words make."""
    lake = product.etl().lake
    counts = {}
    for name in lake.partitions(TRANSCRIPT_SNIPPETS):
        day = date.fromisoformat(name)
        assert has_current_metrics(lake, day)
        rows = lake.read(SPEAKER_METRICS, day)
        assert rows.equals(speaker_metrics(lake, day))
        counts[name] = rows.num_rows
    return counts


def test_they_are_there_after_the_run_that_brings_the_words(product: Product) -> None:
    product.write_logs()
    with product.webex:
        assert product.run().failures == []
    assert sum(days_with_metrics(product).values()) >= MEETINGS


@pytest.mark.slow
def test_a_meeting_that_moves_takes_them_along(product: Product) -> None:
    product.write_logs()
    moved = product.webex.world.meetings[0]
    with product.webex:
        product.run()
        ((first, before),) = days_with_metrics(product).items()
        data = {"id": moved.id, "end": (moved.ended_at + timedelta(days=1)).isoformat()}
        body = {"resource": "meetings", "event": "ended", "data": data}
        line = {"received_at": NOW.isoformat(), "headers": {}, "body": body}
        (product.folder / "webhook_logs" / "later.jsonl").write_text(json.dumps(line) + "\n")
        product.run()
    after = days_with_metrics(product)
    assert len(after) == 2
    assert sum(after.values()) == before
    assert 0 < after[first] < before


@pytest.mark.slow
def test_they_are_current_when_only_a_listing_brought_something_new(product: Product) -> None:
    product.write_logs()
    with product.webex:
        product.run()
    world = product.webex.world
    renamed = replace(world.meetings[0], title="Renewal call")
    changed = replace(world, meetings=(renamed, *world.meetings[1:]))
    with Sandbox(changed, ManualClock(NOW)) as webex:
        later = Product(product.folder, webex, "admin", clock=ManualClock(NOW))
        day = renamed.ended_at.date()
        reconcile_alone(later, Span(day, day))
    assert "Renewal call" in {row["title"] for row in later.rows("meetings")}
    assert days_with_metrics(later)


@pytest.mark.slow
def test_pruned_days_lose_them(product: Product) -> None:
    product.write_logs()
    with product.webex:
        product.run()
    assert product.command("prune", "--older-than", "1d", "--yes").returncode == 0
    assert product.rows("speaker_metrics") == []
