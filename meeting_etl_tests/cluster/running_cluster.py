"""A cluster that works on one data folder, and one machine that does the same undisturbed."""

import gzip
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.events import JobFailureData

from meeting_etl.object_storage.log_segments import LogSegments
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.orchestration.run_lock import holds_a_lock
from meeting_etl.orchestration.run_tags import span_tags
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.times import Span
from meeting_etl_tests.cluster.machines import ALL_QUEUES, Machines, machines
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.product import DATA_TABLES, Product, rows
from meeting_etl_tests.served_ui import ServedUi, served_ui, wait_until

HOSTS = ("one", "two")
_LAUNCH = """
mutation ($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) { __typename }
}"""
_REPOSITORY = {
    "repositoryLocationName": "meeting_etl.definitions",
    "repositoryName": "__repository__",
}
# Names of logs, and places in them: shipped logs have others.
_OF_LOGS = ("log_id", "log_file", "events_seen")
_STARTED = [dg.DagsterRunStatus.STARTED]


@dataclass
class Cluster:
    """Hosts that work on the data folder of `shared`; `local` has a sandbox of its own."""

    hosts: Machines
    ui: ServedUi
    instance: dg.DagsterInstance
    shared: Product
    local: Product

    @property
    def tables(self) -> str:
        """The folder or the URL of the tables of the hosts."""
        return self.shared.environ["MEETING_ETL_DATA_DIR"]

    @property
    def asked(self) -> int:
        """Requests of the cluster so far."""
        return self.shared.webex.counters.total

    @property
    def asked_locally(self) -> int:
        """Requests of the machine alone so far."""
        return self.local.webex.counters.total

    def runs(self, job: str) -> list[dg.DagsterRun]:
        """The newest first."""
        return list(self.instance.get_runs(dg.RunsFilter(job_name=job)))

    def at_work(self, job: str) -> list[dg.DagsterRun]:
        """The runs of a job that execute steps, or did when their process was lost."""
        where = dg.RunsFilter(job_name=job, statuses=_STARTED)
        return [run for run in self.instance.get_runs(where) if holds_a_lock(run)]

    def started(self, job: str) -> dg.DagsterRun:
        """The run of a job that is at work, once there is one."""
        wait_until(lambda: self.at_work(job))
        return self.at_work(job)[0]

    def process_of(self, run: dg.DagsterRun) -> int:
        """The id of the process that executes it."""
        messages = "\n".join(entry.message for entry in self.instance.all_logs(run.run_id))
        found = re.search(r"Started process for run \(pid: (\d+)\)", messages)
        assert found is not None
        return int(found[1])

    def host_of(self, run: dg.DagsterRun) -> str:
        """The host whose worker executes it."""
        return self.hosts.host_of(self.process_of(run))

    def status(self, run: dg.DagsterRun) -> str:
        """Now."""
        now = self.instance.get_run_by_id(run.run_id)
        assert now is not None
        return now.status.value

    def launch_days(self, span: Span) -> None:
        """Launch the job `days` for a span."""
        launch(self.ui, "days", span_tags(span))

    def lost(self) -> list[dg.RunRecord]:
        """Runs that failed after they had begun."""
        where = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])
        return [record for record in self.instance.get_run_records(where) if record.start_time]

    def history(self) -> str:
        """What became of each run, the oldest first."""
        lines = []
        for record in reversed(self.instance.get_run_records()):
            run = record.dagster_run
            seconds = (record.end_time or 0) - (record.start_time or 0)
            why = run.tags.get("dagster/failure_reason", "")
            lines.append(
                f"{record.create_timestamp:%H:%M:%S} {run.run_id[:8]} {run.job_name} "
                f"{run.status.value} {seconds:.0f} s {why} retry of {str(run.parent_run_id)[:8]} "
                f"{self._sentence(run)}"
            )
        return "\n".join(lines)

    def _sentence(self, run: dg.DagsterRun) -> str:
        """What a failed run says."""
        kind = dg.DagsterEventType.RUN_FAILURE
        for entry in self.instance.all_logs(run.run_id, of_type=kind):
            data = entry.dagster_event and entry.dagster_event.event_specific_data
            if isinstance(data, JobFailureData) and data.error:
                return " ".join(data.error.message.split())[:200]
        return ""

    def is_at_rest(self) -> bool:
        """Whether nothing is due and nothing runs."""
        return not self.shared.etl().ledger.due_days() and all(
            run.is_finished for run in self.instance.get_runs()
        )


