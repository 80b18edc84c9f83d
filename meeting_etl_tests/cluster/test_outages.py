"""PostgreSQL or RabbitMQ is away for a while: afterwards all goes on by itself."""

import time
from collections.abc import Iterator

import dagster as dg
import pytest

from meeting_etl.pipeline.ledger.reopening import Reopening, reopen
from meeting_etl.schemas import MEETINGS
from meeting_etl.times import Span
from meeting_etl_tests.cluster.postgres_server import own_database, postgres_down
from meeting_etl_tests.cluster.rabbitmq_server import RabbitmqServer, rabbitmq_server
from meeting_etl_tests.cluster.running_cluster import Cluster, names_of, running_cluster
from meeting_etl_tests.product import tables
from meeting_etl_tests.recent_world import recent_world
from meeting_etl_tests.served_ui import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
# Longer than Dagster and Celery try to reach a server by themselves.
AWAY_SECONDS = 45
FAILED = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])


@pytest.fixture(scope="module")
def broker() -> Iterator[RabbitmqServer]:
    with rabbitmq_server() as server:
        yield server


@pytest.fixture(scope="module")
def cluster(
    broker: RabbitmqServer, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    world = recent_world(1, days_ago=5, days=2, meetings=40)
    with (
        own_database(postgres) as url,
        running_cluster(folder, world, names_of(url, broker.url), per_minute=300) as cluster,
    ):
        yield cluster


def test_postgresql_crashes(cluster: Cluster, postgres: str) -> None:
    run = begun(cluster)
    with postgres_down(postgres, "immediate"):
        time.sleep(AWAY_SECONDS)
    expect_the_end(cluster)
    assert cluster.status(run) == "FAILURE"


def test_rabbitmq_is_stopped(cluster: Cluster, broker: RabbitmqServer) -> None:
    failed_before = len(cluster.instance.get_runs(FAILED))
    fetch_all_again(cluster)
    run = begun(cluster)
    with broker.down():
        # It is given up, and the next one is not failed because it cannot be launched.
        wait_until(lambda: cluster.status(run) == "FAILURE")
        time.sleep(AWAY_SECONDS)
    expect_the_end(cluster)
    assert len(cluster.instance.get_runs(FAILED)) == failed_before + 1


def begun(cluster: Cluster) -> dg.DagsterRun:
    """A run in the middle of its work."""
    asked = cluster.asked
    run = cluster.started("days")
    wait_until(lambda: cluster.asked > asked + 40)
    return run


def expect_the_end(cluster: Cluster) -> None:
    """All is done soon, by the processes that were there before."""
    wait_until(cluster.is_at_rest, 180)
    assert tables(cluster.shared.folder) == tables(cluster.local.folder)
    assert [worker.poll() for worker in cluster.hosts.workers.values()] == [None, None]
    assert cluster.ui.process.poll() is None


def fetch_all_again(cluster: Cluster) -> None:
    for product in (cluster.local, cluster.shared):
        etl = product.etl()
        days = etl.lake.days(MEETINGS)
        reopen(etl.lake, etl.ledger, Reopening(Span(min(days), max(days))))
    assert cluster.local.run().failures == []
