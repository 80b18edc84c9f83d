"""The asset reconciled_meetings: backfills, schedule, metadata, and its check."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.assets.reconciled_meetings import CANNOT_LIST
from meeting_etl.orchestration.jobs import DAYS_JOB
from meeting_etl.orchestration.launching.day_spans import busy_days
from meeting_etl.orchestration.run_tags import span_tags
from meeting_etl.orchestration.schedules import reconcile_nightly
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.settings import Etl
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product

NOW = datetime(2026, 3, 13, 3, 30, tzinfo=UTC)
# 40 meetings a day on 5 days, the last of them 2026-03-08.
MEETINGS, LAST = 200, date(2026, 3, 8)
DAYS = Span(date(2026, 3, 4), LAST)


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    world = sized_world(1, NOW, meetings=MEETINGS, participants=1, snippets=1, days=5)
    with Sandbox(world, ManualClock(NOW)) as webex:
        yield webex


def product(folder: Path, webex: Sandbox, kind: Kind = "admin", **more: str) -> Product:
    return Product(folder, webex, kind, webex.clock, more)


def reconcile(
    etl: Etl, days: Span
) -> tuple[dict[str, dict[str, Any]], dg.AssetCheckEvaluation, dg.ExecuteInProcessResult]:
    """Metadata by day and the evaluation of the check, of one run for all days."""
    with dg.DagsterInstance.ephemeral() as instance:
        job = build_defs(etl).resolve_job_def("reconcile")
        result = job.execute_in_process(instance=instance, tags=span_tags(days))
        assert result.success
        (evaluation,) = result.get_asset_check_evaluations()
        by_day = {}
        for event in result.get_asset_materialization_events():
            materialization = event.materialization
            assert materialization.partition is not None
            by_day[materialization.partition] = {
                key: value.value for key, value in materialization.metadata.items()
            }
        return by_day, evaluation, result


def test_a_range_is_reconciled_in_one_run(tmp_path: Path, webex: Sandbox) -> None:
    made = product(tmp_path, webex)
    by_day, _, _ = reconcile(made.etl(), DAYS)
    assert set(by_day) == {str(day) for day in DAYS}
    for day in by_day.values():
        assert (day["listed"], day["known"], day["added"]) == (40, 0, 40)
        assert (day["run_windows"], day["run_listed"], day["run_orphans_looked_up"]) == (1, 200, 0)
        assert day["run_requests"] <= 200 / 100 + 1 + 2
    again, _, _ = reconcile(made.etl(), DAYS)
    assert {(day["known"], day["added"]) for day in again.values()} == {(40, 0)}


@pytest.mark.slow
def test_meetings_that_are_not_listed_are_counted_and_kept(tmp_path: Path, webex: Sandbox) -> None:
    made = product(tmp_path, webex)
    reconcile(made.etl(), DAYS)
    fewer = sized_world(1, NOW, meetings=1, participants=1, snippets=1)
    with Sandbox(fewer, webex.clock) as other:
        by_day, _, _ = reconcile(product(tmp_path, other).etl(), DAYS)
    assert sum(day["not_listed"] for day in by_day.values()) >= MEETINGS - 1
    assert len(made.rows("meetings")) >= MEETINGS


def test_days_of_a_compliance_token_say_why_nothing_was_listed(
    tmp_path: Path, webex: Sandbox
) -> None:
    seen = webex.counters.total
    by_day, evaluation, _ = reconcile(product(tmp_path, webex, "compliance").etl(), DAYS)
    assert {day["skipped"] for day in by_day.values()} == {CANNOT_LIST}
    assert webex.counters.total == seen
    warning = (False, dg.AssetCheckSeverity.WARN)
    assert (evaluation.passed, evaluation.severity) == warning
    assert str(evaluation.description).startswith("Not known: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "most", "passed"),
    [
        pytest.param(0.0, None, True, marks=pytest.mark.slow),
        (0.2, None, False),
        pytest.param(0.2, "0.5", True, marks=pytest.mark.slow),
        (1.0, None, False),
    ],
)
def test_the_check_fails_when_too_many_meetings_have_no_webhook_event(
    tmp_path: Path, webex: Sandbox, lost: float, most: str | None, passed: bool
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(f"[reconcile]\nmost_missed_share = {most}\n" if most else "")
    made = product(tmp_path, webex, MEETING_ETL_SETTINGS=str(settings))
    made.write_logs(lost=lost)
    made.run(Span(LAST, LAST))
    _, evaluation, _ = reconcile(made.etl(), DAYS)
    assert evaluation.asset_key == dg.AssetKey("reconciled_meetings")
    assert evaluation.check_name == "webhooks_complete"
    assert evaluation.passed is passed, evaluation.description
    if not passed:
        assert evaluation.description is not None
        assert "meetings of 2026-03-04 to 2026-03-08 had no webhook" in evaluation.description
        assert "meeting-etl webhooks list" in evaluation.description
        assert evaluation.severity == dg.AssetCheckSeverity.ERROR


def test_of_days_without_any_logs_nothing_is_known(tmp_path: Path, webex: Sandbox) -> None:
    _, evaluation, _ = reconcile(product(tmp_path, webex).etl(), DAYS)
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "Not known: there are no webhook logs of 2026-03-04" in str(evaluation.description)
    assert evaluation.metadata["meetings"].value == 0


def test_the_last_two_days_are_reconciled_every_night(tmp_path: Path) -> None:
    assert reconcile_nightly.cron_schedule == "30 3 * * *"
    assert reconcile_nightly.execution_timezone == "UTC"
    assert reconcile_nightly.default_status == dg.DefaultScheduleStatus.RUNNING
    etl = Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)}, ManualClock(NOW))
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_schedule_context(
            instance=instance, resources={"etl": etl}, scheduled_execution_time=NOW
        ) as context,
    ):
        (request,) = reconcile_nightly.evaluate_tick(context).run_requests or ()
    assert request.tags["dagster/asset_partition_range_start"] == "2026-03-11"
    assert request.tags["dagster/asset_partition_range_end"] == "2026-03-12"


def test_runs_of_the_sensor_do_not_reconcile_and_do_not_wait_for_it(
    tmp_path: Path, webex: Sandbox
) -> None:
    etl = product(tmp_path, webex).etl()
    defs = build_defs(etl)
    layer = defs.resolve_job_def(DAYS_JOB.name).asset_layer
    keys = {key.to_user_string() for key in layer.executable_asset_keys}
    assert "meetings" in keys
    assert "reconciled_meetings" not in keys
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(
            defs.resolve_job_def("reconcile"), tags={"dagster/partition": "2026-03-05"}
        )
        assert busy_days([run], etl) == set()
