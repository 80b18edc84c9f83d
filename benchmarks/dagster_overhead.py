"""What Dagster adds: imports, a run without work, ticks, line to row, a year's backfill, idling.

A year of settled days, one meeting a day, and a few meetings that ended yesterday, whose lines are
held back. All of it is seen from the outside, with `meeting-etl dev` and its sensors running.

    .venv/bin/python benchmarks/dagster_overhead.py
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import meeting_etl
from benchmarks.measuring import ROOT, command, in_process, median, ratio, runs_argument
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import Delivery, deliveries_of
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import Clock, Span, format_timestamp
from meeting_etl_tests.orchestration.launching.backfills import Backfills
from meeting_etl_tests.served_ui import ServedUi, processes_of, served_ui, wait_until

SETTLED_DAYS_AGO = 10
DAY_ASSETS = ("meetings", "recordings", "participants", "transcripts", "transcript_snippets")
IMPORT = "import time; a = time.process_time(); import {}; print(time.process_time() - a)"
TICKS = """
query ($sensor: SensorSelector!) {
  sensorOrError(sensorSelector: $sensor) {
    ... on Sensor { sensorState { ticks(limit: 20, statuses: [SKIPPED]) { timestamp endTimestamp } } }
  }
}"""  # noqa: E501
SENSOR = {
    "repositoryName": "__repository__",
    "repositoryLocationName": "meeting_etl.definitions",
    "sensorName": "due_work",
}


def main(runs: int, days: int, lines: int, idle_seconds: float) -> None:
    """All figures, one after the other."""
    print(f"load average {os.getloadavg()[0]:.1f}; medians (least–greatest)")
    imports(runs)
    now = Clock().now()
    size = {"participants": 5, "snippets": 10}
    old = sized_world(1, now - timedelta(days=SETTLED_DAYS_AGO), meetings=days, days=days, **size)
    # The last one ends five days before: these ended yesterday.
    new = sized_world(2, now + timedelta(days=4), meetings=lines, **size)
    world = replace(old, meetings=(*old.meetings, *new.meetings))
    with tempfile.TemporaryDirectory() as folder, Sandbox(world) as webex:
        environ = {
            "WEBEX_BASE_URL": webex.base_url,
            "WEBEX_ACCESS_TOKEN": webex.token("user"),
            "WEBEX_TOKEN_KIND": "user",
            "WEBEX_REQUESTS_PER_MINUTE": "0",
            "MEETING_ETL_DATA_DIR": folder,
        }
        log = Log(Path(folder) / "webhook_logs" / "a.jsonl")
        log.append(list(deliveries_of(old, Random(1), now)))
        command(ROOT, environ, "run")
        no_op = [command(ROOT, environ, "run").seconds for _ in range(runs)]
        print(f"run without work              {median(no_op)} s")
        with served_ui(environ, within=Path(folder)) as ui:
            idle(Path(folder), idle_seconds)
            print(f"tick with nothing new         {median(tick_seconds(ui))} s")
            print(f"line to row                   {median(list(rows_after(folder, log, new)))} s")
            backfill(ui, [meeting.ended_at for meeting in old.meetings])


def imports(runs: int) -> None:
    """CPU seconds of importing Dagster, and our definitions with it."""
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(runs):
        for module in ("dagster", "meeting_etl.definitions"):
            found[module].append(float(in_process(["-c", IMPORT.format(module)]).output))
    ours, theirs = found["meeting_etl.definitions"], found["dagster"]
    print(f"import dagster                {median(theirs)} s of CPU")
    print(f"import meeting_etl.definitions {median(ours)} s of CPU, ratio {ratio(ours, theirs)}")


class Log:
    """A webhook log."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True)

    def append(self, deliveries: Sequence[Delivery]) -> None:
        """Append a line for each."""
        with self._path.open("a", encoding="utf-8") as log:
            for delivery in sorted(deliveries, key=lambda item: item.received_at):
                received_at = format_timestamp(delivery.received_at)
                line = {"received_at": received_at, "body": delivery.payload}
                log.write(f"{json.dumps(line)}\n")


def idle(folder: Path, seconds: float) -> None:
    """CPU of all processes while nothing happens."""
    time.sleep(20)  # the first ticks load what all others find loaded
    before = cpu_seconds(folder)
    time.sleep(seconds)
    after = cpu_seconds(folder)
    for name in sorted(after):
        percent = 100 * (after[name] - before.get(name, 0.0)) / seconds
        print(f"idle, {name:<24} {percent:.1f} % of a core")


def cpu_seconds(folder: Path) -> dict[str, float]:
    """CPU used so far, by what a process does."""
    found: dict[str, float] = defaultdict(float)
    for process_id in processes_of(folder):
        path = Path(f"/proc/{process_id}")
        words = (path / "cmdline").read_bytes().decode().split("\0")
        kinds = ("dagster._daemon", "dagster_webserver", "code-server", "grpc")
        name = next((kind for kind in kinds if kind in words), "meeting-etl dev")
        fields = (path / "stat").read_text().rpartition(")")[2].split()
        used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        found[name] += used
        found["all"] += used
    return found


def tick_seconds(ui: ServedUi) -> list[float]:
    """How long ticks of the sensor took that launched nothing, by the daemon's clock."""
    sensor: Any = ui.ask(TICKS, sensor=SENSOR)["sensorOrError"]
    return [tick["endTimestamp"] - tick["timestamp"] for tick in sensor["sensorState"]["ticks"]]


def rows_after(folder: str, log: Log, new: Any) -> Iterator[float]:
    """Seconds from each line to the row of its meeting; each waits for the pause before it."""
    ended = [
        delivery
        for delivery in deliveries_of(new, Random(1), Clock().now())
        if delivery.payload["event"] == "ended"
    ]
    pause_seconds = 60.0
    for delivery in {str(item.payload["data"]["id"]): item for item in ended}.values():
        meeting_id = str(delivery.payload["data"]["id"])

        def is_there(meeting_id: str = meeting_id) -> bool:
            with meeting_etl.connect(folder) as connection:
                sql = "SELECT count(*) FROM meetings WHERE meeting_id = ?"
                return bool(connection.execute(sql, [meeting_id]).fetchall()[0][0])

        started = time.monotonic()
        log.append([delivery])
        wait_until(is_there, seconds=600)
        yield time.monotonic() - started
        time.sleep(pause_seconds)
        pause_seconds *= 2


def backfill(ui: ServedUi, ends: Sequence[datetime]) -> None:
    """All days, with nothing due."""
    first, last = min(ends).date(), max(ends).date()
    days: list[date] = list(Span(first, last))
    started = time.monotonic()
    count = Backfills(ui).done([str(day) for day in days], *DAY_ASSETS)
    print(f"backfill of {len(days)} settled days {time.monotonic() - started:.0f} s, {count} runs")


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--lines", type=int, default=3)
    parser.add_argument("--idle-seconds", type=float, default=300)
    given = parser.parse_args()
    main(given.runs, given.days, given.lines, given.idle_seconds)
