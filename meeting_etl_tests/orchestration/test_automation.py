"""When runs start and which days they cover."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.automation import (
    active_runs,
    busy_days,
    due_days,
    every_quarter_hour,
    new_log_lines,
    runnable,
)
from meeting_etl.orchestration.span_tags import span_of
from meeting_etl.pipeline.ingest import ingest
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)


@pytest.fixture
def etl(tmp_path: Path) -> Etl:
    return Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)}, ManualClock(NOW))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def announce(etl: Etl, *days: str) -> None:
    etl.ledger.announce({date.fromisoformat(day): ["m"] for day in days})


def tick(etl: Etl, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    with dg.build_sensor_context(
        instance=instance, resources={"etl": etl}, definitions=build_defs(etl)
    ) as context:
        return list(due_days.evaluate_tick(context).run_requests or [])


def test_nothing_due_launches_nothing(etl: Etl, instance: dg.DagsterInstance) -> None:
    assert tick(etl, instance) == []


def test_one_day_is_launched_as_its_partition(etl: Etl, instance: dg.DagsterInstance) -> None:
    announce(etl, "2026-03-10")
    (request,) = tick(etl, instance)
    assert request.tags["dagster/partition"] == "2026-03-10"


def test_days_near_each_other_share_a_run_and_days_far_apart_do_not(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    announce(etl, "2026-03-01", "2026-03-05", "2026-03-16", "2026-01-01")
    ranges = [
        (
            request.tags["dagster/asset_partition_range_start"],
            request.tags["dagster/asset_partition_range_end"],
        )
        if "dagster/partition" not in request.tags
        else request.tags["dagster/partition"]
        for request in tick(etl, instance)
    ]
    # The gap between the 5th and the 16th is 10 days, which is just bridged.
    assert sorted(ranges, key=str) == [("2026-03-01", "2026-03-16"), "2026-01-01"]


def test_days_of_an_active_run_are_left_alone(etl: Etl, instance: dg.DagsterInstance) -> None:
    announce(etl, "2026-03-01", "2026-02-01")
    defs = build_defs(etl)
    instance.create_run_for_job(
        defs.resolve_job_def("days"),
        status=dg.DagsterRunStatus.STARTED,
        tags={
            "dagster/asset_partition_range_start": "2026-02-27",
            "dagster/asset_partition_range_end": "2026-03-02",
        },
    )
    assert date(2026, 3, 1) in busy_days(active_runs(instance, etl))
    assert [one.tags["dagster/partition"] for one in tick(etl, instance)] == ["2026-02-01"]


def started(etl: Etl, instance: dg.DagsterInstance, **tags: str) -> dg.DagsterRun:
    """A run of `days` that seems to be under way."""
    job = build_defs(etl).resolve_job_def("days")
    named = {name.replace("__", "/"): value for name, value in tags.items()}
    return instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=named)


def test_a_busy_day_does_not_hold_up_its_neighbours(etl: Etl, instance: dg.DagsterInstance) -> None:
    announce(etl, "2026-03-03", "2026-03-10")
    started(etl, instance, dagster__partition="2026-03-05")
    launched = [request.tags["dagster/partition"] for request in tick(etl, instance)]
    assert launched == ["2026-03-10", "2026-03-03"]


def days_of(request: dg.RunRequest) -> str:
    return str(span_of(request.tags))


def test_a_year_is_many_runs_and_the_newest_days_come_first_and_alone(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    first = date(2026, 3, 16) - timedelta(days=99)
    announce(etl, *(str(first + timedelta(days=number)) for number in range(100)))
    requests = tick(etl, instance)
    assert [days_of(request) for request in requests] == [
        "2026-03-13 to 2026-03-16",
        "2026-02-10 to 2026-03-12",
        "2026-01-10 to 2026-02-09",
        "2025-12-10 to 2026-01-09",
        "2025-12-07 to 2025-12-09",
    ]
    # Two of the past at a time, behind all others in the queue.
    past = ["meeting_etl/past" in request.tags for request in requests]
    assert past == [False, True, True, True, True]
    assert [one.tags.get("dagster/priority") for one in requests] == [None, "-1", "-1", "-1", "-1"]


def test_a_long_backfill_does_not_hold_up_what_is_new_of_the_newest_days(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    announce(etl, "2026-03-05", "2026-03-16")
    started(
        etl,
        instance,
        dagster__asset_partition_range_start="2025-03-17",
        dagster__asset_partition_range_end="2026-03-16",
    )
    assert [days_of(request) for request in tick(etl, instance)] == ["2026-03-16"]


def test_a_run_whose_process_was_killed_is_ended_and_its_days_are_free(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    announce(etl, "2026-03-05")
    tags = {"dagster__partition": "2026-03-05", "meeting_etl__lock": "run-1"}
    run = started(etl, instance, **tags)
    with etl.files.lock("run-1"):
        assert tick(etl, instance) == []
    assert len(tick(etl, instance)) == 1
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.FAILURE


def test_a_failed_run_is_tried_again_in_the_next_quarter_hour_and_not_before(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    announce(etl, "2026-03-10")
    (first,) = tick(etl, instance)
    (again,) = tick(etl, instance)
    assert again.run_key == first.run_key
    etl.clock.sleep(15 * 60)
    (later,) = tick(etl, instance)
    assert later.run_key != first.run_key


def test_new_news_is_a_new_run(etl: Etl, instance: dg.DagsterInstance) -> None:
    announce(etl, "2026-03-10")
    (first,) = tick(etl, instance)
    announce(etl, "2026-03-10")
    (second,) = tick(etl, instance)
    assert second.run_key != first.run_key


def test_news_of_any_day_of_a_span_are_a_new_run(etl: Etl, instance: dg.DagsterInstance) -> None:
    announce(etl, "2026-03-15")
    etl.clock.sleep(60)
    announce(etl, "2026-03-16")
    (first,) = tick(etl, instance)
    announce(etl, "2026-03-16")
    (second,) = tick(etl, instance)
    assert days_of(second) == days_of(first) == "2026-03-15 to 2026-03-16"
    assert second.run_key != first.run_key


def test_an_end_told_for_tomorrow_waits_for_tomorrow(etl: Etl) -> None:
    announce(etl, "2026-03-17", "2026-03-16")
    assert runnable(etl.ledger.due_days(), etl) == [date(2026, 3, 16)]
    etl.clock.sleep(12 * 3600)
    assert runnable(etl.ledger.due_days(), etl) == [date(2026, 3, 17), date(2026, 3, 16)]


def test_ingest_is_launched_when_a_log_has_news_and_not_while_it_runs(
    etl: Etl, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    def ticked() -> int:
        with dg.build_sensor_context(
            instance=instance, resources={"etl": etl}, definitions=build_defs(etl)
        ) as context:
            return len(new_log_lines.evaluate_tick(context).run_requests or [])

    assert ticked() == 0
    (tmp_path / "webhook_logs").mkdir()
    (tmp_path / "webhook_logs/a.jsonl").write_text("[]\n")
    assert ticked() == 1
    job = build_defs(etl).resolve_job_def("ingest")
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert ticked() == 0
    instance.delete_run(run.run_id)
    ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    assert ticked() == 0


def test_the_schedule_reads_the_logs_every_quarter_hour() -> None:
    assert every_quarter_hour.cron_schedule == "*/15 * * * *"
    assert every_quarter_hour.job_name == "ingest"
    assert every_quarter_hour.default_status == dg.DefaultScheduleStatus.RUNNING
    assert due_days.default_status == dg.DefaultSensorStatus.RUNNING
    assert due_days.minimum_interval_seconds == 30
