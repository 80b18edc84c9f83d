"""A run that is asked to end does so soon: it sends nothing more and keeps what came."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.sandbox.counters import Counters
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.product import Product

# Less than whatever it could wait for: a Retry-After of 120 s, a response for 30 s.
SOON_SECONDS = 25
# So many may be on their way when the signal comes.
THREADS = 24

# Faults, requests a minute, and what is seen when all threads wait.
SITUATIONS: dict[str, tuple[Faults, str, Callable[[Counters], bool]]] = {
    # 40 are answered, then nobody may send for minutes.
    "during a Retry-After": (
        Faults(requests_per_second=0.001, burst=40, retry_after_seconds=120),
        "0",
        lambda seen: any(request.status == 429 for request in seen.requests),
    ),
    # 10 at once and then one every 3 seconds.
    "waiting for the rate": (Faults(), "20", lambda seen: seen.total >= 12),
    "answers that stall": (
        Faults(stalled=0.5, seed=3),
        "0",
        lambda seen: seen.injected["stalled"] >= THREADS,
    ),
}


@pytest.mark.parametrize(
    ("situation", "how"),
    [
        pytest.param("during a Retry-After", "SIGTERM", marks=pytest.mark.slow),
        pytest.param("during a Retry-After", "SIGINT", marks=pytest.mark.slow),
        pytest.param("waiting for the rate", "SIGTERM", marks=pytest.mark.slow),
        pytest.param("answers that stall", "SIGTERM", marks=pytest.mark.slow),
    ],
)
def test_it_ends_soon_and_sends_no_more(tmp_path: Path, situation: str, how: str) -> None:
    faults, per_minute, all_wait = SITUATIONS[situation]
    ended = datetime.now(UTC) - timedelta(days=10)
    world = sized_world(4, ended, meetings=80, participants=2, snippets=2)
    with Sandbox(world, faults=faults) as webex:
        more = {"WEBEX_REQUESTS_PER_MINUTE": per_minute}
        product = Product(tmp_path / "data", webex, "user", more=more)
        product.write_logs()
        sent = webex.counters.requests
        run = subprocess.Popen(
            [sys.executable, "-m", "meeting_etl.cli.main", "run"],
            env={"PATH": os.environ["PATH"], **product.environ},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        with run:
            while run.poll() is None and not all_wait(webex.counters):
                time.sleep(0.05)
            time.sleep(1.5)  # what was answered last arrives
            before = len(sent)
            run.send_signal(getattr(signal, how))
            signalled_at = time.perf_counter()
            _, said = run.communicate(timeout=600)
            seconds = time.perf_counter() - signalled_at

        assert run.returncode == 1
        assert said.splitlines()[-1].startswith("Error: Interrupted. Committed work is kept")
        assert "Traceback" not in said
        assert seconds < SOON_SECONDS
        assert len(sent) - before <= THREADS
        # Responses that arrived are committed.
        answered = [
            seen for seen in sent if "/meetingParticipants" in seen.url and seen.status == 200
        ]
        kept = [row for row in product.rows("fetch_ledger") if row["resource"] == "participants"]
        known = sum(row["attempts"] > 0 for row in kept)
        assert known == len(answered) if faults.stalled == 0 else known <= len(answered)
