"""Summaries, where they are switched on; where they are not, nobody asks for any."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.run_now import run_now
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind, World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, work_off

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
# The first meeting of a sized world ends at eight, five days before.
ENDED = datetime(2026, 3, 11, 8, 0, tzinfo=UTC)
DAY = Span(ENDED.date(), ENDED.date())


def world() -> World:
    """Two meetings of one day, of which the first has a summary."""
    made = sized_world(1, NOW, meetings=2, participants=1, snippets=1)
    first, other = made.meetings
    first = replace(first, features=frozenset({"summary"}), title="R&D <weekly>")
    return replace(made, meetings=(first, other))


@pytest.fixture
def on(tmp_path: Path) -> dict[str, str]:
    """Settings that switch summaries on."""
    file = tmp_path / "settings.toml"
    file.write_text("[fetch]\nsummaries = true\n")
    return {"MEETING_ETL_SETTINGS": str(file)}


def states(product: Product) -> Counter[tuple[str, str, bool]]:
    return Counter(
        (row["status"], row["reason"], row["settled"])
        for row in product.rows("fetch_ledger")
        if row["resource"] == "meeting_summaries"
    )


def requested(product: Product) -> list[str]:
    return [url for url in product.requests() if "ummaries" in url]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["user", "compliance"])
def test_summaries_are_waited_for_and_come_as_plain_text(
    tmp_path: Path, on: dict[str, str], kind: Kind
) -> None:
    clock = ManualClock(ENDED + timedelta(minutes=31))
    with Sandbox(world(), clock) as webex:
        product = Product(tmp_path / "data", webex, kind, clock=clock, more=on)
        product.write_logs()
        work_off(product.etl())
        assert states(product)["waiting", "nothing_yet", False] >= 1
        assert product.rows("meeting_summaries") == []
        clock.advance(hours=2)
        work_off(product.etl())
        (row,) = product.rows("meeting_summaries")
        meeting = webex.world.meetings[0]
        assert (row["meeting_id"], row["status"]) == (meeting.id, "available")
        assert row["date"] == ENDED.date()
        title, agreed, nobody, *items = row["notes"].split("\n")
        assert title == "R&D <weekly>"
        assert agreed.startswith("Everybody agreed on ")
        assert nobody == "Nobody on the rest."
        assert [item[:2] for item in items] == ["- "] * 4
        assert items[1:3] == ["- now", "- or later"]
        assert all(isinstance(text, str) for text in row["action_items"])
        assert states(product)["ready", "complete", True] == 1
        path = "/v1/meetingSummaries" if kind == "user" else "/v1/admin/meetingSummaries"
        assert {url.partition("?")[0] for url in requested(product)} == {path}
        assert all("max=" not in url for url in requested(product))
        seen = webex.counters.total
        work_off(product.etl())
        assert webex.counters.total == seen


def test_an_administrators_token_rules_them_out(tmp_path: Path, on: dict[str, str]) -> None:
    clock = ManualClock(NOW)
    with Sandbox(world(), clock) as webex:
        product = Product(tmp_path / "data", webex, "admin", clock=clock, more=on)
        product.write_logs()
        work_off(product.etl())
        assert states(product) == {("forbidden", "token_kind", True): 2}
        assert requested(product) == []


def metadata(product: Product) -> list[set[str]]:
    """What a run says of the asset."""
    etl = product.etl()
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_now(build_defs(etl), instance, etl).failures == []
        key = dg.AssetKey("meeting_summaries")
        found = instance.fetch_materializations(key, limit=10).records
        return [set(entry.asset_materialization.metadata) for entry in found]  # type: ignore[union-attr]


def test_switched_off_nothing_is_asked_or_opened(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(world(), clock) as webex:
        product = Product(tmp_path / "data", webex, clock=clock)
        product.write_logs()
        assert metadata(product) == []
        assert states(product) == {}
        assert requested(product) == []
        assert product.rows("meeting_summaries") == []


@pytest.mark.slow
def test_what_is_open_when_they_are_switched_off_makes_no_day_due(
    tmp_path: Path, on: dict[str, str]
) -> None:
    clock = ManualClock(ENDED + timedelta(minutes=31))
    with Sandbox(world(), clock) as webex:
        product = Product(tmp_path / "data", webex, clock=clock, more=on)
        product.write_logs()
        work_off(product.etl())
        assert states(product)["waiting", "nothing_yet", False] >= 1
        clock.advance(hours=80)
        off = Product(tmp_path / "data", webex, clock=clock)
        off.run()
        assert off.etl().ledger.due_days() == []
        assert off.etl().ledger.open_days() == {}
        assert states(product)["waiting", "nothing_yet", False] >= 1


@pytest.mark.slow
def test_summaries_of_meetings_that_were_fetched_before_come_with_a_refetch(
    tmp_path: Path, on: dict[str, str]
) -> None:
    clock = ManualClock(NOW)
    with Sandbox(world(), clock) as webex:
        Product(tmp_path / "data", webex, clock=clock).write_logs()
        work_off(Product(tmp_path / "data", webex, clock=clock).etl())
        product = Product(tmp_path / "data", webex, clock=clock, more=on)
        assert product.run(DAY, refetch=True).failures == []
        assert len(product.rows("meeting_summaries")) == 1
        assert states(product) == {
            ("ready", "complete", True): 1,
            ("absent", "deadline_passed", True): 1,
        }
