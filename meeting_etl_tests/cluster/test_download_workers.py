"""Workers for downloads alone: two runs share a day's recordings, and one of them dies."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from meeting_etl.cli.doctor.finding import State
from meeting_etl.cli.doctor.worker_checks import worker_checks
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import Clock
from meeting_etl_tests.cluster.postgres_server import own_database
from meeting_etl_tests.cluster.rabbitmq_server import rabbitmq_server
from meeting_etl_tests.cluster.running_cluster import names_of, running_cluster
from meeting_etl_tests.product import rows
from meeting_etl_tests.promises.downloads import received_bytes
from meeting_etl_tests.promises.test_download_kills import RECEIVED_TWICE
from meeting_etl_tests.served_ui import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
SIZE = 16_000_000
RECORDINGS = 8


def test_a_day_is_shared_and_a_lost_worker_costs_no_download(postgres: str, tmp_path: Path) -> None:
    world = sized_world(
        7, Clock().now() - timedelta(days=5), meetings=RECORDINGS, participants=1, snippets=1
    )
    settings = tmp_path / "settings.toml"
    settings.write_text(
        '[downloads]\nrecordings = ["video"]\nruns = 2\nat_once = 1\nkeep_free_bytes = 0\n'
    )
    queues = {"tables": "dagster", "files-1": "downloads", "files-2": "downloads"}
    with (
        rabbitmq_server() as broker,
        own_database(postgres) as url,
        running_cluster(
            tmp_path,
            world,
            {**names_of(url, broker.url), "MEETING_ETL_SETTINGS": str(settings)},
            per_minute=0,
            faults=Faults(media_bytes=SIZE, slow_media=SIZE // 5),
            queues=queues,
        ) as cluster,
    ):
        wait_until(lambda: len(cluster.at_work("files")) == 2)
        seen = cluster.shared.webex.counters.media_requests
        folder = cluster.shared.folder
        wait_until(lambda: len(seen) > 2 and min(received_bytes(folder), default=0) > SIZE // 4)
        one, two = cluster.at_work("files")
        assert {cluster.host_of(one), cluster.host_of(two)} == {"files-1", "files-2"}
        assert cluster.status(cluster.runs("ingest_and_days")[0]) == "SUCCESS"
        assert {run.tags["meeting_etl/downloads"] for run in (one, two)} == {"true", "2"}
        (checked,) = worker_checks(cluster.shared.etl(), {"CELERY_BROKER_URL": broker.url})
        assert checked.state is State.OK, checked
        cluster.hosts.kill(cluster.host_of(one))
        received = min(received_bytes(folder))
        etl = cluster.shared.etl()
        wait_until(lambda: not etl.due_downloads() and cluster.is_at_rest())
        assert len(rows(cluster.shared.folder, "recording_files")) == RECORDINGS
        cluster.shared.run()
        requested = Counter(
            seen.url
            for seen in cluster.shared.webex.counters.requests
            if seen.url.startswith("/v1/recordings/")
        )
        assert len(requested) == RECORDINGS
        # What the lost run was downloading was requested again by the one that resumed it.
        assert requested.total() <= RECORDINGS + 1
        assert len(seen) == RECORDINGS + 1
        (resumed,) = [each.range_start for each in seen if each.range_start]
        assert resumed > received - RECEIVED_TWICE
