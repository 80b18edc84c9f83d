"""When the schedule launches ingest: for work that the sensor does not notice."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.orchestration.launching.ingest_launches import every_quarter_hour
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.pipeline.ledger.token_history import record_tokens
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.orchestration.launching.test_ingest_launches import append, launch, requests
from meeting_etl_tests.orchestration.local_instance import local_instance

NOW = datetime(2026, 3, 16, 12, 0, 30, tzinfo=UTC)


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


def scheduled(etl: Etl, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    with dg.build_schedule_context(
        instance=instance, resources={"etl": etl}, scheduled_execution_time=etl.clock.now()
    ) as context:
        return list(every_quarter_hour.evaluate_tick(context).run_requests or [])


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
    record_tokens(etl.state, etl.lake, etl.ledger, etl.token_identities, NOW)
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
