"""A run that is cut off from PostgreSQL alone writes nothing any more, and another does its work.

It still reaches the data folder and Webex, whose answers are slow: they arrive when the day is long
another's.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from meeting_etl.lake import catalog
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.cluster.namespace import INSIDE, needs_root, server_over_a_link, set_link
from meeting_etl_tests.cluster.relay import relaying
from meeting_etl_tests.cluster.sessions import select
from meeting_etl_tests.product import Product, files, tables
from meeting_etl_tests.recent_world import recent_world

pytestmark = [pytest.mark.cluster, pytest.mark.slow, needs_root]
FETCHED = ("participants", "transcripts", "transcript_snippets")
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"


def wait_until(something: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not something():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_none_of_its_rows_is_written(tmp_path: Path) -> None:
    """Although the link heals: new connections work, and only the locks are lost."""
    world = recent_world(5, days_ago=10, days=2, meetings=60)
    with Sandbox(world, faults=Faults(latency_ms=20)) as webex, server_over_a_link() as url:
        alone = Product(tmp_path / "alone", webex)
        product = Product(tmp_path / "data", webex, more={"MEETING_ETL_STATE": url})
        for each in (alone, product):
            each.write_logs(5)
        assert alone.command_process("run").returncode == 0
        seen = webex.counters.total
        port, socket = webex.base_url.split(":")[2].split("/")[0], str(tmp_path / "relay")
        with relaying(socket, port), relaying(port, socket, *INSIDE) as way:
            zombie = start(product, tmp_path / "zombie")
            wait_until(lambda: webex.counters.total > seen + 40)
            way.send_signal(signal.SIGSTOP)
            time.sleep(2)  # all its threads wait for answers now, and none for a slot
            set_link("down")
            cut_at = time.monotonic()
            wait_until(lambda: select(url, LOCKS) == [(0,)])
            assert time.monotonic() - cut_at > 10
            set_link("up")
            done = product.command_process("run")
            assert done.returncode == 0, done.stderr
            assert tables(product.folder) == tables(alone.folder)
            assert all(len(run_ids(product, table)) == 1 for table in FETCHED)
            written = files(product.folder)
            way.send_signal(signal.SIGCONT)
            _, said = zombie.communicate(timeout=600)
        assert zombie.returncode == 1, said
        assert "Cannot use postgresql" in said or "was lost with its connection" in said
        assert files(product.folder) == written
        assert product.command_process("run").returncode == 0
        assert tables(product.folder) == tables(alone.folder)


def run_ids(product: Product, table: str) -> set[object]:
    """The runs that fetched rows of a table."""
    _, rows = catalog.query(product.folder, f"SELECT DISTINCT run_id FROM {table}")
    return {run_id for (run_id,) in rows}


def start(product: Product, home: Path) -> "subprocess.Popen[str]":
    home.mkdir()
    return subprocess.Popen(
        [*INSIDE, sys.executable, "-m", "meeting_etl.cli.main", "run"],
        env={"PATH": os.environ["PATH"], **product.environ, "DAGSTER_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    )
