"""Runs on workers: the tables of one machine; a lost worker loses and repeats nothing."""

import time
from collections.abc import Iterator

import pytest

from meeting_etl.pipeline.ledger.reopening import Reopening, reopen
from meeting_etl.schemas import MEETINGS
from meeting_etl.times import Span
from meeting_etl_tests.cluster.postgres_server import own_database
from meeting_etl_tests.cluster.rabbitmq_server import rabbitmq_server
from meeting_etl_tests.cluster.running_cluster import Cluster, names_of, running_cluster
from meeting_etl_tests.product import tables
from meeting_etl_tests.recent_world import recent_world
from meeting_etl_tests.served_ui import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
PER_MINUTE = 300
# Requests of the open batch: it is committed after 20 seconds, and the commit takes a while.
OPEN_BATCH = PER_MINUTE * 25 // 60


@pytest.fixture(scope="module")
def cluster(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    world = recent_world(1, days_ago=5, days=3, meetings=50)
    with (
        own_database(postgres) as url,
        rabbitmq_server() as broker,
        running_cluster(
            tmp_path_factory.mktemp("cluster"),
            world,
            names_of(url, broker.url),
            per_minute=PER_MINUTE,
        ) as cluster,
    ):
        yield cluster


def test_a_lost_worker_loses_and_repeats_nothing(cluster: Cluster) -> None:
    asked_locally = cluster.asked_locally
    run = cluster.started("days")
    (ingest,) = cluster.runs("ingest_and_days")
    assert cluster.status(ingest) == "SUCCESS"
    wait_until(lambda: cluster.asked > OPEN_BATCH + 15)
    cluster.hosts.kill(cluster.host_of(run))
    killed_at, asked_before = time.monotonic(), cluster.asked
    assert asked_before < asked_locally, "it was not killed in the middle"
    wait_until(lambda: cluster.status(run) == "FAILURE")
    wait_until(lambda: cluster.status(cluster.runs("days")[0]) == "SUCCESS")
    assert time.monotonic() - killed_at < 120
    wait_until(cluster.is_at_rest)
    retry = cluster.runs("days")[0]
    assert retry.parent_run_id == run.run_id
    assert tables(cluster.shared.folder) == tables(cluster.local.folder)
    assert 0 <= cluster.asked - asked_locally <= OPEN_BATCH


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
    wait_until(cluster.is_at_rest)
    assert cluster.status(cluster.runs("days")[0]) == "SUCCESS"
    assert tables(cluster.shared.folder) == tables(cluster.local.folder)


def test_what_a_run_prints_is_what_the_worker_prints(cluster: Cluster) -> None:
    """Dagster captures the streams of the process: Celery must not put its own there."""

    def ends_of_runs() -> list[str]:
        printed = "".join(path.read_text() for path in cluster.hosts.folder.glob("*.log"))
        return [line for line in printed.splitlines() if "RUN_SUCCESS" in line]

    wait_until(ends_of_runs)
    assert not [line for line in ends_of_runs() if "ForkPoolWorker" in line]
