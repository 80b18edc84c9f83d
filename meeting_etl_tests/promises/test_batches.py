"""Rule 2: what was answered is committed every 20 seconds; a kill repeats no more than that."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.promises.requested import committed, requested

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
# By this clock every request takes half a second; after a minute of fetching all is over.
UNTIL_KILLED = """
import os, signal
from datetime import datetime
from meeting_etl.pipeline.fetch.fetch_days import fetch_days
from meeting_etl.pipeline.resources.details import MEETING_DETAILS
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.pipeline.meetings.fold import fold
from meeting_etl.settings import Etl
from meeting_etl.times import Clock

class Counting(Clock):
    etl = None

    def now(self):
        return datetime.fromisoformat(os.environ["NOW"])

    def monotonic(self):
        seconds = self.etl.requests_sent / 2 if self.etl else 0.0
        if seconds >= 60:
            os.kill(os.getpid(), signal.SIGKILL)
        return seconds

clock = Counting()
etl = clock.etl = Etl(os.environ, clock)
ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
list(fold(etl.lake, etl.ledger, etl.ledger.due_days()))
list(fetch_days(etl.fetch_context("run"), [MEETING_DETAILS], etl.ledger.due_days()))
"""


@pytest.mark.slow
def test_of_a_minute_the_first_40_seconds_are_on_disk(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("[fetch]\nthreads = 1\n")
    world = sized_world(1, NOW, meetings=300, participants=1, snippets=1)
    with Sandbox(world, ManualClock(NOW)) as webex:
        more = {"MEETING_ETL_SETTINGS": str(settings)}
        product = Product(tmp_path / "data", webex, clock=webex.clock, more=more)
        product.write_logs()
        ended = subprocess.run(
            [sys.executable, "-c", UNTIL_KILLED],
            env={"PATH": os.environ["PATH"], "NOW": NOW.isoformat(), **product.environ},
            cwd=Path(__file__).parents[2],
            check=False,
            timeout=600,
        )
        assert ended.returncode == -signal.SIGKILL
        answered = set(map(requested, product.requests()))
        # The last one may be on its way only.
        assert 119 <= len(answered) <= 120
        on_disk = committed(product)
        assert on_disk <= answered
        # Of 60 seconds the last 20 may be missing.
        assert len(on_disk) >= 2 * 40
