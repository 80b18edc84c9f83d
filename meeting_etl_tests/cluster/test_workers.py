"""Runs on workers: the tables of one machine; a lost worker loses and repeats nothing."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg
import pytest

from meeting_etl.orchestration.run_lock import holds_a_lock
from meeting_etl.pipeline.ledger.reopening import Reopening, reopen
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl.schemas import MEETINGS
from meeting_etl.times import Clock, Span
from meeting_etl_tests.cluster.machines import Machines, machines
from meeting_etl_tests.cluster.rabbitmq_server import rabbitmq_server
from meeting_etl_tests.product import Product, tables
from meeting_etl_tests.served_ui import served_ui, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
PER_MINUTE = 300
# Requests of the open batch: it is committed after 20 seconds, and the commit takes a while.
OPEN_BATCH = PER_MINUTE * 25 // 60
STARTED = [dg.DagsterRunStatus.STARTED]


@dataclass
class Cluster:
    """Hosts that work on one data folder, beside a local product with the same world."""

    hosts: Machines
    instance: dg.DagsterInstance
    shared: Product
    local: Product
    asked_locally: int

    def asked(self) -> int:
        """Requests of the shared product."""
        return self.local.webex.counters.total - self.asked_locally

    def runs(self, job: str) -> list[dg.DagsterRun]:
        """The newest first."""
        return list(self.instance.get_runs(dg.RunsFilter(job_name=job)))

    def started(self, job: str) -> dg.DagsterRun:
        """The run of a job that is at work, once there is one."""
        where = dg.RunsFilter(job_name=job, statuses=STARTED)
        wait_until(lambda: [run for run in self.instance.get_runs(where) if holds_a_lock(run)])
        return self.instance.get_runs(where)[0]

    def host_of(self, run: dg.DagsterRun) -> str:
        """The host whose worker executes it."""
        messages = "\n".join(entry.message for entry in self.instance.all_logs(run.run_id))
        found = re.search(r"Started process for run \(pid: (\d+)\)", messages)
        assert found is not None
        return self.hosts.host_of(int(found[1]))

    def status(self, run: dg.DagsterRun) -> str:
        """Now."""
        now = self.instance.get_run_by_id(run.run_id)
        assert now is not None
        return now.status.value

    def wait_for_rest(self) -> None:
        """Until nothing is due and nothing runs."""
        wait_until(
            lambda: (
                not self.shared.etl().ledger.due_days()
                and all(run.is_finished for run in self.instance.get_runs())
            )
        )


@pytest.fixture(scope="module")
def cluster(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    world = demo_world(1, Clock().now() - timedelta(days=4), days=3, meetings=50)
    with Sandbox(world) as webex, rabbitmq_server() as broker:
        local = Product(folder / "local", webex)
        local.write_logs()
        assert local.run().failures == []
        asked = webex.counters.total
        more = {
            "MEETING_ETL_STATE": postgres,
            "CELERY_BROKER_URL": broker,
            "CELERY_RESULT_BACKEND": f"db+{postgres}",
            "WEBEX_REQUESTS_PER_MINUTE": str(PER_MINUTE),
        }
        shared = Product(folder / "shared", webex, more=more)
        shared.write_logs()
        with machines(folder / "hosts", shared.environ) as hosts:
            hosts.start_worker("one")
            hosts.start_worker("two")
            with served_ui(hosts.environ("control"), within=folder), hosts.instance() as instance:
                yield Cluster(hosts, instance, shared, local, asked)


def test_a_lost_worker_loses_and_repeats_nothing(cluster: Cluster) -> None:
    asked_locally = cluster.asked_locally
    run = cluster.started("days")
    (ingest,) = cluster.runs("ingest_and_days")
    assert cluster.status(ingest) == "SUCCESS"
    wait_until(lambda: cluster.asked() > OPEN_BATCH + 15)
    cluster.hosts.kill(cluster.host_of(run))
    killed_at, asked_before = time.monotonic(), cluster.asked()
    assert asked_before < asked_locally, "it was not killed in the middle"
    wait_until(lambda: cluster.status(run) == "FAILURE")
    wait_until(lambda: cluster.status(cluster.runs("days")[0]) == "SUCCESS")
    assert time.monotonic() - killed_at < 120
    cluster.wait_for_rest()
    retry = cluster.runs("days")[0]
    assert retry.parent_run_id == run.run_id
    assert tables(cluster.shared.folder) == tables(cluster.local.folder)
    assert 0 <= cluster.asked() - asked_locally <= OPEN_BATCH


def test_a_run_is_failed_even_if_no_worker_is_left(cluster: Cluster) -> None:
    day = cluster.local.etl().lake.days(MEETINGS)[-1]
    for etl in (cluster.local.etl(), cluster.shared.etl()):
        reopen(etl.lake, etl.ledger, Reopening(Span(day, day)))
    assert cluster.local.run().failures == []
    run = cluster.started("days")
    for host in list(cluster.hosts.workers):
        cluster.hosts.kill(host)
    wait_until(lambda: cluster.status(run) == "FAILURE", 180)
    cluster.hosts.start_worker("three")
    cluster.wait_for_rest()
    assert cluster.status(cluster.runs("days")[0]) == "SUCCESS"
    assert tables(cluster.shared.folder) == tables(cluster.local.folder)


def test_what_a_run_prints_is_what_the_worker_prints(cluster: Cluster) -> None:
    """Dagster captures the streams of the process: Celery must not put its own there."""

    def ends_of_runs() -> list[str]:
        printed = "".join(path.read_text() for path in cluster.hosts.folder.glob("*.log"))
        return [line for line in printed.splitlines() if "RUN_SUCCESS" in line]

    wait_until(ends_of_runs)
    assert not [line for line in ends_of_runs() if "ForkPoolWorker" in line]
