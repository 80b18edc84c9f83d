"""The task of a worker: a run whose history cannot be written is tried again, not forgotten."""

import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import pack_value

from meeting_etl_tests.cluster.postgres_server import postgres_down, postgres_server

pytestmark = pytest.mark.cluster


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """That of DAGSTER_HOME."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.get() as instance:
        yield instance


@dg.job
def nothing() -> None:
    """A job of no steps."""


def executed(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> str:
    """Execute the task of a run that has this status; returns the status afterwards."""
    from meeting_etl.workers import execute_job

    pointer = ModuleCodePointer(__name__, "nothing", None)
    origin = JobPythonOrigin("nothing", RepositoryPythonOrigin(sys.executable, pointer))
    run = instance.create_run_for_job(nothing, status=status, job_code_origin=origin)
    arguments = ExecuteRunArgs(origin, run.run_id, None, True)
    execute_job.apply(args=[pack_value(arguments)]).get()
    now = instance.get_run_by_id(run.run_id)
    assert now is not None
    return now.status.value


def test_a_run_is_executed(instance: dg.DagsterInstance) -> None:
    assert executed(instance, dg.DagsterRunStatus.STARTING) == "SUCCESS"


def test_a_run_whose_end_was_not_written_is_failed(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagster._cli.api import _execute_run_command_body

    from meeting_etl import workers

    def lose_the_end(**_: Any) -> int:
        """In the place of a run all of whose writes fail."""
        monkeypatch.setattr(workers, "_execute_run_command_body", _execute_run_command_body)
        return 1

    monkeypatch.setattr(workers, "_execute_run_command_body", lose_the_end)
    assert executed(instance, dg.DagsterRunStatus.STARTED) == "FAILURE"


def test_a_run_begins_although_the_history_was_away(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = dg.DagsterInstance.get

    def refuse() -> dg.DagsterInstance:
        monkeypatch.setattr(dg.DagsterInstance, "get", get)
        raise ConnectionRefusedError

    monkeypatch.setattr(dg.DagsterInstance, "get", refuse)
    assert executed(instance, dg.DagsterRunStatus.STARTING) == "SUCCESS"


def test_what_celery_notes_of_a_task_waits_for_postgresql() -> None:
    """A task whose beginning cannot be noted is dropped, and its run is starting for ever."""
    from celery.backends.database import DatabaseBackend

    from meeting_etl.workers import app

    with postgres_server() as url:
        backend = DatabaseBackend(url=url, app=app)
        backend.store_result("earlier", {}, "STARTED")
        noting = Thread(target=backend.store_result, args=("a-task", {}, "STARTED"))
        with postgres_down(url):
            noting.start()
            noting.join(2)
            assert noting.is_alive(), "it gave up"
        noting.join(30)
        assert backend.get_state("a-task") == "STARTED"
