"""Rule 10: what analysts hold open, and where the data folder lies, fails no run."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meeting_etl.lake.analytics import Analytics
from meeting_etl.lake.catalog_state import CATALOG, is_current
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.schemas import PARTICIPANTS, TRANSCRIPT_SNIPPETS
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
WORLD = sized_world(1, NOW, meetings=2, participants=2, snippets=3)
# As the DuckDB command line and many tools open a file: for writing, and they do write.
ANALYST = """
import sys, duckdb
with duckdb.connect(sys.argv[1]) as session:
    session.execute("CREATE TABLE mine AS SELECT 1 AS n")
    print("open", flush=True)
    sys.stdin.read()
"""


@contextmanager
def writing_analyst(path: Path) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", ANALYST, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        try:
            yield
        finally:
            process.communicate()


@pytest.mark.slow
def test_a_run_fetches_all_while_an_analyst_writes_into_the_catalog(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = Product(tmp_path, webex, clock=clock)
        product.run()  # there are no logs yet: the catalog of empty tables
        product.write_logs()
        with writing_analyst(tmp_path / CATALOG):
            outcome = product.run()
            assert (outcome.failures, outcome.failed_items) == ([], 0)
            lake = product.etl().lake
            (day,) = product.etl().ledger.days()
            assert (lake.count(PARTICIPANTS, day), lake.count(TRANSCRIPT_SNIPPETS, day)) == (4, 6)
            assert not is_current(lake, Analytics())
        # The next run publishes what that one could not.
        product.run()
        assert is_current(lake, Analytics())
        assert len(product.rows("transcript_snippets")) == 6


@pytest.mark.slow
def test_a_run_and_its_tables_work_in_a_folder_of_any_name(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    folder = tmp_path / "state=prod/date=2026/b[1]/it's *? %20#/data"
    with Sandbox(WORLD, clock) as webex:
        product = Product(folder, webex, clock=clock)
        product.write_logs()
        outcome = product.run()
        assert (outcome.failures, outcome.failed_items) == ([], 0)
        found = {(row["state"], row["date"]) for row in product.rows("meetings")}
        assert found == {("ended", meeting.ended_at.date()) for meeting in WORLD.meetings}
        assert len(product.rows("transcript_snippets")) == 6
        assert product.run().days == []
