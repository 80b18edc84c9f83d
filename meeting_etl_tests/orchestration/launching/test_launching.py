"""Every way to run the assets gives the tables that `meeting-etl run` gives."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.orchestration.instance.instance import open_instance
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.times import Span
from meeting_etl_tests.orchestration.launching.backfills import Backfills
from meeting_etl_tests.product import Product, tables
from meeting_etl_tests.promises.requested import committed, requested
from meeting_etl_tests.recent_world import recent_world
from meeting_etl_tests.served_ui import processes_of, served_ui, wait_until

ROOT = Path(__file__).parents[3]
DG = [sys.executable, "-m", "dagster_dg_cli.cli"]
DAY_ASSETS = (
    "meetings",
    "recordings",
    "participants",
    "transcripts",
    "transcript_snippets",
    "speaker_metrics",
)


@pytest.fixture(scope="module")
def world() -> World:
    """A team whose meetings have all settled, so that one run does all the work."""
    return recent_world(2, days_ago=10, days=30, meetings=60)


@pytest.fixture(scope="module")
def expected(world: World, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Sandbox(world) as webex:
        product = Product(tmp_path_factory.mktemp("run"), webex)
        product.write_logs(2)
        done = product.command("run")
    assert done.returncode == 0, done.stderr
    found = tables(product.folder)
    assert all(found[name] for name in found)
    return found


@pytest.fixture
def webex(world: World) -> Iterator[Sandbox]:
    with Sandbox(world) as server:
        yield server


def days_of(found: Any) -> list[str]:
    """All days from the first with meetings to the last."""
    days = {row["date"] for row in found["meetings"]}
    return [str(day) for day in Span(min(days), max(days))]


def dg(product: Product, home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    home.mkdir(exist_ok=True)
    variables = {"PATH": os.environ["PATH"], "DAGSTER_DISABLE_TELEMETRY": "1", **product.environ}
    done = subprocess.run(
        [*DG, *arguments],
        cwd=ROOT,
        env={"DAGSTER_HOME": str(home), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.slow
def test_dg_launches_a_range_and_a_form_and_lists_and_checks_the_definitions(
    webex: Sandbox, expected: Any, tmp_path: Path
) -> None:
    product, home = Product(tmp_path / "data", webex), tmp_path / "home"
    product.write_logs(2)
    days = days_of(expected)
    dg(product, home, "launch", "--assets", "*", "--partition-range", f"{days[0]}...{days[-1]}")
    assert tables(product.folder) == expected
    form = f'{{"first_day": "{days[0]}", "resources": ["participants"]}}'
    config = f'{{"ops": {{"reopen_work_items": {{"config": {form}}}}}}}'
    dg(product, home, "launch", "--job", "reopen", "--config-json", config)
    assert [str(day) for day in product.etl().ledger.due_days()] == days[:1]
    assert "reopen" in dg(product, home, "list", "defs").stdout
    dg(product, home, "check", "defs")


@pytest.mark.slow
def test_backfills_of_the_ui(webex: Sandbox, expected: Any, tmp_path: Path) -> None:
    """Through GraphQL and the daemon: a day, scattered days, all days, canceled and repeated."""
    product = Product(tmp_path, webex, more={"WEBEX_REQUESTS_PER_MINUTE": "400"})
    days, counters = days_of(expected), webex.counters
    with served_ui(product.environ, within=tmp_path) as ui:
        backfills = Backfills(ui)
        backfills.stop_sensors()
        product.write_logs(2)
        etl = product.etl()
        ingest(etl.logs, etl.lake, etl.ledger, etl.clock)

        assert backfills.done(days[-1:], "meetings") == 1
        assert days_of({"meetings": product.rows("meetings")}) == days[-1:]
        scattered = [days[2], days[3], days[9]]
        assert backfills.done(scattered, *DAY_ASSETS) == 2
        participants = [row for row in expected["participants"] if str(row["date"]) in scattered]
        assert product.rows("participants") == participants

        before = counters.total
        canceled = backfills.launch(days, *DAY_ASSETS)
        wait_until(lambda: counters.total > before + 30)
        backfills.cancel(canceled)
        assert product.rows("transcript_snippets") != expected["transcript_snippets"]
        # Only requests that were on their way when it was canceled are sent again.
        kept, sent = committed(product), counters.total
        assert backfills.done(days, *DAY_ASSETS) == 1
        assert tables(tmp_path) == expected
        assert {requested(url) for url in product.requests(sent)} & kept == set()

        # An interrupted refetch, which the next run continues.
        backfills.launch_job("reopen", "reopen_work_items", first_day=days[0], last_day=days[-1])
        wait_until(lambda: len(product.etl().ledger.due_days()) > len(days) / 2)
        before = counters.total
        backfills.launch(days, *DAY_ASSETS)
        wait_until(lambda: counters.total > before + 30)
    assert processes_of(tmp_path) == []
    with open_instance(tmp_path / "dagster") as instance:
        assert not [run for run in instance.get_runs() if not run.is_finished]
    assert replace(product, more={}).command("run").returncode == 0
    assert without_attempts(tables(tmp_path)) == without_attempts(expected)


def without_attempts(found: Any) -> Any:
    """The tables without the number of attempts."""
    ledger = [{**row, "attempts": None} for row in found["fetch_ledger"]]
    return {**found, "fetch_ledger": ledger}
