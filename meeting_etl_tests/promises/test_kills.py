"""Rule 2: a run killed at any instant and repeated loses nothing and asks for nothing twice."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from meeting_etl.sandbox.api import Sandbox
from meeting_etl.sandbox.faults import Faults
from meeting_etl.sandbox.world import demo_world
from meeting_etl.times import Clock
from meeting_etl_tests.product import Product, tables

KILLS = 12
_RESOURCES = {
    "recordings": "recordings",
    "meetingParticipants": "participants",
    "meetingTranscripts": "transcripts",
}
Pair = tuple[str, str]


def committed(product: Product) -> set[Pair]:
    """Resource and id (of the transcript, for snippets) of all pairs with an answer on disk."""
    ledger = product.etl().ledger
    return {
        (pair.resource, pair.resource_id or pair.meeting_id)
        for day in ledger.days()
        for pair in ledger.pairs(day)
        if pair.attempts
    }


def asked(url: str) -> Pair:
    """The pair that a request was about."""
    parts = urlsplit(url)
    path = parts.path.split("/")
    if path[-1] == "snippets":
        return "transcript_snippets", path[-2]
    return _RESOURCES[path[-1]], parse_qs(parts.query)["meetingId"][0]


def run_and_kill(product: Product, seconds: float) -> bool:
    """Start a run, kill it after so long; whether it had not ended by itself."""
    with subprocess.Popen(
        [sys.executable, "-m", "meeting_etl.cli.main", "run"],
        env={"PATH": os.environ["PATH"], **product.environ},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        time.sleep(seconds)
        alive = run.poll() is None
        os.killpg(run.pid, signal.SIGKILL) if alive else None
    return alive


@pytest.mark.slow
def test_kills_at_random_moments(tmp_path: Path) -> None:
    world = demo_world(4, Clock().now() - timedelta(days=10), days=4, meetings=60)
    with Sandbox(world) as calm:
        whole = Product(tmp_path / "whole", calm)
        whole.write_logs(4)
        started = time.monotonic()
        assert whole.command("run").returncode == 0
        length = time.monotonic() - started
    with Sandbox(world, faults=Faults(latency_ms=20)) as webex:
        product = Product(tmp_path / "killed", webex)
        product.write_logs(4)
        chance = random.Random(4)
        killed = 0
        for number in range(KILLS):
            before, seen = committed(product), len(webex.counters.requests)
            killed += run_and_kill(product, chance.uniform(length * 0.3, length * 1.1))
            repeated = before.intersection(map(asked, product.requests(seen)))
            assert not repeated, f"after kill {number}"
            if number == KILLS // 2:
                shutil.rmtree(product.folder / "dagster", ignore_errors=True)
        assert killed >= KILLS // 3
        before, seen = committed(product), len(webex.counters.requests)
        done = product.command("run")
        assert done.returncode == 0, done.stderr
        assert not before.intersection(map(asked, product.requests(seen)))
        assert tables(product.folder) == tables(whole.folder)
        assert not list((product.folder / "lake").rglob("*.tmp"))


@pytest.mark.slow
def test_two_runs_at_once_ask_for_nothing_twice(tmp_path: Path) -> None:
    world = demo_world(5, Clock().now() - timedelta(days=10), days=4, meetings=60)
    with Sandbox(world, faults=Faults(latency_ms=20)) as webex:
        product = Product(tmp_path / "data", webex)
        product.write_logs(5)
        runs = [
            subprocess.Popen(
                [sys.executable, "-m", "meeting_etl.cli.main", "run"],
                env={
                    "PATH": os.environ["PATH"],
                    **product.environ,
                    "DAGSTER_HOME": str(tmp_path / name),
                },
                stderr=subprocess.PIPE,
            )
            for name in ("one", "other")
            if not (tmp_path / name).mkdir()  # type: ignore[func-returns-value]
        ]
        for run in runs:
            _, said = run.communicate(timeout=300)
            assert run.returncode == 0, said
        pairs = [asked(url) for url in product.requests() if "cursor" not in url]
        assert len(pairs) == len(set(pairs))
        alone = Product(tmp_path / "alone", webex)
        alone.write_logs(5)
        assert alone.command("run").returncode == 0
        assert tables(product.folder) == tables(alone.folder)
