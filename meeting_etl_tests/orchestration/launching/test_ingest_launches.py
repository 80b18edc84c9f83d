"""When ingest is launched: soon after new lines, with growing pauses, and by the schedule."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.launching.sensors import every_quarter_hour
from meeting_etl.orchestration.run_tags import span_of
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.pipeline.ledger.token_history import record_token
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.orchestration.launching.ticking import ticked
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
    with dg.DagsterInstance.local_temp(home) as instance:
        yield instance


def append(etl: Etl, line: str = "[]") -> None:
    with (etl.logs_folder / "a.jsonl").open("a") as log:
        log.write(f"{line}\n")


def requests(etl: Etl, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """Requests of the sensor for ingest."""
    found = ticked(etl, instance).run_requests or []
    return [request for request in found if str(request.job_name).startswith("ingest")]


def scheduled(etl: Etl, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    with dg.build_schedule_context(
        instance=instance, resources={"etl": etl}, scheduled_execution_time=etl.clock.now()
    ) as context:
        return list(every_quarter_hour.evaluate_tick(context).run_requests or [])


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


def test_the_tick_says_when_the_logs_are_checked_again(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    append(etl)
    (request,) = requests(etl, instance)
    launch(etl, instance, request)
    assert "are checked again at 2026-03-16T12:01:30Z" in str(ticked(etl, instance).skip_message)


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
    """The 15th is due; today, the 16th, is what most new lines are about. Old days follow."""
    etl.ledger.announce({date(2026, 3, 15): {"m": []}, date(2026, 1, 1): {"n": []}})
    append(etl)
    (request,) = ticked(etl, instance).run_requests or []
    assert request.job_name == "ingest_and_days"
    assert str(span_of(request.tags)) == "2026-03-15 to 2026-03-16"
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


def test_the_run_of_ingest_and_days_does_both(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    """A meeting ended today; its event is in a log that was not ingested yet."""
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
    assert {str(row["date"]) for row in product.rows("meetings")} == {"2026-03-03"}
    assert product.rows("participants")
    assert etl.ledger.due_days() == [date(2026, 3, 2)]


def test_the_schedule_launches_nothing_without_news(etl: Etl, instance: dg.DagsterInstance) -> None:
    assert scheduled(etl, instance) == []
    append(etl)
    (request,) = scheduled(etl, instance)
    launch(etl, instance, request)
    etl.clock.sleep(15 * 60)
    assert scheduled(etl, instance) == []
    assert every_quarter_hour.cron_schedule == "*/15 * * * *"
    assert every_quarter_hour.default_status == dg.DefaultScheduleStatus.RUNNING


def test_the_schedule_leaves_new_lines_to_the_sensor_while_it_runs(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    """The next ingest may begin at 12:01:30; by 12:16:30 the sensor would have launched it."""
    append(etl)
    (request,) = requests(etl, instance)
    launch(etl, instance, request)
    append(etl)
    etl.clock.sleep(14 * 60)
    assert scheduled(etl, instance) == []
    etl.clock.sleep(2 * 60)
    assert len(scheduled(etl, instance)) == 1


def test_the_schedule_finds_new_lines_in_old_logs(etl: Etl, instance: dg.DagsterInstance) -> None:
    """The sensor checks the newest logs only."""
    for name, day in (("a.jsonl", 1), ("b.jsonl", 15)):
        log = etl.logs_folder / name
        log.write_text("[]\n")
        at = datetime(2026, 3, day, tzinfo=UTC).timestamp()
        os.utime(log, (at, at))
    ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    with (etl.logs_folder / "a.jsonl").open("a") as old:
        old.write("[]\n")
    at = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
    os.utime(etl.logs_folder / "a.jsonl", (at, at))
    assert requests(etl, instance) == []
    assert len(scheduled(etl, instance)) == 1


def test_the_schedule_launches_ingest_for_a_queued_recording(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    """The event names no meeting; the look-up of the recording is due immediately."""
    event = {"resource": "recordings", "event": "created", "data": {"id": "r1"}}
    append(etl, json.dumps(event))
    ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    etl.clock.sleep(15 * 60)
    assert len(scheduled(etl, instance)) == 1


def test_the_schedule_launches_ingest_for_another_token(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    def etl_with(token: str) -> Etl:
        environ = {"MEETING_ETL_DATA_DIR": str(tmp_path), "WEBEX_ACCESS_TOKEN": token}
        return Etl(environ, ManualClock(NOW))

    etl = etl_with("first")
    assert len(scheduled(etl, instance)) == 1
    record_token(etl.state, etl.ledger, etl.token_identity, NOW)
    assert scheduled(etl, instance) == []
    assert len(scheduled(etl_with("second"), instance)) == 1


def test_the_schedule_launches_ingest_for_a_created_meeting_that_waits_for_auto_record(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('[auto_record]\nhosts = ["*@sales.example"]\n')
    (tmp_path / "webhook_logs").mkdir()
    environ = {"MEETING_ETL_DATA_DIR": str(tmp_path)}
    off = Etl(environ, ManualClock(NOW))
    key = "0" * 32
    created = {
        "received_at": "2026-03-16T11:50:00Z",
        "body": {"resource": "meetings", "event": "created", "data": {"id": key}},
    }
    append(off, json.dumps(created))
    ingest(off.logs, off.lake, off.ledger, off.clock)
    assert scheduled(off, instance) == []
    on = Etl(environ | {"MEETING_ETL_SETTINGS": str(settings)}, ManualClock(NOW))
    assert len(scheduled(on, instance)) == 1
