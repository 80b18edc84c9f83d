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


def with_runs(etl: Etl, runs: int) -> Etl:
    """The same data, whose downloads several runs share."""
    text = f'[downloads]\nrecordings = ["video"]\nruns = {runs}\n'
    return etl_with(etl.settings.data_dir, text)


def test_several_runs_share_the_downloads_of_a_day(etl: Etl, instance: dg.DagsterInstance) -> None:
    etl = with_runs(etl, 3)
    requests = ticked(etl, instance, sensor="due_files").run_requests
    assert [request.tags["dagster/partition"] for request in requests] == [str(DAY)] * 3
    values = [request.tags.get("meeting_etl/downloads") for request in requests]
    assert values == [None, "2", "3"]  # the first has that of its job
    assert len({request.run_key for request in requests}) == 3
    etl.ledger.announce({DAY: {"m": []}})
    assert days("due_work", etl, instance) == [str(DAY)]
    started(etl, instance, "files")
    assert days("due_files", etl, instance) == []


def test_without_the_setting_one_run_downloads(etl: Etl, instance: dg.DagsterInstance) -> None:
    (one,) = ticked(etl, instance, sensor="due_files").run_requests
    (first, _) = ticked(with_runs(etl, 2), instance, sensor="due_files").run_requests
    assert (first.run_key, first.tags) == (one.run_key, one.tags)
    assert "meeting_etl/downloads" not in one.tags
    job = build_defs(etl).resolve_job_def("files")
    assert job.run_tags["meeting_etl/downloads"] == "true"


def test_runs_that_share_a_stretch_of_old_days_are_followed_by_those_of_the_next(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    older = date(2026, 1, 10)
    etl.ledger.record(older, [WorkItem("m_I_2", "recording_files", "s", next_attempt_at=NOW)])
    etl.ledger.refresh(older)
    etl = with_runs(etl, 2)
    assert days("due_files", etl, instance) == [str(DAY)] * 2


def test_a_run_of_tables_does_not_block_downloads_of_its_day(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    etl.ledger.announce({DAY: {"m": []}})
    started(etl, instance, "days")
    assert days("due_files", etl, instance) == [str(DAY)]
    assert days("due_work", etl, instance) == []
