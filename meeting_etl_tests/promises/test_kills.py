"""Rule 2: a run killed at any instant and repeated loses nothing and asks for nothing twice."""

import gzip
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.sandbox.api import Sandbox
from meeting_etl.sandbox.deliveries import write_logs
from meeting_etl.sandbox.faults import Faults
from meeting_etl.sandbox.model import World
from meeting_etl.sandbox.world import demo_world
from meeting_etl.times import Clock
from meeting_etl_tests.product import Product, tables
from meeting_etl_tests.promises.asked import asked, committed, grown, meetings_a_day

# Kills of each of the two tests that go side by side.
KILLS = 25


def lines_of(world: World, folder: Path, seed: int) -> list[bytes]:
    """All lines of the world's webhook logs, those of ended meetings last.

    What tells of an asset without a time opens its pair again whenever it comes; told before the
    meeting it gives no reason to ask twice.
    """
    write_logs(world, folder, seed=seed)
    found: list[bytes] = []
    for path in sorted(folder.rglob("*.jsonl*")):
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        found += data.splitlines(keepends=True)
    whole = [line if line.endswith(b"\n") else line + b"\n" for line in found]
    return sorted(whole, key=lambda line: b'"ended"' in line)


def tell(product: Product, lines: list[bytes]) -> None:
    """Append lines to the one log of the product."""
    folder = product.folder / "webhook_logs"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "live.jsonl").open("ab") as file:
        file.writelines(lines)


def run_and_kill(product: Product, at: Callable[[], bool], seconds: float) -> bool:
    """Start a run, kill it so long after that moment; whether it had not ended by itself."""
    with subprocess.Popen(
        [sys.executable, "-m", "meeting_etl.cli.main", "run"],
        env={"PATH": os.environ["PATH"], **product.environ},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        while run.poll() is None and not at():
            time.sleep(0.005)
        time.sleep(seconds)
        alive = run.poll() is None
        os.killpg(run.pid, signal.SIGKILL) if alive else None
    return alive


@pytest.mark.slow
@pytest.mark.parametrize("seed", [4, 8])
def test_kills_at_random_moments(tmp_path: Path, seed: int) -> None:
    """Of ingest and of fetch, while events keep coming; the Dagster instance is lost on the way."""
    world = demo_world(seed, Clock().now() - timedelta(days=10), days=4, meetings=60)
    lines = lines_of(world, tmp_path / "logs", seed)
    with Sandbox(world) as calm:
        whole = Product(tmp_path / "whole", calm)
        tell(whole, lines)
        assert whole.command("run").returncode == 0
    with Sandbox(world, faults=Faults(latency_ms=20)) as webex:
        product = Product(tmp_path / "killed", webex)
        chance = random.Random(seed)
        killed, half = 0, len(lines) // 2
        portion = half // (KILLS - 1) + 1
        for number in range(KILLS):
            # Half of the lines at once, so that there is work from the first kill on.
            tell(product, lines[: half if number == 0 else portion])
            lines = lines[half if number == 0 else portion :]
            before, seen = committed(product), len(webex.counters.requests)
            days = meetings_a_day(product)
            if number % 2:
                most = seen + chance.randrange(40)
                moment = partial(sent_more_than, webex, most)
            else:
                moment = partial(product.etl().files.is_locked, "ingest")
            killed += run_and_kill(product, moment, chance.uniform(0, 0.3))
            repeated = before.intersection(map(asked, product.requests(seen)))
            assert not repeated - grown(product, days), f"after kill {number}"
            if number == KILLS // 2:
                shutil.rmtree(product.folder / "dagster", ignore_errors=True)
        assert not lines
        assert killed >= KILLS * 0.6
        before, seen = committed(product), len(webex.counters.requests)
        days = meetings_a_day(product)
        done = product.command("run")
        assert done.returncode == 0, done.stderr
        repeated = before.intersection(map(asked, product.requests(seen)))
        assert not repeated - grown(product, days)
        assert without_when(product) == without_when(whole)
        assert not list((product.folder / "lake").rglob("*.tmp"))


def sent_more_than(webex: Sandbox, most: int) -> bool:
    return len(webex.counters.requests) > most


def without_when(product: Product) -> dict[str, Any]:
    """All rows; what is asked in several runs is asked in other windows and more attempts."""
    found = tables(product.folder)
    for row in found["fetch_ledger"]:
        row["attempts"] = row["event_count"] = row["opened_at"] = row["opened_by"] = None
    return found


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
        urls = [url for url in product.requests() if "cursor" not in url]
        # Where snippets are not there, the file of their transcript is asked for, once as well.
        pairs = [(*asked(url), "/download?" in url) for url in urls]
        # A window of each site; all else is asked once.
        most = {"recordings": 2, "transcripts": 2}
        for pair, times in Counter(pairs).items():
            assert times <= (most.get(pair[0], 1) if "_I_" not in pair[1] else 1), pair
        alone = Product(tmp_path / "alone", webex)
        alone.write_logs(5)
        assert alone.command("run").returncode == 0
        assert tables(product.folder) == tables(alone.folder)
