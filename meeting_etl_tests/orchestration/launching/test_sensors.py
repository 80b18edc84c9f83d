"""When runs start and which days they cover."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.launching.day_spans import active_runs, busy_days, partition_days
from meeting_etl.orchestration.run_tags import span_of
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.orchestration.launching.ticking import ticked
from meeting_etl_tests.product import Product
from meeting_etl_tests.sandbox.small import small_world

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)


@pytest.fixture
def etl(tmp_path: Path) -> Etl:
    return Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)}, ManualClock(NOW))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def announce(etl: Etl, *days: str) -> None:
    etl.ledger.announce({date.fromisoformat(day): {"m": []} for day in days})


def tick(etl: Etl, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    return list(ticked(etl, instance).run_requests or [])


def test_nothing_due_launches_nothing(etl: Etl, instance: dg.DagsterInstance) -> None:
    assert tick(etl, instance) == []
    found = ticked(etl, instance).skip_message
    assert found == "No log has new lines. No day has open work."


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
    # The gap between the 5th and the 16th is 10 days, the most that is bridged.
    assert sorted(ranges, key=str) == [("2026-03-01", "2026-03-16"), "2026-01-01"]


def test_days_of_an_active_run_are_skipped(etl: Etl, instance: dg.DagsterInstance) -> None:
    announce(etl, "2026-03-15", "2026-02-01")
    defs = build_defs(etl)
    instance.create_run_for_job(
        defs.resolve_job_def("days"),
        status=dg.DagsterRunStatus.STARTED,
        tags={
            "dagster/asset_partition_range_start": "2026-03-13",
            "dagster/asset_partition_range_end": "2026-03-16",
        },
    )
    assert date(2026, 3, 15) in busy_days(active_runs(instance, etl), etl)
    assert [request.tags["dagster/partition"] for request in tick(etl, instance)] == ["2026-02-01"]


def test_runs_of_other_projects_are_not_ours(etl: Etl, instance: dg.DagsterInstance) -> None:
    announce(etl, "2026-03-15")

    @dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
    def theirs() -> None: ...

    job = dg.Definitions(
        assets=[theirs], jobs=[dg.define_asset_job("their_days", [theirs])]
    ).resolve_job_def("their_days")
    tags = {"dagster/partition": "2026-03-15"}
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)
    assert [request.tags["dagster/partition"] for request in tick(etl, instance)] == ["2026-03-15"]


def started(etl: Etl, instance: dg.DagsterInstance, **tags: str) -> dg.DagsterRun:
    """A run of the job `days` that looks active."""
    job = build_defs(etl).resolve_job_def("days")
    named = {name.replace("__", "/"): value for name, value in tags.items()}
    return instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=named)


def test_a_busy_day_does_not_block_its_neighbours(etl: Etl, instance: dg.DagsterInstance) -> None:
    announce(etl, "2026-03-13", "2026-03-16")
    started(etl, instance, dagster__partition="2026-03-14")
    launched = [request.tags["dagster/partition"] for request in tick(etl, instance)]
    assert launched == ["2026-03-16", "2026-03-13"]


def days_of(request: dg.RunRequest) -> str:
    return str(span_of(request.tags))


def test_a_year_is_one_run_which_begins_with_the_newest_day(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    first = date(2026, 3, 16) - timedelta(days=99)
    announce(etl, *(str(first + timedelta(days=number)) for number in range(100)))
    assert list(map(days_of, tick(etl, instance))) == ["2025-12-07 to 2026-03-16"]


def test_stretches_of_old_days_are_worked_off_one_after_the_other(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    announce(etl, "2026-03-15", "2026-02-20", "2026-02-01", "2026-01-10")
    assert list(map(days_of, tick(etl, instance))) == ["2026-03-15", "2026-02-20"]
    started(etl, instance, dagster__partition="2026-02-20")
    assert list(map(days_of, tick(etl, instance))) == ["2026-03-15"]


@pytest.mark.slow
def test_a_long_backfill_does_not_block_news_of_recent_days(
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


def test_a_run_whose_process_was_killed_is_failed_and_its_days_are_free(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    announce(etl, "2026-03-05")
    tags = {"dagster__partition": "2026-03-05", "meeting_etl__lock": "run-1"}
    run = started(etl, instance, **tags)
    with etl.state.lock("run-1"):
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


def test_further_news_launches_another_run(etl: Etl, instance: dg.DagsterInstance) -> None:
    announce(etl, "2026-03-10")
    (first,) = tick(etl, instance)
    announce(etl, "2026-03-10")
    (second,) = tick(etl, instance)
    assert second.run_key != first.run_key


def test_news_of_any_day_of_a_span_launches_another_run(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    announce(etl, "2026-03-15")
    etl.clock.sleep(60)
    announce(etl, "2026-03-16")
    (first,) = tick(etl, instance)
    announce(etl, "2026-03-16")
    (second,) = tick(etl, instance)
    assert days_of(second) == days_of(first) == "2026-03-15 to 2026-03-16"
    assert second.run_key != first.run_key


def test_an_end_in_tomorrow_waits_for_tomorrow(etl: Etl) -> None:
    announce(etl, "2026-03-17", "2026-03-16")
    assert partition_days(etl.ledger.due_days(), etl) == [date(2026, 3, 16)]
    etl.clock.sleep(12 * 3600)
    assert partition_days(etl.ledger.due_days(), etl) == [date(2026, 3, 17), date(2026, 3, 16)]


def test_a_day_before_the_first_partition_waits_for_it_and_is_not_lost(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    announce(etl, "2026-03-12", "2026-03-15")
    (request,) = ticked(etl, instance, date(2026, 3, 14)).run_requests
    assert days_of(request) == "2026-03-15"
    instance.create_run_for_job(
        build_defs(etl).resolve_job_def("days"),
        status=dg.DagsterRunStatus.STARTED,
        tags=request.tags,
    )
    tick = ticked(etl, instance, date(2026, 3, 14))
    assert tick.run_requests == []
    assert tick.skip_message == (
        "No log has new lines. 2026-03-12 has due work but is before 2026-03-14, the first "
        "partition: reload the code location, or set [partitions] first_day to an earlier day. "
        "No day has due work that is not running already."
    )
    # Reloaded definitions begin with it.
    (request,) = ticked(etl, instance).run_requests
    assert days_of(request) == "2026-03-12"


def launched(
    etl: Etl, instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus
) -> dg.DagsterRun:
    """A run as the daemon creates it from a request."""
    job = build_defs(etl).resolve_job_def(str(request.job_name))
    tags = {**request.tags, "dagster/run_key": str(request.run_key)}
    return instance.create_run_for_job(job, status=status, tags=tags)


def test_the_tick_says_that_the_run_failed_and_when_it_is_tried_again(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    announce(etl, "2026-03-10")
    (request,) = tick(etl, instance)
    run = launched(etl, instance, request, dg.DagsterRunStatus.FAILURE)
    found = ticked(etl, instance)
    assert found.run_requests == []
    sentence = f"Run {run.run_id[:8]} of 2026-03-10 failed; next try at 2026-03-16T12:15:00Z."
    assert sentence in str(found.skip_message)
    etl.clock.sleep(8 * 60 + 1)
    assert len(tick(etl, instance)) == 1


def test_a_failed_span_does_not_block_others(etl: Etl, instance: dg.DagsterInstance) -> None:
    announce(etl, "2026-03-10", "2026-01-10")
    (newest,) = tick(etl, instance)
    launched(etl, instance, newest, dg.DagsterRunStatus.FAILURE)
    assert [days_of(request) for request in tick(etl, instance)] == ["2026-01-10"]


def test_days_wait_for_a_retry_after_and_the_tick_says_until_when(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    """At 12:07 Webex returns a Retry-After of an hour."""
    etl = Etl({"MEETING_ETL_DATA_DIR": str(tmp_path), "WEBEX_ACCESS_TOKEN": "t"}, ManualClock(NOW))
    announce(etl, "2026-03-10")
    etl.connections[0].bucket.pause(3600)
    found = ticked(etl, instance)
    assert found.run_requests == []
    assert "Webex asked for no requests before 2026-03-16T13:07:00Z." in str(found.skip_message)
    etl.clock.sleep(3600)
    assert len(tick(etl, instance)) == 1


def test_days_wait_an_hour_after_a_refused_token_unless_it_changes(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    """A run of the meetings of 3 March with a token that Webex refuses."""
    clock = ManualClock(NOW)
    with Sandbox(small_world(), clock) as webex:
        product = Product(tmp_path, webex, clock=clock, more={"WEBEX_ACCESS_TOKEN": "no-such"})
        product.write_logs()
        etl = product.etl()
        ingest(etl.logs, etl.lake, etl.ledger, clock)
        (request,) = tick(etl, instance)
        failed = (
            build_defs(etl)
            .resolve_job_def("days")
            .execute_in_process(instance=instance, tags=request.tags, raise_on_error=False)
        )
        assert not failed.success
        found = ticked(etl, instance)
        assert found.run_requests == []
        assert "Webex refuses the access token: set another one" in str(found.skip_message)
        assert "Next attempt at 2026-03-16T13:07:00Z." in str(found.skip_message)
        other = replace(product, more={"WEBEX_ACCESS_TOKEN": "another"}).etl()
        assert len(tick(other, instance)) == 1
        clock.advance(hours=1)
        assert len(tick(etl, instance)) == 1
