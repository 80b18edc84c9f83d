"""Whether a new Dagster instance comes up whole, whoever opens it first.

Pairs of processes open a new instance within 0.6 s of each other; then `meeting-etl dev` starts on
an empty data folder, beside a process that keeps a core busy, until the UI has loaded our
definitions. Counts the starts that failed and the instances that are broken afterwards.

    .venv/bin/python benchmarks/instance_start.py
"""

import argparse
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import median
from meeting_etl.files import Files
from meeting_etl.orchestration.instance.instance import dagster_home

OPEN = (
    "import sys; from pathlib import Path; "
    "from meeting_etl.orchestration.instance.instance import open_instance; "
    "open_instance(Path(sys.argv[1])).dispose()"
)
QUERY = """{ workspaceOrError { ... on Workspace { locationEntries {
    loadStatus locationOrLoadError { __typename } } } } }"""
LOADED = {"loadStatus": "LOADED", "locationOrLoadError": {"__typename": "RepositoryLocation"}}
LONGEST_START_SECONDS = 120
APART_SECONDS = 0.6


def is_whole(home: Path) -> bool:
    """Whether each of its databases has one head of its history, and no more."""
    heads = []
    for name in ("history/runs.db", "history/runs/index.db", "schedules/schedules.db"):
        with closing(sqlite3.connect(home / name)) as connection:
            heads += connection.execute("SELECT count(*) FROM alembic_version").fetchone()
    return heads == [1, 1, 1]


def pair(dice: random.Random) -> bool:
    """Two processes on one new home; whether both ended well and left it whole."""
    with tempfile.TemporaryDirectory() as folder:
        home = dagster_home(Files(Path(folder)), None)
        command = [sys.executable, "-c", OPEN, str(home)]
        first = subprocess.Popen(command)
        time.sleep(dice.uniform(0, APART_SECONDS))
        second = subprocess.Popen(command)
        return [first.wait(), second.wait()] == [0, 0] and is_whole(home)


def dev() -> tuple[bool, float]:
    """One start of `meeting-etl dev` on an empty folder; whether it came up, after which time."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        probe.close()
        environ = {"PATH": os.environ["PATH"], "MEETING_ETL_DATA_DIR": folder}
        started = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "meeting_etl.cli.main", "dev", "--port", str(port)],
            env=environ,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as served:
            came_up = until_loaded(f"http://127.0.0.1:{port}/graphql", served)
            seconds = time.perf_counter() - started
            os.killpg(served.pid, signal.SIGTERM)
        return came_up and is_whole(Path(folder) / "dagster"), seconds


def until_loaded(url: str, served: "subprocess.Popen[bytes]") -> bool:
    """Whether the UI has our definitions, without an error in their place."""
    end = time.perf_counter() + LONGEST_START_SECONDS
    while time.perf_counter() < end and served.poll() is None:
        try:
            answer = requests.post(url, json={"query": QUERY}, timeout=30).json()
            entries = answer["data"]["workspaceOrError"]["locationEntries"]
        except requests.ConnectionError:
            entries = []
        if entries and all(entry["loadStatus"] == "LOADED" for entry in entries):
            return bool(entries == [LOADED])
        time.sleep(0.5)
    return False


@contextmanager
def load() -> Iterator[None]:
    """A process that keeps a core busy meanwhile."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            yield
        finally:
            busy.kill()


def main(pairs: int, starts: int) -> None:
    """Both in turn."""
    dice = random.Random(1)
    broken = sum(not pair(dice) for _ in range(pairs))
    print(f"{pairs} pairs of processes: {broken} errors", flush=True)
    with load():
        found = [dev() for _ in range(starts)]
    failed = sum(not came_up for came_up, _ in found)
    print(f"{starts} first starts of dev under load: {failed} errors")
    if found:
        print(f"until the UI has the definitions   {median([seconds for _, seconds in found])} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--starts", type=int, default=30)
    given = parser.parse_args()
    main(given.pairs, given.starts)
