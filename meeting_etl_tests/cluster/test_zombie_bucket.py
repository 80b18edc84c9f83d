"""A run that lost its locks writes nothing into a bucket, by either of two fences alone.

It is cut off from PostgreSQL, but reaches Webex and the bucket. The lock check before each write,
or Delta's refusal of a day that was changed since its lock was taken, is switched off in it.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.cluster.namespace import INSIDE, needs_root, server_over_a_link, set_link
from meeting_etl_tests.cluster.relay import relaying
from meeting_etl_tests.cluster.s3_server import ON_BUCKET, url_of
from meeting_etl_tests.cluster.sessions import select
from meeting_etl_tests.cluster.test_zombie import LOCKS, wait_until
from meeting_etl_tests.product import Product, tables
from meeting_etl_tests.recent_world import recent_world

pytestmark = [pytest.mark.cluster, pytest.mark.slow, needs_root]
# What is switched off in the zombie, and what it says then.
FENCES = {
    "by Delta alone": (
        """
from meeting_etl.postgres.state import PgState
PgState.check_held = lambda self: None
""",
        "Another process has changed s3://",
    ),
    "by the lock check alone": (
        """
from meeting_etl.object_storage.delta_log import DeltaLog
fenced = DeltaLog.commit
def commit(self, partition, added, removed, known):
    return fenced(self, partition, added, removed, self.all().get(partition, {}))
DeltaLog.commit = commit
""",
        "was lost with its connection",
    ),
}


@pytest.mark.parametrize("fence", FENCES)
def test_none_of_its_rows_is_written(
    fence: str, tmp_path: Path, s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    switched_off, sentence = FENCES[fence]
    for name, value in s3.items():
        monkeypatch.setitem(ON_BUCKET, name, value)
    world = recent_world(5, days_ago=10, days=2, meetings=60)
    with Sandbox(world, faults=Faults(latency_ms=20)) as webex, server_over_a_link() as url:
        alone = Product(tmp_path / "alone", webex)
        product = Product(tmp_path / "data", webex, more={"MEETING_ETL_STATE": url})
        for each in (alone, product):
            each.write_logs(5)
        assert alone.command_process("run").returncode == 0
        seen = webex.counters.total
        port, socket = port_of(webex.base_url), str(tmp_path / "webex")
        s3_port, s3_socket = port_of(s3["AWS_ENDPOINT_URL"]), str(tmp_path / "s3")
        with (
            relaying(socket, port),
            relaying(port, socket, *INSIDE) as way,
            relaying(s3_socket, s3_port),
            relaying(s3_port, s3_socket, *INSIDE),
        ):
            zombie = start(product, tmp_path / "zombie", switched_off)
            wait_until(lambda: webex.counters.total > seen + 40)
            way.send_signal(signal.SIGSTOP)
            time.sleep(2)  # all its threads wait for answers now, and none for a slot
            set_link("down")
            wait_until(lambda: select(url, LOCKS) == [(0,)])
            set_link("up")
            done = product.command_process("run")
            assert done.returncode == 0, done.stderr
            assert tables(product.folder) == tables(alone.folder)
            written = commits(product)
            way.send_signal(signal.SIGCONT)
            _, said = zombie.communicate(timeout=600)
        assert zombie.returncode == 1, said
        assert sentence in " ".join(said.split())
        assert commits(product) == written
        assert product.command_process("run").returncode == 0
        assert tables(product.folder) == tables(alone.folder)


def commits(product: Product) -> list[str]:
    """Names of the entries of all logs of tables."""
    paths = ObjectFiles(url_of(product.folder)).paths("lake")
    return sorted(path for path in paths if "/_delta_log/" in path)


def port_of(url: str) -> str:
    return url.split(":")[2].split("/")[0]


def start(product: Product, home: Path, switched_off: str) -> "subprocess.Popen[str]":
    home.mkdir()
    run = "from meeting_etl.cli.main import main\nmain(['run'])"
    return subprocess.Popen(
        [*INSIDE, sys.executable, "-c", f"{switched_off}\n{run}"],
        env={"PATH": os.environ["PATH"], **product.environ, "DAGSTER_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    )
