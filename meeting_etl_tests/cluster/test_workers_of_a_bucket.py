"""Runs on workers that share no folder: the tables of one machine, from logs in the bucket."""

from pathlib import Path

import pytest

from meeting_etl_tests.cluster.postgres_server import own_database
from meeting_etl_tests.cluster.rabbitmq_server import rabbitmq_server
from meeting_etl_tests.cluster.running_cluster import (
    HOSTS,
    expect_the_same_tables,
    names_of,
    running_cluster,
)
from meeting_etl_tests.recent_world import recent_world
from meeting_etl_tests.served_ui import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_the_tables_are_those_of_one_machine(
    postgres: str, s3: dict[str, str], tmp_path: Path
) -> None:
    world = recent_world(1, days_ago=5, days=3, meetings=50)
    with (
        own_database(postgres) as url,
        rabbitmq_server() as broker,
        running_cluster(
            tmp_path, world, names_of(url, broker.url), per_minute=0, bucket=s3
        ) as cluster,
    ):
        wait_until(lambda: cluster.runs("ingest_and_days") and cluster.is_at_rest(), 240)
        assert not cluster.lost()
        assert cluster.asked == cluster.asked_locally
        expect_the_same_tables(cluster)
        for host in HOSTS:
            assert not (tmp_path / "hosts" / host / "work" / "lake").exists()
        # On any machine, another run asks for nothing.
        assert cluster.shared.run().failures == []
        assert cluster.asked == cluster.asked_locally
