"""Runs whose process has died: their lock is free, so they are failed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from logging import WARNING
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.execution.api import execute_run

from meeting_etl.definitions import build_defs
from meeting_etl.errors import StorageError, StorageUnavailable
from meeting_etl.orchestration.run_lock import lock_of
from meeting_etl.orchestration.run_tags import PROCESS_LOCK_TAG
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.cluster.s3_proxy import Proxy, s3_proxy
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.cluster.sessions import end_sessions

pytestmark = pytest.mark.cluster
NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)


@pytest.fixture
def etl(postgres: str, tmp_path: Path) -> Etl:
    variables = {"MEETING_ETL_DATA_DIR": str(tmp_path), "MEETING_ETL_STATE": postgres}
    return Etl(variables, ManualClock(NOW))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


class Ticks:
    """The sensor in one code server, which remembers what it saw."""

    def __init__(self, etl: Etl, instance: dg.DagsterInstance) -> None:
        self._defs = build_defs(etl)
        self._instance = instance

    def tick(self) -> str:
        with dg.build_sensor_context(instance=self._instance, definitions=self._defs) as context:
            sensor = self._defs.resolve_sensor_def("lost_runs")
            return str(sensor.evaluate_tick(context).skip_message)


def started(instance: dg.DagsterInstance, lock: str | None = None) -> str:
    run = dg.DagsterRun("days", status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
    instance.add_run_tags(run.run_id, {PROCESS_LOCK_TAG: lock or lock_of(run.run_id)})
    return run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> str:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status.value


def test_a_run_whose_lock_stays_free_is_failed(etl: Etl, instance: dg.DagsterInstance) -> None:
    clock, ticks = etl.clock, Ticks(etl, instance)
    assert isinstance(clock, ManualClock)
    dead, alive = started(instance), started(instance)
    inherited = started(instance, lock_of("the-run-before"))
    with etl.state.lock(lock_of(alive)):
        assert ticks.tick() == "No run is lost."
        clock.advance(seconds=24)
        assert ticks.tick() == "No run is lost."
        assert status(instance, dead) == "STARTED"
        clock.advance(seconds=1)
        assert ticks.tick() == "Failed 1 runs."
    assert status(instance, dead) == "FAILURE"
    assert status(instance, alive) == "STARTED"
    assert status(instance, inherited) == "STARTED", "it has not begun to hold a lock"


def test_a_lock_that_is_held_again_meanwhile_is_not_lost(
    etl: Etl, instance: dg.DagsterInstance
) -> None:
    clock, ticks = etl.clock, Ticks(etl, instance)
    assert isinstance(clock, ManualClock)
    run_id = started(instance)
    ticks.tick()
    clock.advance(seconds=30)
    with etl.state.lock(lock_of(run_id)):
        ticks.tick()
    clock.advance(seconds=30)
    assert ticks.tick() == "No run is lost."
    assert status(instance, run_id) == "STARTED"


def test_the_process_of_a_run_holds_its_lock(
    etl: Etl, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a run worker executes it: execute_in_process() would take another executor."""
    job = build_defs(etl).resolve_job_def("maintenance")
    run = instance.create_run_for_job(job)
    seen: list[tuple[str, bool]] = []

    def observe(*_: object, **__: object) -> None:
        """In the place of what a step calls."""
        (now,) = instance.get_runs()
        seen.append((now.tags[PROCESS_LOCK_TAG], etl.state.is_locked(lock_of(run.run_id))))

    monkeypatch.setattr("meeting_etl.lake.leftovers.sweep_leftovers", observe)
    assert execute_run(InMemoryJob(job), run, instance).success
    assert seen == [(lock_of(run.run_id), True)]
    assert not etl.state.is_locked(lock_of(run.run_id))


