"""Whatever happens to workers, links and servers, the tables are those of one machine alone.

What happens, and in which order, follows from the seed, which is printed: CHAOS_SEED repeats it.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from meeting_etl.lake import catalog
from meeting_etl.orchestration.run_lock import holds_a_lock
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.world.model import World
from meeting_etl.times import Span
from meeting_etl_tests.cluster.disturbances import POSTGRES, RABBITMQ, S3, Disturbances
from meeting_etl_tests.cluster.hosts_network import HostsNetwork
from meeting_etl_tests.cluster.namespace import needs_root
from meeting_etl_tests.cluster.postgres_server import postgres_server
from meeting_etl_tests.cluster.rabbitmq_server import rabbitmq_server
from meeting_etl_tests.cluster.relay import relaying
from meeting_etl_tests.cluster.running_cluster import (
    HOSTS,
    Cluster,
    expect_the_same_tables,
    names_of,
    running_cluster,
)
from meeting_etl_tests.cluster.s3_server import s3_server
from meeting_etl_tests.recent_world import recent_world

pytestmark = [pytest.mark.cluster, pytest.mark.slow, needs_root]
PER_MINUTE, BURST = 300, 10
# A day is committed 20 s after its last commit or when it is done, and other days and commits may
# come before it: a lost run repeats the requests of its last 25 s at most, those of all its days.
UNCOMMITTED_SECONDS = 25
# Of each stretch, so that there is work until the end: more happens to a bucket.
MEETINGS = {"folder": 40, "bucket": 55}
# Who owns the rows of one answer.
LISTS = {
    "recordings": "meeting_id",
    "participants": "meeting_id",
    "transcripts": "meeting_id",
    "transcript_snippets": "transcript_id",
}


def test_tables_are_those_of_one_machine(chaos: Disturbances) -> None:
    cluster = chaos.cluster
    cluster.started("days")
    # The sensor has launched the newest stretch; the other one is asked for, so that both work.
    oldest = min(cluster.shared.etl().ledger.due_days())
    cluster.launch_days(Span(oldest, oldest + timedelta(days=2)))
    chaos.in_any_order()
    wait_for_rest(chaos)
    expect_the_same_tables(cluster)
    assert all(mixed(cluster, table) == [] for table in LISTS)
    assert cluster.shared.webex.counters.injected["rate_limit"] == 0, "the rate was exceeded"
    assert cluster.asked <= cluster.asked_locally + most_repeated(cluster)
    seen = cluster.asked
    assert cluster.shared.run().days == []
    assert cluster.asked == seen


def wait_for_rest(chaos: Disturbances) -> None:
    """Three minutes later no run lacks its process, and nothing is due."""
    ended_at = time.monotonic()
    while not chaos.cluster.is_at_rest() and time.monotonic() < ended_at + 180:
        chaos.wait(1)
    print(f"at rest after {time.monotonic() - ended_at:.0f} s\n{chaos.cluster.history()}")
    print(f"{chaos.cluster.asked} requests, {chaos.cluster.asked_locally} by one machine")
    assert chaos.cluster.is_at_rest()


def mixed(cluster: Cluster, table: str) -> list[tuple[object, ...]]:
    """Owners whose rows are of more than one answer."""
    owner = LISTS[table]
    _, rows = catalog.query(
        cluster.tables,
        f"SELECT {owner} FROM {table} GROUP BY {owner} "
        "HAVING count(DISTINCT (run_id, fetched_at)) > 1",
    )
    return rows


def most_repeated(cluster: Cluster) -> float:
    """Requests that lost runs may repeat: all runs share the rate.

    A run without a lock has not begun: it waited for its bucket.
    """
    lost = [record for record in cluster.lost() if holds_a_lock(record.dagster_run)]
    seconds = [(record.end_time or 0) - (record.start_time or 0) for record in lost]
    assert seconds, "nothing was disturbed"
    repeated = sum(min(each, UNCOMMITTED_SECONDS) for each in seconds) * PER_MINUTE / 60
    return repeated + BURST * len(seconds)


def two_stretches(meetings: int) -> World:
    """Two days, and two days two weeks before: what is due of them are two runs."""
    recent = recent_world(1, days_ago=5, days=2, meetings=meetings)
    old = recent_world(2, days_ago=18, days=2, meetings=meetings)
    return replace(recent, meetings=(*old.meetings, *recent.meetings))


@pytest.fixture(params=MEETINGS)
def chaos(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Disturbances]:
    """Hosts that share a folder, or no folder and a bucket."""
    from meeting_etl.postgres.database import Database
    from meeting_etl.postgres.schema import migrate

    seed = int(os.environ.get("CHAOS_SEED", "0")) or random.randrange(1, 10_000)
    print(f"CHAOS_SEED={seed}")
    in_bucket = request.param == "bucket"
    network = HostsNetwork(HOSTS, [POSTGRES, RABBITMQ, *([S3] if in_bucket else [])])
    with ExitStack() as stack:
        stack.enter_context(network.made())
        url = stack.enter_context(postgres_server(network.address(POSTGRES)))
        migrate(Database(url))
        broker = stack.enter_context(rabbitmq_server(network.address(RABBITMQ)))
        s3 = stack.enter_context(s3_server(network.address(S3))) if in_bucket else None
        bucket = s3.environ if s3 else None
        for name, value in (bucket or {}).items():
            monkeypatch.setenv(name, value)
        cluster = stack.enter_context(
            running_cluster(
                tmp_path / "cluster",
                two_stretches(MEETINGS[request.param]),
                names_of(url, broker.url),
                per_minute=PER_MINUTE,
                # Two requests may be under way when a process is stopped.
                faults=Faults(requests_per_second=PER_MINUTE / 60, burst=BURST + 2),
                inside={host: network.inside(host) for host in HOSTS},
                bucket=bucket,
            )
        )
        # Webex is reached whatever is cut.
        port = cluster.shared.webex.base_url.split(":")[2].split("/")[0]
        socket = str(tmp_path / "relay")
        stack.enter_context(relaying(socket, port))
        for host in HOSTS:
            stack.enter_context(relaying(port, socket, *network.inside(host)))
        yield Disturbances(cluster, network, broker, s3, random.Random(seed))
