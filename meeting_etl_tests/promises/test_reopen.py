"""Rule 2: the next run continues a refetch that was interrupted, and requests nothing twice."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.orchestration.instance.instance import open_instance
from meeting_etl.orchestration.run_now import run_now
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, tables
from meeting_etl_tests.promises.requested import WorkItem, requested

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
MEETINGS = 4
# Every request is answered with 503.
OUTAGE = Faults(unavailable=1.0, most_in_a_row=1_000_000)


class NoRoomForParticipants(Files):
    """A disk that is full when participants are to be written."""

    @contextmanager
    def replacement(self, name: str, *, secret: bool = False) -> Iterator[Path]:
        if "/participants/" in name:
            raise StorageError(f"Cannot write {self.path(name)}: no space left.")
        with super().replacement(name, secret=secret) as path:
            yield path


def made(folder: Path, webex: Sandbox) -> Product:
    """A product that requests each meeting by itself, so that requests can be counted."""
    folder.mkdir(exist_ok=True)
    settings = folder / "settings.toml"
    settings.write_text("[fetch]\nwindows = false\n")
    more = {"MEETING_ETL_SETTINGS": str(settings)}
    return Product(folder, webex, "user", clock=webex.clock, more=more)


def settle(product: Product) -> dict[str, Any]:
    """Fetch everything of the one day once; returns the tables."""
    product.write_logs()
    assert product.run().failures == []
    assert product.etl().ledger.open_days() == {}
    return without_attempts(product)


def world_ended_before(moment: datetime) -> World:
    return sized_world(1, moment, meetings=MEETINGS, participants=2, snippets=2)


def day_of(world: World) -> Span:
    (day,) = {meeting.ended_at.date() for meeting in world.meetings}
    return Span(day, day)


def without_attempts(product: Product) -> dict[str, Any]:
    found = tables(product.folder)
    ledger = [row | {"attempts": None} for row in found["fetch_ledger"]]
    return found | {"fetch_ledger": ledger}


def missing(product: Product) -> set[WorkItem]:
    """The work items that are not settled: their new response is not stored."""
    return {
        (row["resource"], row["resource_id"] or row["meeting_id"])
        for row in product.rows("fetch_ledger")
        if not row["settled"]
    }


def assert_continued(product: Product, before: dict[str, Any]) -> None:
    """A plain run requests once what is missing, and nothing else; then all is as before."""
    rest, seen = missing(product), len(product.requests())
    assert rest
    assert product.run().failures == []
    assert Counter(map(requested, product.requests(seen))) == Counter(rest)
    assert missing(product) == set()
    assert without_attempts(product) == before
    assert product.etl().ledger.open_days() == {}
    seen = len(product.requests())
    assert product.run().failures == []
    assert len(product.requests()) == seen


@pytest.mark.slow
def test_a_refetch_that_an_outage_ended(tmp_path: Path) -> None:
    world, clock = world_ended_before(NOW), ManualClock(NOW)
    with Sandbox(world, clock) as webex:
        before = settle(made(tmp_path, webex))
    with Sandbox(world, clock, faults=OUTAGE) as webex:
        assert made(tmp_path, webex).run(day_of(world), refetch=True).failures != []
    clock.advance(hours=1)
    with Sandbox(world, clock) as webex:
        product = made(tmp_path, webex)
        assert len(missing(product)) == 5 * MEETINGS
        assert_continued(product, before)


@pytest.mark.slow
def test_a_refetch_that_a_full_disk_ended(tmp_path: Path) -> None:
    """What was requested when the disk refused the rows is lost, and only that comes again."""
    world, clock = world_ended_before(NOW), ManualClock(NOW)
    with Sandbox(world, clock) as webex:
        product = made(tmp_path / "data", webex)
        before = settle(product)
        etl = product.etl()
        etl.files = NoRoomForParticipants(product.folder)
        with open_instance(tmp_path / "home") as instance:
            done = run_now(build_defs(etl), instance, etl, span=day_of(world), refetch=True)
        assert "no space left" in done.failures[0][1]
        assert_continued(product, before)


@pytest.mark.slow
@pytest.mark.postgres
def test_a_refetch_that_was_killed(tmp_path: Path) -> None:
    """As long as it must wait, nothing is on its way: what was answered is committed."""
    ended = datetime.now(UTC) - timedelta(days=10)
    world = world_ended_before(ended)
    with Sandbox(world) as webex:
        before = settle(made(tmp_path, webex))
    days = day_of(world)
    # Details and recordings of each meeting, then 429.
    faults = Faults(requests_per_second=0.001, burst=2 * MEETINGS)
    with Sandbox(world, faults=faults) as webex:
        run = subprocess.Popen(
            [
                *(sys.executable, "-m", "meeting_etl.cli.main", "run", "--refetch"),
                *("--from", str(days.first), "--to", str(days.last)),
            ],
            env={"PATH": os.environ["PATH"], **made(tmp_path, webex).environ},
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while run.poll() is None and 429 not in [seen.status for seen in webex.counters.requests]:
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
    with Sandbox(world) as webex:
        assert_continued(made(tmp_path, webex), before)
