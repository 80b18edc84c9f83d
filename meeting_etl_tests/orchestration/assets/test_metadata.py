"""The metadata of each day: rows, requests, and unexpected fields and values."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.run_now import run_now
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
DAY = str(date(2026, 3, 11))


@pytest.fixture(scope="module")
def by_asset(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Metadata of the day by asset, after a run with unknown fields and changed types."""
    world = sized_world(1, NOW, meetings=4, participants=2, snippets=3)
    faults = Faults(unknown_fields=1.0, changed_types=1.0)
    place: Path = tmp_path_factory.mktemp("data")
    with (
        Sandbox(world, ManualClock(NOW), faults) as webex,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        product = Product(place, webex, "user", clock=webex.clock)
        product.write_logs()
        etl = product.etl()
        assert run_now(build_defs(etl), instance, etl).failures == []
        found = {}
        for name in ("meetings", "recordings", "participants", "transcripts"):
            (record, *_) = instance.fetch_materializations(
                dg.AssetRecordsFilter(dg.AssetKey(name), asset_partitions=[DAY]), limit=1
            ).records
            materialization = record.asset_materialization
            assert materialization is not None
            found[name] = {key: one.value for key, one in materialization.metadata.items()}
    return found


def test_rows_and_requests_are_counted(by_asset: dict[str, dict[str, Any]]) -> None:
    for name, rows, singly, windows in (
        ("meetings", 4, 0, 4),
        ("recordings", 4, 0, 4),
        ("participants", 8, 4, 0),
        ("transcripts", 4, 0, 4),
    ):
        shown = by_asset[name]
        assert (shown["rows_added"], shown["dagster/partition_row_count"]) == (rows, rows), name
        assert (shown["rows_removed"], shown["work_items_ready"]) == (0, 4), name
        assert (shown["single_requests"], shown["answered_by_windows"]) == (singly, windows), name
    assert by_asset["meetings"]["meetings_folded"] == 4
    assert by_asset["recordings"]["outcomes"] == {"rows": 4}


def test_what_the_day_cost_is_plotted_at_its_meetings(
    by_asset: dict[str, dict[str, Any]],
) -> None:
    day = by_asset["meetings"]
    # Windows for meetings, recordings and transcripts, 4 lists of participants, 4 of snippets.
    assert day["requests"] == 11
    assert (day["retries"], day["responses_429"]) == (0, 0)
    assert day["received_bytes"] > 4_000
    for name in ("fold_seconds", "fetch_seconds", "commit_seconds"):
        assert isinstance(day[name], float), name
        assert name not in by_asset["participants"]


def test_every_status_of_work_items_is_plotted(by_asset: dict[str, dict[str, Any]]) -> None:
    for name in ("waiting", "absent", "forbidden", "gone", "failed"):
        assert by_asset["recordings"][f"work_items_{name}"] == 0


def test_unknown_fields_are_counted(by_asset: dict[str, dict[str, Any]]) -> None:
    for name, count in (("meetings", 4), ("recordings", 4), ("participants", 8)):
        unknown = by_asset[name]["unknown_fields"]
        assert unknown == {"sentiment": count, "futureField": count}, name


def test_unreadable_values_are_counted(by_asset: dict[str, dict[str, Any]]) -> None:
    assert by_asset["recordings"]["unreadable_values"] == {"durationSeconds": 4}
    assert by_asset["participants"]["unreadable_values"] == {"displayName": 8}
    assert by_asset["meetings"]["unreadable_values"] == {"title": 4}


def test_the_view_coverage_has_a_picture_of_the_last_30_days(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=1, participants=2, snippets=3)
    with (
        Sandbox(world, ManualClock(NOW)) as webex,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        product = Product(tmp_path, webex, "user", clock=webex.clock)
        product.write_logs()
        etl = product.etl()
        assert run_now(build_defs(etl), instance, etl).failures == []
        (record, *_) = instance.fetch_observations(dg.AssetKey("coverage"), limit=1).records
        assert record.asset_observation is not None
        shown = str(record.asset_observation.metadata["last_30_days"].value)
    assert shown.startswith("![Coverage of the last 30 days](data:image/svg+xml;base64,")
