"""How fully the allowed rate is used, and how many requests a day of meetings costs.

An embedded Webex allows 40 requests/s with a burst of 60. The day of 500 meetings is fetched twice:
with that rate configured, and with no rate, so that only 429s with `Retry-After: 1` tell it. Then,
without any rate, the requests of each round of rechecks are counted by the clock of the schedule.

    .venv/bin/python benchmarks/pace.py
"""

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import here, in_process, median, runs_argument, serving
from meeting_etl.pipeline.fetch.fetch import fetch
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.pipeline.meetings.fold import fold
from meeting_etl.pipeline.resources.all_resources import ALL
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import write_logs
from meeting_etl.sandbox.world.worlds import World, sized_world
from meeting_etl.settings import Etl
from meeting_etl.times import Clock

UNTIL = datetime(2026, 3, 9, tzinfo=UTC)
MEETINGS = 500
RATE, BURST = 40, 60


class ShiftedClock(Clock):
    """The real clock, some time away, so that a schedule of days passes in minutes."""

    def __init__(self, now: datetime) -> None:
        self._ahead = now - super().now()

    def now(self) -> datetime:
        return super().now() + self._ahead

    def set(self, now: datetime) -> None:
        """Go to a moment."""
        self._ahead += now - self.now()


def world() -> World:
    return sized_world(1, UNTIL, meetings=MEETINGS, participants=10, snippets=50)


def serve() -> None:
    """The sandbox; prints its address and token, tells what it counted when asked."""
    faults = Faults(requests_per_second=RATE, burst=BURST, retry_after_seconds=1)
    with Sandbox(world(), faults=faults) as webex:
        print(json.dumps([webex.base_url, webex.token("user")]), flush=True)
        for _ in sys.stdin:
            counters = webex.counters
            refused = counters.injected["rate_limit"]
            print(json.dumps([counters.total, refused, counters.during_retry_after]), flush=True)
            counters.reset()


def etl_for(folder: Path, base_url: str, token: str, per_minute: int, clock: Clock) -> Etl:
    return Etl(
        {
            "WEBEX_BASE_URL": base_url,
            "WEBEX_ACCESS_TOKEN": token,
            "WEBEX_REQUESTS_PER_MINUTE": str(per_minute),
            "MEETING_ETL_DATA_DIR": str(folder),
        },
        clock,
    )


def work_off(etl: Etl) -> None:
    """Fold and fetch all that is due."""
    days = etl.ledger.due_days()
    list(fold(etl.lake, etl.ledger, days))
    for spec in ALL:
        list(fetch(etl.fetch_context("run"), spec, days))


def ours(folder: Path, base_url: str, token: str, per_minute: int) -> None:
    """Fetch the day cold, and say how long it took."""
    etl = etl_for(folder, base_url, token, per_minute, Clock())
    write_logs(world(), folder / "webhook_logs", seed=1, until=UNTIL)
    ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    started = time.perf_counter()
    work_off(etl)
    print(json.dumps({"seconds": time.perf_counter() - started}))


def show_requests() -> None:
    """Requests of the cold day and of each round of rechecks, by what was asked."""
    day = max(meeting.ended_at for meeting in world().meetings)
    clock = ShiftedClock(day + timedelta(minutes=31))
    print(f"{'round':>12} {'requests':>9} {'a meeting':>10}   of these")
    with Sandbox(world(), clock) as webex, tempfile.TemporaryDirectory() as folder:
        etl = etl_for(Path(folder), webex.base_url, webex.token("user"), 0, clock)
        write_logs(world(), Path(folder) / "webhook_logs", seed=1, until=clock.now())
        ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
        for name, hours in (("cold", 0.5), ("+ 6 h", 6.5), ("+ 24 h", 24.5), ("+ 72 h", 72.5)):
            clock.set(day + timedelta(hours=hours, minutes=31))
            webex.counters.reset()
            work_off(etl)
            routes = sorted(
                (-count, route) for (_, route), count in webex.counters.by_route.items()
            )
            asked = ", ".join(f"{-count} {route}" for count, route in routes)
            total = webex.counters.total
            print(f"{name:>12} {total:>9,} {total / MEETINGS:>10.3f}   {asked}")


def main(runs: int) -> None:
    """Both ways in turn, then the requests of each round."""
    print(f"{MEETINGS} meetings, {RATE} requests/s, burst {BURST}; medians of {runs}")
    for name, per_minute in (("rate configured", 60 * RATE), ("told by 429 only", 0)):
        ratios, seconds, seen = [], [], (0, 0, 0)
        for _ in range(runs):
            with serving("pace.py", "--serve") as server, tempfile.TemporaryDirectory() as folder:
                base_url, token = server.said()
                arguments = [here("pace.py"), "--ours", folder, base_url, token]
                took = in_process([*arguments, str(per_minute)]).said["seconds"]
                total, refused, during = server.asked("count")
            seconds.append(took)
            ratios.append(took / ((total - refused) / RATE))
            seen = total - refused, refused, seen[2] + during
        print(
            f"{name:<17} {median(seconds)} s, {median(ratios)} x (requests / rate); "
            f"{seen[0]:,} requests answered, {seen[1]} refused with 429, "
            f"{seen[2]} sent during a Retry-After in all runs"
        )
    show_requests()


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--ours", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
    elif given.ours:
        place, address, bearer, rate = given.ours
        ours(Path(place), address, bearer, int(rate))
    else:
        main(given.runs)
