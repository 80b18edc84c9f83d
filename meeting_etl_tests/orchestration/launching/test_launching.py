"""Every way to run the assets gives the tables that `meeting-etl run` gives."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl.times import Clock
from meeting_etl_tests.product import Product, tables

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    """A team whose meetings have all settled, so that one run does all the work."""
    world = demo_world(2, Clock().now() - timedelta(days=10), days=3, meetings=20)
    with Sandbox(world) as server:
        yield server


@pytest.fixture(scope="module")
def expected(webex: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Any:
    product = Product(tmp_path_factory.mktemp("run"), webex)
    product.write_logs(2)
    done = product.command("run")
    assert done.returncode == 0, done.stderr
    found = tables(product.folder)
    assert all(found[name] for name in found)
    return found


def days_of(found: Any) -> list[str]:
    return sorted({str(row["date"]) for row in found["meetings"]})


def environment(product: Product, home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        **product.environ,
    }


@pytest.mark.slow
def test_dg_launch_over_a_range(webex: Sandbox, expected: Any, tmp_path: Path) -> None:
    product = Product(tmp_path / "data", webex)
    product.write_logs(2)
    (tmp_path / "home").mkdir()
    days = days_of(expected)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "dagster_dg_cli.cli", "launch", "--assets", "*"),
            *("--partition-range", f"{days[0]}...{days[-1]}"),
        ],
        cwd=ROOT,
        env=environment(product, tmp_path / "home"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert tables(product.folder) == expected


BACKFILL = """
mutation ($days: [String!]!, $assets: [AssetKeyInput!]!) {
  launchPartitionBackfill(backfillParams: {partitionNames: $days, assetSelection: $assets}) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""
STATUS = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}"""


@pytest.mark.slow
def test_a_backfill_of_several_days_from_the_ui(
    webex: Sandbox, expected: Any, tmp_path: Path
) -> None:
    """Through GraphQL, the daemon and `meeting-etl dev`, as a user of the UI does it."""
    product = Product(tmp_path / "data", webex)
    product.write_logs(2)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "meeting_etl.cli.main", "dev", "--port", str(port)],
        env={"PATH": os.environ["PATH"], **product.environ},
        cwd=tmp_path,
        start_new_session=True,
    ) as served:
        try:
            url = f"http://127.0.0.1:{port}/graphql"
            until_it_answers(url, served)
            # What the schedule does every quarter of an hour.
            ingest = product.etl()
            from meeting_etl.pipeline.ingest.ingest import ingest as read_logs

            read_logs(ingest.logs, ingest.lake, ingest.ledger, ingest.clock)
            names = ("meetings", "recordings", "participants", "transcripts", "transcript_snippets")
            assets = [{"path": [name]} for name in names]
            launched = ask(url, BACKFILL, {"days": days_of(expected), "assets": assets})
            started = launched["launchPartitionBackfill"]
            assert started["__typename"] == "LaunchBackfillSuccess", started
            until_it_is_done(url, started["backfillId"])
        finally:
            os.killpg(served.pid, signal.SIGTERM)
    assert served.returncode is not None
    assert tables(product.folder) == expected


def ask(url: str, query: str, variables: dict[str, Any]) -> Any:
    answer = requests.post(url, json={"query": query, "variables": variables}, timeout=30)
    answered = answer.json()
    assert "errors" not in answered, json.dumps(answered)[:2000]
    return answered["data"]


def until_it_answers(url: str, served: "subprocess.Popen[bytes]") -> None:
    for _ in range(240):
        assert served.poll() is None, "the UI ended by itself"
        try:
            ask(url, "query { version }", {})
        except requests.ConnectionError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError("the UI did not come up")


def until_it_is_done(url: str, backfill_id: str) -> None:
    for _ in range(360):
        status = ask(url, STATUS, {"id": backfill_id})["partitionBackfillOrError"]["status"]
        if status != "REQUESTED":
            assert status == "COMPLETED_SUCCESS", status
            return
        time.sleep(0.5)
    raise AssertionError("the backfill did not end")
