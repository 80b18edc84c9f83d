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
from collections.abc import Callable, Sequence
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import write_logs
from meeting_etl.sandbox.world.model import World
from meeting_etl_tests.cluster.postgres_server import ON_POSTGRES
from meeting_etl_tests.product import Product, tables
from meeting_etl_tests.promises.requested import (
    WorkItem,
    committed,
    grown,
    meetings_a_day,
    requested,
)
from meeting_etl_tests.recent_world import recent_world

# Kills that really hit a run, in each of the two tests that go side by side: 50 together.
KILLS = 25
# Where the same is repeated with the state in PostgreSQL.
KILLS_ON_POSTGRES = 5
# The same for each of two runs that go on at once.
KILLS_OF_TWO = 10
# Some runs end before their moment has come.
TRIES = 2 * KILLS


def lines_of(world: World, folder: Path, seed: int) -> list[bytes]:
    """All lines of the world's webhook logs, those of ended meetings last.

    An event about an asset without a time reopens its work item whenever it is ingested; before the
    meeting it gives no reason for a second request.
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


class Moment:
    """So many seconds after something was the case for the first time."""

    def __init__(self, something: Callable[[], bool], seconds: float) -> None:
        self._something = something
        self._seconds = seconds
        self._since: float | None = None

    def has_come(self) -> bool:
        if self._since is None and self._something():
            self._since = time.monotonic()
        return self._since is not None and time.monotonic() - self._since >= self._seconds


def start(product: Product, home: Path | None = None) -> "subprocess.Popen[bytes]":
    """Start a run, with a Dagster instance of its own if it is to have one."""
    return subprocess.Popen(
        [sys.executable, "-m", "meeting_etl.cli.main", "run"],
        env={
            "PATH": os.environ["PATH"],
            **product.environ,
            **({"DAGSTER_HOME": str(home)} if home else {}),
        },
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def killed_at(runs: Sequence["subprocess.Popen[bytes]"], moments: Sequence[Moment]) -> list[bool]:
    """Kill each run at its moment; which of them had not ended by themselves."""
    killed = [False for _ in runs]
    while any(run.poll() is None for run in runs):
        for number, (run, moment) in enumerate(zip(runs, moments, strict=True)):
            if run.poll() is None and moment.has_come():
                os.killpg(run.pid, signal.SIGKILL)
                run.wait()
                killed[number] = run.returncode == -signal.SIGKILL
        time.sleep(0.005)
    return killed


def chosen(product: Product, chance: random.Random, number: int) -> Moment:
    """A moment of fetch or, every other time, of ingest."""
    webex, state = product.webex, product.etl().state
    most = len(webex.counters.requests) + chance.randrange(20)
    something = partial(sent_more_than, webex, most)
    if number % 2 == 0:
        something = partial(state.is_locked, "ingest")
    return Moment(something, chance.uniform(0, 0.3))


class Work:
    """Log lines that are told bit by bit, and what must not be asked for again meanwhile."""

    def __init__(self, product: Product, lines: list[bytes]) -> None:
        self._product = product
        self._lines = lines
        half = len(lines) // 2
        # Half of the lines at once, so that there is work from the first kill on.
        self._portions = [half, *[half // (TRIES - 1) + 1] * (TRIES - 1)]

    def go_on(self, *, to_the_end: bool = False) -> None:
        """Tell the next lines, and look at what is committed."""
        portion = len(self._lines) if to_the_end else self._portions.pop(0)
        tell(self._product, self._lines[:portion])
        self._lines = self._lines[portion:]
        self._before = committed(self._product)
        self._days = meetings_a_day(self._product)
        self._seen = len(self._product.webex.counters.requests)

    def repeated(self) -> set[WorkItem]:
        """What was asked for since then although its answer was committed."""
        urls = self._product.requests(self._seen)
        return self._before.intersection(map(requested, urls)) - grown(self._product, self._days)


def made_calmly(world: World, folder: Path, lines: list[bytes]) -> dict[str, Any]:
    """What one run makes of the lines that nobody disturbs."""
    with Sandbox(world) as calm:
        whole = Product(folder, calm)
        tell(whole, lines)
        assert whole.command("run").returncode == 0
        return without_when(whole)


def assert_completed(product: Product, work: Work, whole: dict[str, Any]) -> None:
    """A last run, left alone, makes the tables what they are to be, and repeats nothing."""
    work.go_on(to_the_end=True)
    done = product.command("run")
    assert done.returncode == 0, done.stderr
    assert not work.repeated()
    assert without_when(product) == whole
    assert not list((product.folder / "lake").rglob("*.tmp"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [pytest.param(4, marks=pytest.mark.postgres), 8])
def test_kills_at_random_moments(tmp_path: Path, seed: int) -> None:
    """Of ingest and of fetch, while events keep coming; the Dagster instance is lost on the way."""
    world = recent_world(seed, days_ago=10, days=4, meetings=60)
    lines = lines_of(world, tmp_path / "logs", seed)
    whole = made_calmly(world, tmp_path / "whole", lines)
    kills = KILLS_ON_POSTGRES if ON_POSTGRES else KILLS
    with Sandbox(world, faults=Faults(latency_ms=20)) as webex:
        product = Product(tmp_path / "killed", webex)
        chance, work, killed = random.Random(seed), Work(product, lines), 0
        for number in range(TRIES):
            work.go_on()
            killed += sum(killed_at([start(product)], [chosen(product, chance, number)]))
            assert not work.repeated(), f"after try {number}"
            if killed == kills:
                break
            if number == kills // 2:
                shutil.rmtree(product.folder / "dagster", ignore_errors=True)
        assert killed == kills
        assert_completed(product, work, whole)


@pytest.mark.slow
def test_kills_of_two_runs_at_once(tmp_path: Path) -> None:
    """Each of them is killed ten times, at moments of its own, while the other one goes on."""
    world = recent_world(7, days_ago=10, days=4, meetings=60)
    lines = lines_of(world, tmp_path / "logs", 7)
    whole = made_calmly(world, tmp_path / "whole", lines)
    homes = [tmp_path / "one", tmp_path / "other"]
    for home in homes:
        home.mkdir()
    with Sandbox(world, faults=Faults(latency_ms=20)) as webex:
        product = Product(tmp_path / "killed", webex)
        chance, work, killed = random.Random(7), Work(product, lines), Counter[Path]()
        for number in range(TRIES):
            work.go_on()
            runs = [start(product, home) for home in homes]
            # One in ingest and the other in fetch, and the next time the other way round.
            moments = [chosen(product, chance, number + place) for place in range(2)]
            killed.update(compress(homes, killed_at(runs, moments)))
            assert not work.repeated(), f"after try {number}"
            if min(killed[home] for home in homes) >= KILLS_OF_TWO:
                break
        assert min(killed[home] for home in homes) >= KILLS_OF_TWO
        assert_completed(product, work, whole)


def sent_more_than(webex: Sandbox, most: int) -> bool:
    return len(webex.counters.requests) > most


def without_when(product: Product) -> dict[str, Any]:
    """All rows; what is asked in several runs is asked in other windows and more attempts."""
    found = tables(product.folder)
    for row in found["fetch_ledger"]:
        row["attempts"] = row["events_seen"] = row["opened_at"] = row["opened_by"] = None
    return found


@pytest.mark.slow
@pytest.mark.postgres
def test_two_runs_at_once_ask_for_nothing_twice(tmp_path: Path) -> None:
    world = recent_world(5, days_ago=10, days=4, meetings=60)
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
            _, said = run.communicate(timeout=600)
            assert run.returncode == 0, said
        urls = [url for url in product.requests() if "cursor" not in url]
        # Where snippets are not there, the file of their transcript is asked for, once as well.
        pairs = [(*requested(url), "/download?" in url) for url in urls]
        # A window of each site; all else is asked once.
        most = {"recordings": 2, "transcripts": 2}
        for pair, times in Counter(pairs).items():
            assert times <= (most.get(pair[0], 1) if "_I_" not in pair[1] else 1), pair
        alone = Product(tmp_path / "alone", webex)
        alone.write_logs(5)
        assert alone.command("run").returncode == 0
        assert tables(product.folder) == tables(alone.folder)
