"""Rules 1 and 2: logs that are rewritten, while processes are killed and a receiver appends."""

import asyncio
import random
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.pipeline.ingest.log_rewriting import rewrite_logs
from meeting_etl.receiver.journal import Journal
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.schemas import MEETINGS, WEBHOOK_EVENTS
from meeting_etl_tests.pipeline.box import NOW, Box
from meeting_etl_tests.pipeline.rewriting import (
    ADDRESS,
    all_rows,
    event,
    in_a_new_lake,
    rewrite,
    text_of,
    write_logs,
)
from meeting_etl_tests.product import Product, tables
from meeting_etl_tests.recent_world import recent_world
from meeting_etl_tests.served_ui import wait_until

KILLS = 20
SCRIPT = """
import sys
from pathlib import Path
from meeting_etl.pipeline.ingest import log_rewriting
from meeting_etl_tests.pipeline import box, rewriting
log_rewriting._MAX_BYTES = 2000
class Box(box.Box):
    def __init__(self, folder):
        self.folder, self.clock = folder, box.ManualClock(box.NOW)
rewriting.rewrite(Box(Path(sys.argv[1])))
"""


def add_lines(box: Box, number: int) -> None:
    """More to rewrite: in logs that are known, in new ones, plain and compressed."""
    for name in range(3):
        with (box.logs / f"grows-{name}.jsonl").open("ab") as file:
            file.writelines(event(1000 * number + line) for line in range(20))
    folder = box.logs / f"{number}"
    folder.mkdir()
    write_logs(folder, 1000 * number + 100)


def kill_later(box: Box, seconds: float) -> bool:
    """Start rewriting and kill it so long after it began; whether it was still working."""
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(box.folder)])
    state = box.etl().state
    while process.poll() is None and not state.is_locked("ingest"):
        time.sleep(0.001)
    time.sleep(seconds)
    process.kill()
    return process.wait() != 0


@pytest.mark.slow
def test_kills_at_random_moments(tmp_path: Path) -> None:
    rng, killed, calm, box = random.Random(3), 0, tmp_path / "calm", tmp_path / "killed"
    longest = 0.5
    calm.mkdir()
    box.mkdir()
    calm_box, killed_box = Box(calm), Box(box)
    for number in range(3 * KILLS):
        for each in (calm_box, killed_box):
            add_lines(each, number)
            each.ingest()
        hits = kill_later(killed_box, rng.uniform(0, longest))
        killed += hits
        longest *= 1.1 if hits else 0.7  # comes to what rewriting takes on this machine
        if rng.random() < 0.5:
            assert killed_box.ingest().lines == 0
        if killed == KILLS:
            break
    assert killed == KILLS
    for each in (calm_box, killed_box):
        assert rewrite(each).problems == []
        assert each.ingest().lines == 0
    assert ADDRESS not in text_of(killed_box.logs)
    assert text_of(killed_box.logs) == text_of(calm_box.logs)
    assert all_rows(killed_box) == all_rows(calm_box)
    assert in_a_new_lake(killed_box, tmp_path / "new") == all_rows(killed_box)


@pytest.mark.slow
def test_a_run_afterwards_requests_nothing(tmp_path: Path) -> None:
    """The ledger has the places of events; days are folded once more to look at them all."""
    world = recent_world(5, days_ago=10, days=3, meetings=20)
    with Sandbox(world) as webex:
        product = Product(tmp_path, webex)
        product.write_logs(5)
        product.run()
        before, requests = tables(tmp_path), len(product.requests())
        etl = product.etl()
        hosts = {row["host_email"].encode() for row in before["meetings"]}
        pattern = re.compile(b"|".join(map(re.escape, hosts)))
        found = rewrite_logs(etl.logs, etl.lake, etl.clock, lambda line: pattern.sub(b"x", line))
        assert (found.lines > 20, found.problems) == (True, [])
        days = etl.lake.days(MEETINGS)
        etl.ledger.announce({day: {} for day in days})
        product.run()
        assert product.requests(requests) == []
        assert tables(tmp_path) == before | {"rejected_lines": product.rows("rejected_lines")}


@pytest.mark.slow
def test_a_receiver_appends_meanwhile(tmp_path: Path) -> None:
    """Every line that it acknowledged is there once, and every place in the tables is right."""
    box, written, stopped = Box(tmp_path), list[bytes](), threading.Event()

    async def receive() -> None:
        journal = Journal(Files(box.logs), box.clock)
        journal.open()
        while not stopped.is_set():
            lines = [event(len(written) + number) for number in range(50)]
            await asyncio.gather(*map(journal.append, lines))
            written.extend(lines)
        journal.close()

    receiver = threading.Thread(target=asyncio.run, args=(receive(),))
    receiver.start()
    try:
        for number in range(6):
            wait_until(lambda: len(written) > 100 * (number + 1))  # noqa: B023 - called at once
            rewrite(box)
            if number % 3 == 0:
                box.ingest()
    finally:
        stopped.set()
        receiver.join()
    box.ingest()
    rewrite(box)
    assert ADDRESS not in text_of(box.logs)
    assert len(box.rows(WEBHOOK_EVENTS)) == len(written) > 500
    assert box.ingest().lines == 0
    assert [path.name for path in box.logs.rglob("*.jsonl")] == [
        f"webhooks-{NOW:%Y-%m-%dT%H}.jsonl"
    ]
    (log,) = box.logs.rglob("*.jsonl")
    lines = log.read_bytes().splitlines(keepends=True)
    assert list(map(len, lines)) == list(map(len, written))
    assert in_a_new_lake(box, tmp_path / "new") == all_rows(box)
