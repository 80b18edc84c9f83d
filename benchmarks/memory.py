"""Peak memory of the process that fetches one large day: 1,500 meetings of 250 snippets each.

375,000 snippets, fetched cold into committed tables; the embedded Webex is a process of its own.

    .venv/bin/python benchmarks/memory.py
"""

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import here, in_process, median, runs_argument, serving

UNTIL = datetime(2026, 3, 9, tzinfo=UTC)
MEETINGS, PARTICIPANTS, SNIPPETS = 1500, 10, 250


def serve() -> None:
    """The sandbox; writes the webhook logs to the folder that it is told, and says its address."""
    from meeting_etl.sandbox.sandbox import Sandbox
    from meeting_etl.sandbox.world.deliveries import write_logs
    from meeting_etl.sandbox.world.worlds import sized_world

    world = sized_world(1, UNTIL, meetings=MEETINGS, participants=PARTICIPANTS, snippets=SNIPPETS)
    with Sandbox(world) as webex:
        for line in sys.stdin:
            write_logs(world, Path(line.strip()) / "webhook_logs", seed=1, until=UNTIL)
            print(json.dumps([webex.base_url, webex.token("user")]), flush=True)


def ours(folder: Path, base_url: str, token: str) -> None:
    """What `meeting-etl run` does with the day, Dagster and all."""
    from meeting_etl.definitions import build_defs
    from meeting_etl.orchestration.instance import dagster_home, open_instance
    from meeting_etl.orchestration.run_now import run_now
    from meeting_etl.schemas import TRANSCRIPT_SNIPPETS
    from meeting_etl.settings import Etl

    etl = Etl(
        {
            "WEBEX_BASE_URL": base_url,
            "WEBEX_ACCESS_TOKEN": token,
            "WEBEX_REQUESTS_PER_MINUTE": "0",
            "MEETING_ETL_DATA_DIR": str(folder),
        }
    )
    started = time.perf_counter()
    with open_instance(dagster_home(etl.files, None)) as instance:
        outcome = run_now(build_defs(etl), instance, etl)
    assert not outcome.failures
    rows = sum(etl.lake.count(TRANSCRIPT_SNIPPETS, day) for day in etl.ledger.days())
    print(json.dumps({"seconds": time.perf_counter() - started, "rows": rows}))


def main(runs: int) -> None:
    """Fetch the day in fresh processes, then the figures."""
    peaks, seconds, rows = [], [], 0
    with serving("memory.py", "--serve") as server:
        for _ in range(runs):
            with tempfile.TemporaryDirectory() as folder:
                base_url, token = server.asked(folder)
                measured = in_process([here("memory.py"), "--ours", folder, base_url, token])
                peaks.append(measured.peak_megabytes)
                seconds.append(measured.said["seconds"])
                rows = measured.said["rows"]
    print(f"{MEETINGS:,} meetings, {rows:,} snippets of one day; medians of {runs}")
    print(f"peak memory {median(peaks)} MB in {median(seconds)} s")


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--ours", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
    elif given.ours:
        place, address, bearer = given.ours
        ours(Path(place), address, bearer)
    else:
        main(given.runs)
