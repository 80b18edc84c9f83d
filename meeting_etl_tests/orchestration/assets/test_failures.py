"""What the pages of a run show first when a step fails: the sentence that says what to do."""

import re
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_graphql.test.utils import execute_dagster_graphql

from meeting_etl.definitions import build_defs
from meeting_etl.files import Files
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.orchestration.local_instance import local_instance
from meeting_etl_tests.product import Product

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
WORLD = sized_world(1, NOW, meetings=12, participants=2, snippets=2)


def shown(etl: Etl, job: str, day: str | None = None) -> tuple[str, list[str]]:
    """The text of the failed step's error, and its stack trace."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = (
            build_defs(etl)
            .resolve_job_def(job)
            .execute_in_process(instance=instance, partition_key=day, raise_on_error=False)
        )
        (event, *_) = result.filter_events(lambda event: event.is_step_failure)
        error = event.step_failure_data.error
        assert error is not None
        run = result.filter_events(lambda event: event.is_job_failure)[0].job_failure_data.error
        assert run is not None
        assert (run.message, run.stack) == (error.message, [])
        assert (error.cause, error.context) == (None, None)
        return error.message.strip(), list(error.stack)


def failed_day(folder: Path, faults: Faults, more: Mapping[str, str]) -> tuple[str, list[str]]:
    """What the step of a day shows."""
    with Sandbox(WORLD, ManualClock(NOW), faults) as webex:
        etl = Product(folder, webex, "compliance", webex.clock, more).etl()
        Product(folder, webex, "compliance", webex.clock).write_logs()
        ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
        return shown(etl, "days", str(etl.ledger.due_days()[0]))


def test_a_wrong_token(tmp_path: Path) -> None:
    sentence, stack = failed_day(tmp_path, Faults(), {"WEBEX_ACCESS_TOKEN": "wrong"})
    assert sentence.startswith("Set a new WEBEX_ACCESS_TOKEN: Webex responded 401 to GET ")
    assert stack == []


def test_an_unreachable_api(tmp_path: Path) -> None:
    sentence, stack = failed_day(tmp_path, Faults(), {"WEBEX_BASE_URL": "http://127.0.0.1:9/v1"})
    assert re.match(r"The last \d+ requests failed; Webex seems to be down\. Run again", sentence)
    assert stack == []


def test_an_hour_of_retry_after(tmp_path: Path) -> None:
    faults = Faults(requests_per_second=0.001, burst=2, retry_after_seconds=3_600)
    sentence, stack = failed_day(tmp_path, faults, {})
    assert "2026-03-16T13:0" in sentence
    assert "longer than WEBEX_MAX_WAIT_SECONDS (300 s); run again" in sentence
    assert stack == []


@pytest.mark.parametrize("job", ["ingest", "check_days"])
def test_a_broken_setting(tmp_path: Path, job: str) -> None:
    settings = tmp_path / "etl.toml"
    settings.write_text("[fetch]\nthreads = 0\n")
    environ = {"MEETING_ETL_DATA_DIR": str(tmp_path), "MEETING_ETL_SETTINGS": str(settings)}
    sentence, stack = shown(Etl(environ), job)
    assert sentence.startswith(f"{settings}: [fetch] threads ")
    assert stack == []


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    folder = tmp_path / "webhook_logs"
    folder.mkdir()
    (folder / "events.jsonl").write_text('{"resource": "meetings"}\n')
    monkeypatch.setattr(Files, "_commit", full)
    sentence, stack = shown(Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)}), "ingest")
    assert "No space left on device; free some disk space and run again." in sentence
    assert stack == []


def test_graphql_has_the_sentence_for_the_page_of_the_run(tmp_path: Path) -> None:
    etl = Etl({"MEETING_ETL_DATA_DIR": str(tmp_path), "MEETING_ETL_SETTINGS": "/missing.toml"})
    query = """query ($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events {
        ... on ExecutionStepFailureEvent { error { message stack } } } } } }"""
    with local_instance(str(tmp_path)) as instance:
        job = build_defs(etl).resolve_job_def("ingest")
        run_id = job.execute_in_process(instance=instance, raise_on_error=False).run_id
        with WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as context:
            found = execute_dagster_graphql(
                context.create_request_context(), query, {"run": run_id}
            )
    errors = [event["error"] for event in found.data["logsForRun"]["events"] if event]
    sentence = "MEETING_ETL_SETTINGS: cannot read /missing.toml: No such file or directory.\n"
    assert errors == [{"message": sentence, "stack": []}]


class Interrupting(ManualClock):
    """Ctrl-C, as soon as the step looks at the time."""

    def now(self) -> datetime:
        signal.raise_signal(signal.SIGINT)
        return super().now()


def test_a_canceled_step_says_what_stays(tmp_path: Path) -> None:
    etl = Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)}, ManualClock(NOW))
    job = build_defs(etl).resolve_job_def("ingest")
    etl.clock = Interrupting(NOW)
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(DagsterExecutionInterruptedError):
            job.execute_in_process(instance=instance)
        (run,) = instance.get_runs()
        events = (entry.dagster_event for entry in instance.all_logs(run.run_id))
        (failed,) = (event for event in events if event and event.is_step_failure)
    error = failed.step_failure_data.error
    assert error is not None
    assert error.message.startswith("Canceled or interrupted. What was committed stays, and")
    assert list(error.stack) == []