@pytest.mark.parametrize(
    ("error", "are_lost", "reason"),
    [
        (StorageError("The step failed."), True, RunFailureReason.RUN_EXCEPTION),
        (StorageUnavailable("The bucket is away."), False, RunFailureReason.RUN_EXCEPTION),
        (StorageError("The step failed."), False, RunFailureReason.STEP_FAILURE),
    ],
    ids=["locks are lost", "bucket is away", "neither"],
)
def test_a_run_that_lost_its_locks_or_its_bucket_failed_by_itself(
    etl: Etl,
    instance: dg.DagsterInstance,
    postgres: str,
    monkeypatch: pytest.MonkeyPatch,
    error: StorageError,
    reason: RunFailureReason,
    *,
    are_lost: bool,
) -> None:
    """Dagster retries such a run, and none whose step failed."""

    def fail(*_: object, **__: object) -> None:
        """In the place of what a step calls."""
        if are_lost:
            end_sessions(postgres)
        raise error

    monkeypatch.setattr("meeting_etl.lake.leftovers.sweep_leftovers", fail)
    assert failed(maintenance(etl), instance).failure_reason is reason


def test_a_run_waits_for_its_bucket(
    in_bucket: Etl,
    instance: dg.DagsterInstance,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run that fails uses up one of its retries."""
    monkeypatch.setattr("meeting_etl.lake.leftovers.sweep_leftovers", lambda *_, **__: None)
    job = maintenance(in_bucket)
    seen = len(proxy.seen)
    # Each look is five requests: four are retries.
    proxy.refuses = lambda method, path: len(proxy.seen) <= seen + 11
    assert executed(job, instance)
    assert isinstance(in_bucket.clock, ManualClock)
    assert in_bucket.clock.slept == [5, 5]
    (run,) = instance.get_runs()
    said = [entry.message for entry in instance.all_logs(run.run_id) if entry.level == WARNING]
    assert len(said) == 1
    assert said[0].startswith("Waiting 300 s at most for the storage: Cannot list s3://")


def test_a_run_does_not_wait_for_ever(
    in_bucket: Etl,
    instance: dg.DagsterInstance,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("meeting_etl.orchestration.run_lock._WAIT_SECONDS", 9.0)
    job = maintenance(in_bucket)
    proxy.refuses = lambda method, path: True
    failure = failed(job, instance)
    assert failure.failure_reason is RunFailureReason.RUN_EXCEPTION
    assert failure.error is not None
    assert failure.error.message.startswith("Cannot list s3://")
    assert "503 Service Unavailable" in failure.error.message
    assert isinstance(in_bucket.clock, ManualClock)
    assert in_bucket.clock.slept == [5, 5]


@pytest.fixture
def proxy(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Between this process and the bucket."""
    with s3_proxy(s3["AWS_ENDPOINT_URL"]) as (proxy, endpoint):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        yield proxy


@pytest.fixture
def in_bucket(postgres: str, tmp_path: Path, proxy: Proxy) -> Etl:
    variables = {"MEETING_ETL_DATA_DIR": url_of(tmp_path), "MEETING_ETL_WORK_DIR": str(tmp_path)}
    return Etl({**variables, "MEETING_ETL_STATE": postgres}, ManualClock(NOW))


def maintenance(etl: Etl) -> dg.JobDefinition:
    return build_defs(etl).resolve_job_def("maintenance")


def executed(job: dg.JobDefinition, instance: dg.DagsterInstance) -> bool:
    """Execute a run, as a run worker does; returns whether it succeeded."""
    run = instance.create_run_for_job(job)
    return execute_run(InMemoryJob(job), run, instance).success


def failed(job: dg.JobDefinition, instance: dg.DagsterInstance) -> JobFailureData:
    """How a run failed."""
    assert not executed(job, instance)
    (run,) = instance.get_runs()
    (failure,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert failure.dagster_event is not None
    return failure.dagster_event.job_failure_data


def test_without_postgresql_there_is_neither_lock_nor_sensor(tmp_path: Path) -> None:
    defs = build_defs(Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)}))
    assert "lost_runs" not in {sensor.name for sensor in defs.sensors or ()}
    assert defs.executor is dg.in_process_executor