@contextmanager
def running_cluster(
    folder: Path,
    world: World,
    servers: Mapping[str, str],
    *,
    per_minute: int,
    faults: Faults | None = None,
    inside: Mapping[str, list[str]] | None = None,
    bucket: Mapping[str, str] | None = None,
    queues: Mapping[str, str] | None = None,
) -> Iterator[Cluster]:
    """A control host and two workers, once one machine has done all that is due.

    `servers` are the variables that name the servers, `inside` what starts a command on a host.
    `queues` names other hosts for the workers, with the queues that each takes runs from.
    With the variables of a `bucket`, the tables are there, and the hosts share no folder.
    """
    with Sandbox(world) as calm, Sandbox(world, faults=faults) as webex:
        local = Product(folder / "local", calm)
        more = {**servers, "WEBEX_REQUESTS_PER_MINUTE": str(per_minute)}
        if bucket is not None:
            more |= {**bucket, "MEETING_ETL_DATA_DIR": url_of(folder / "shared")}
            more["MEETING_ETL_WORK_DIR"] = str(folder / "shared")
        shared = Product(folder / "shared", webex, more=more)
        for product in (local, shared):
            product.write_logs()
        if bucket is not None:
            ship_logs(shared.folder / "webhook_logs", url_of(shared.folder))
        assert local.run().failures == []
        with machines(folder / "hosts", shared.environ, inside) as hosts:
            for host, names in (queues or dict.fromkeys(HOSTS, ALL_QUEUES)).items():
                hosts.start_worker(host, names)
            control = hosts.environ("control")
            with served_ui(control, within=folder) as ui, hosts.instance() as instance:
                yield Cluster(hosts, ui, instance, shared, local)


def expect_the_same_tables(cluster: Cluster) -> None:
    """The tables of the hosts are those of the machine alone, but for names of shipped logs."""
    for name in DATA_TABLES:
        there, alone = (
            sorted(map(_without_logs, rows(place, name)))
            for place in (cluster.tables, cluster.local.folder)
        )
        assert there == alone, name


def _without_logs(row: dict[str, Any]) -> str:
    return repr({column: value for column, value in row.items() if column not in _OF_LOGS})


def launch(ui: ServedUi, job: str, tags: Mapping[str, str]) -> None:
    """Launch a job, as a user of the UI does."""
    parameters = {
        "selector": {**_REPOSITORY, "jobName": job},
        "executionMetadata": {
            "tags": [{"key": key, "value": value} for key, value in tags.items()]
        },
    }
    launched = ui.ask(_LAUNCH, parameters=parameters)["launchRun"]
    assert launched == {"__typename": "LaunchRunSuccess"}


def ship_logs(folder: Path, url: str) -> None:
    """Put the logs of a folder into a bucket, as receivers do, and remove them."""
    segments = LogSegments(ObjectFiles(url))
    for number, path in enumerate(sorted(folder.rglob("*.jsonl*"))):
        lines = path.read_bytes()
        lines = gzip.decompress(lines) if path.suffix == ".gz" else lines
        segments.add(f"receiver/2026-01-01T00-{number:016x}", 0, lines.rstrip(b"\n") + b"\n")
    shutil.rmtree(folder)


def names_of(postgres: str, broker: str) -> dict[str, str]:
    """The variables that name these servers."""
    return {
        "MEETING_ETL_STATE": postgres,
        "CELERY_BROKER_URL": broker,
        "CELERY_RESULT_BACKEND": f"db+{postgres}",
    }
