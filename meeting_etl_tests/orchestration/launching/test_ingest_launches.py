"""When the sensor launches ingest: soon after new lines, with growing pauses."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.run_tags import span_of
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.orchestration.launching.ticking import ticked
from meeting_etl_tests.orchestration.local_instance import local_instance
from meeting_etl_tests.product import Product
from meeting_etl_tests.sandbox.small import small_world

NOW = datetime(2026, 3, 16, 12, 0, 30, tzinfo=UTC)
TICK_SECONDS = 30


@pytest.fixture
def etl(tmp_path: Path) -> Etl:
    (tmp_path / "webhook_logs").mkdir()
    return Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)}, ManualClock(NOW))


@pytest.fixture
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """On disk, because a schedule opens its instance itself."""
    home = str(tmp_path_factory.mktemp("home"))
    with local_instance(home) as instance:
        yield instance


def append(etl: Etl, line: str = "[]") -> None:
    with (etl.logs_folder / "a.jsonl").open("a") as log:
        log.write(f"{line}\n")


def requests(etl: Etl, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """Requests of the sensor for ingest."""
    found = ticked(etl, instance).run_requests or []
    return [request for request in found if str(request.job_name).startswith("ingest")]


def launch(
    etl: Etl,
    instance: dg.DagsterInstance,
    request: dg.RunRequest,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.SUCCESS,
) -> dg.DagsterRun:
    """The recorded run of a request; if it succeeded, it has ingested the logs."""
    if status == dg.DagsterRunStatus.SUCCESS:
        ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    job = build_defs(etl).resolve_job_def(str(request.job_name))
    return instance.create_run_for_job(job, status=status, tags=request.tags)


def minutes_of_launches(
    etl: Etl, instance: dg.DagsterInstance, minutes: int, status: dg.DagsterRunStatus
) -> list[float]:
    """Minutes after 12:00 of launches while a line arrives before each tick of the sensor."""
    found = []
    for _ in range(minutes * 60 // TICK_SECONDS):
        append(etl)
        for request in requests(etl, instance):
            found.append((etl.clock.now() - NOW + timedelta(seconds=30)).total_seconds() / 60)
            launch(etl, instance, request, status)
        etl.clock.sleep(TICK_SECONDS)
    return found


def test_a_run_without_the_files_that_the_sensor_saw_fails_and_says_so(
    etl: Etl, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    append(etl)
    (request,) = requests(etl, instance)
    elsewhere = Etl({"MEETING_ETL_DATA_DIR": str(tmp_path / "worker")}, etl.clock)
    job = build_defs(elsewhere).resolve_job_def("ingest")
    failed = job.execute_in_process(tags=request.tags, instance=instance, raise_on_error=False)
    (failure,) = failed.get_step_failure_events()
    assert "Log files with new lines (1) are where the sensors run, but" in str(
        failure.step_failure_data.error
    )
    elsewhere.logs_folder.mkdir(parents=True)
    append(elsewhere)
    assert job.execute_in_process(tags=request.tags, instance=instance).success


def test_new_lines_are_ingested_at_the_next_tick_and_only_once(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    assert requests(etl, instance) == []
    append(etl)
    (request,) = requests(etl, instance)
    run = launch(etl, instance, request, dg.DagsterRunStatus.STARTED)
    assert requests(etl, instance) == []
    instance.delete_run(run.run_id)
    launch(etl, instance, request)
    etl.clock.sleep(3600)
    assert requests(etl, instance) == []


def test_a_tick_that_is_evaluated_twice_requests_the_same_run(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    append(etl)
    (first,), (second,) = requests(etl, instance), requests(etl, instance)
    assert first.run_key == second.run_key
    launch(etl, instance, first)
    append(etl)
    etl.clock.sleep(60)
    (third,) = requests(etl, instance)
    assert third.run_key != first.run_key


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(dg.DagsterRunStatus.SUCCESS, marks=pytest.mark.slow),
        pytest.param(dg.DagsterRunStatus.FAILURE, marks=pytest.mark.slow),
    ],
)
def test_the_pause_grows_to_a_quarter_hour_while_lines_arrive_or_cannot_be_read(
    etl: Etl, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    """Pauses of 1, 2, 4 and 8 minutes from 12:00:30 on; then until each quarter hour."""
    found = minutes_of_launches(etl, instance, 75, status)
    assert found == [0.5, 1.5, 3.5, 7.5, 15.5, 30, 45, 60, 75]


@pytest.mark.slow
def test_a_run_of_today_s_work_takes_the_place_of_the_ingest_of_its_quarter_hour(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    """The pauses have grown to a quarter hour. At 12:30 there is due work and no new line."""
    assert minutes_of_launches(etl, instance, 29, dg.DagsterRunStatus.SUCCESS)[-1] == 15.5
    etl.clock.sleep(60)
    requests(etl, instance)
    ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    etl.ledger.announce({NOW.date(): {"m": []}})
    (request,) = ticked(etl, instance).run_requests or []
    assert (request.job_name, etl.clock.now().minute) == ("days", 30)
    launch(etl, instance, request)
    etl.ledger.refresh(NOW.date(), etl.ledger.due_day(NOW.date()))
    append(etl)
    found = str(ticked(etl, instance).skip_message)
    assert found.startswith("New lines are ingested at 2026-03-16T12:45:00Z.")


@pytest.mark.slow
def test_lines_that_arrive_seldom_are_ingested_immediately(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    """Every 17 minutes: lines within 15 minutes after a pause of one count as in a row."""
    for _ in range(5):
        append(etl)
        (request,) = requests(etl, instance)
        launch(etl, instance, request)
        etl.clock.sleep(17 * 60)


@pytest.mark.slow
def test_the_setting_is_the_shortest_pause(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("[ingest]\nat_most_every_seconds = 1800\n")
    (tmp_path / "webhook_logs").mkdir()
    environ = {"MEETING_ETL_DATA_DIR": str(tmp_path), "MEETING_ETL_SETTINGS": str(settings)}
    etl = Etl(environ, ManualClock(NOW))
    found = minutes_of_launches(etl, instance, 75, dg.DagsterRunStatus.SUCCESS)
    assert found == [0.5, 30.5, 60.5]


def test_the_tick_says_when_new_lines_are_ingested(etl: Etl, instance: dg.DagsterInstance) -> None:
    append(etl)
    (request,) = requests(etl, instance)
    launch(etl, instance, request)
    append(etl)
    found = str(ticked(etl, instance).skip_message)
    assert found.startswith("New lines are ingested at 2026-03-16T12:01:30Z.")


def test_an_ingest_of_a_clock_that_was_ahead_holds_nothing_up(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    """The clock was a year ahead when an ingest was requested."""
    append(etl)
    etl.clock = ManualClock(NOW + timedelta(days=365))
    (request,) = requests(etl, instance)
    launch(etl, instance, request)
    etl.clock = ManualClock(NOW)
    append(etl)
    assert len(requests(etl, instance)) == 1


def test_runs_of_days_wait_a_minute_for_an_ingest_that_has_begun(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    etl.ledger.announce({NOW.date(): {"m": []}})
    append(etl)
    (request,) = requests(etl, instance)
    etl.ledger.announce({date(2026, 1, 1): {"n": []}})
    launch(etl, instance, request, dg.DagsterRunStatus.STARTED)
    found = ticked(etl, instance)
    assert (found.run_requests, "has just begun" in str(found.skip_message)) == ([], True)
    etl.clock.sleep(60)
    with etl.state.lock("ingest"):  # as a first import does for hours
        (days,) = ticked(etl, instance).run_requests or []
    assert (days.job_name, days.tags["dagster/partition"]) == ("days", "2026-01-01")


def test_ingest_is_one_run_with_the_newest_due_days(etl: Etl, instance: dg.DagsterInstance) -> None:
    """The 14th is due; most new lines are about today, the 16th, and yesterday. Old days follow."""
    etl.ledger.announce({date(2026, 3, 14): {"m": []}, date(2026, 1, 1): {"n": []}})
    append(etl)
    (request,) = ticked(etl, instance).run_requests or []
    assert request.job_name == "ingest_and_days"
    assert str(span_of(request.tags)) == "2026-03-14 to 2026-03-16"
    run = launch(etl, instance, request, dg.DagsterRunStatus.STARTED)
    ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    etl.clock.sleep(60)
    (other,) = ticked(etl, instance).run_requests or []
    assert (other.job_name, str(span_of(other.tags))) == ("days", "2026-01-01")
    # Lines that arrive during that run are ingested by another run, which covers no day.
    launch(etl, instance, other, dg.DagsterRunStatus.STARTED)
    append(etl)
    (third,) = ticked(etl, instance).run_requests or []
    assert third.job_name == "ingest"
    assert run.run_id in str(third.run_key)


@pytest.mark.slow
def test_the_run_of_ingest_and_days_does_both(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    """Meetings ended yesterday and today; their events are in a log that was not ingested yet."""
    clock = ManualClock(datetime(2026, 3, 3, 12, tzinfo=UTC))
    with Sandbox(small_world(), clock) as webex:
        product = Product(tmp_path, webex, clock=clock)
        product.write_logs()
        etl = product.etl()
        (request,) = ticked(etl, instance).run_requests or []
        job = build_defs(etl).resolve_job_def(str(request.job_name))
        tags = dict(request.tags)
        day = tags.get("dagster/partition")
        done = job.execute_in_process(instance=instance, tags=tags, partition_key=day)
    assert done.success
    assert {str(row["date"]) for row in product.rows("meetings")} == {"2026-03-02", "2026-03-03"}
    assert product.rows("participants")
    assert etl.ledger.due_days() == []
