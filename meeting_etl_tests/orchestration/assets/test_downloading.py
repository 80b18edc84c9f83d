"""When downloads start: in runs of their own, which do not block other runs of the same day."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.orchestration.launching.ticking import ticked

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
DAY = date(2026, 3, 10)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def etl_with(folder: Path, toml: str) -> Etl:
    file = folder / "settings.toml"
    file.write_text(toml)
    variables = {"MEETING_ETL_DATA_DIR": str(folder), "MEETING_ETL_SETTINGS": str(file)}
    return Etl(variables, ManualClock(NOW))


@pytest.fixture
def etl(tmp_path: Path) -> Etl:
    """One recording is due for download, nothing else is due."""
    etl = etl_with(tmp_path, '[downloads]\nrecordings = ["video"]\n')
    etl.ledger.record(DAY, [WorkItem("m_I_1", "recording_files", "r", next_attempt_at=NOW)])
    etl.ledger.refresh(DAY)
    return etl


def days(sensor: str, etl: Etl, instance: dg.DagsterInstance) -> list[str]:
    requests = ticked(etl, instance, sensor=sensor).run_requests or []
    return [request.tags["dagster/partition"] for request in requests]


def started(etl: Etl, instance: dg.DagsterInstance, job: str) -> None:
    instance.create_run_for_job(
        build_defs(etl).resolve_job_def(job),
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/partition": str(DAY)},
    )


def test_a_download_is_launched_by_itself(etl: Etl, instance: dg.DagsterInstance) -> None:
    assert days("due_files", etl, instance) == [str(DAY)]
    assert days("due_work", etl, instance) == []


def test_without_downloads_there_is_neither_a_job_nor_a_sensor_for_them(tmp_path: Path) -> None:
    defs = build_defs(etl_with(tmp_path, ""))
    assert "due_files" not in {sensor.name for sensor in defs.sensors or ()}
    assert "files" not in {job.name for job in defs.jobs or ()}


def test_a_download_does_not_block_other_runs_of_its_day(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    etl.ledger.announce({DAY: {"m": []}})
    started(etl, instance, "files")
    assert days("due_files", etl, instance) == []
    assert days("due_work", etl, instance) == [str(DAY)]


def test_a_run_of_tables_does_not_block_downloads_of_its_day(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    etl.ledger.announce({DAY: {"m": []}})
    started(etl, instance, "days")
    assert days("due_files", etl, instance) == [str(DAY)]
    assert days("due_work", etl, instance) == []
