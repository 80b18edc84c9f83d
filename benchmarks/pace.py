"""How fully the allowed rate is used, and how many requests a day of meetings costs.

An embedded Webex allows 40 requests/s with a burst of 60. `meeting-etl run` fetches one day of 500
meetings, and five days of 100: with that rate configured, and with no rate, so that it learns it
from 429s with `Retry-After: 1` alone. The time is that from the first answer to the last, as Webex
sees it. Then, without any rate, the requests of each round of rechecks are counted by the clock of
the schedule.

    .venv/bin/python benchmarks/pace.py
"""

import argparse
import sys
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.embedded_webex import UNTIL, embedded_webex
from benchmarks.measuring import against_argument, command, median, runs_argument, versions

MEETINGS = 500
RATE, BURST = 40, 60
# Bounds of seconds ÷ (requests ÷ rate) by the configured rate; 0 is none.
BOUNDS = {60 * RATE: 1.05, 0: 1.15}


def measure(code: Path, days: int, per_minute: int) -> tuple[float, Counter[str]]:
    """One cold run: seconds ÷ (requests ÷ rate), and the counts."""
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_webex(
            meetings=MEETINGS,
            days=days,
            requests_per_second=RATE,
            burst=BURST,
            retry_after_seconds=1,
        ) as webex,
    ):
        webex.write_logs(folder)
        environ = webex.environ(folder, WEBEX_REQUESTS_PER_MINUTE=str(per_minute))
        command(code, environ, "run")
        counts = webex.counts()
    seconds = counts.pop("seconds")
    return seconds / (counts["requests"] / RATE), Counter(counts)


def show_rates(runs: int, against: Path | None) -> None:
    """All in turn, each with a fresh bucket."""
    print(f"{MEETINGS} meetings, {RATE} requests/s, burst {BURST}; medians of {runs}")
    for days in (1, 5):
        for per_minute, bound in BOUNDS.items():
            found: dict[str, list[float]] = {name: [] for name in versions(against)}
            counts = {name: Counter[str]() for name in found}
            for _ in range(runs):
                for name, code in versions(against).items():
                    share, counted = measure(code, days, per_minute)
                    found[name].append(share)
                    counts[name] += counted
            for name, shares in found.items():
                how = "rate configured" if per_minute else "by 429 alone"
                print(
                    f"{days} days, {how:<15} {name}: {median(shares)} x (requests ÷ rate), "
                    f"bound {bound}; in all runs {counts[name]['requests']:,} requests, "
                    f"{counts[name]['refused']} refused with 429, {counts[name]['early']} early, "
                    f"bound 0",
                    flush=True,
                )


def show_requests() -> None:
    """Requests of the cold day and of each round of rechecks, by route."""
    import dagster as dg

    from meeting_etl.definitions import build_defs
    from meeting_etl.orchestration.run_now import run_now
    from meeting_etl.sandbox.sandbox import Sandbox
    from meeting_etl.sandbox.world.deliveries import write_logs
    from meeting_etl.sandbox.world.worlds import sized_world
    from meeting_etl.settings import Etl
    from meeting_etl.times import FastClock

    world = sized_world(1, UNTIL, meetings=MEETINGS, participants=10, snippets=50)
    day = max(meeting.ended_at for meeting in world.meetings)
    clock = FastClock(day, speed=1)
    print(f"{'round':>12} {'requests':>9} {'a meeting':>10}   of these")
    with (
        Sandbox(world, clock) as webex,
        tempfile.TemporaryDirectory() as folder,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        environ = {
            "WEBEX_BASE_URL": webex.base_url,
            "WEBEX_ACCESS_TOKEN": webex.token("user"),
            "WEBEX_REQUESTS_PER_MINUTE": "0",
            "MEETING_ETL_DATA_DIR": folder,
        }
        for name, hours in (("cold", 0.5), ("+ 6 h", 6.5), ("+ 24 h", 24.5), ("+ 72 h", 72.5)):
            clock.jump(day + timedelta(hours=hours, minutes=31))
            if name == "cold":
                write_logs(world, Path(folder) / "webhook_logs", seed=1, until=clock.now())
            webex.counters.reset()
            etl = Etl(environ, clock)
            assert not run_now(build_defs(etl), instance, etl).failures
            routes = webex.counters.by_route.most_common()
            each = ", ".join(f"{count} {route}" for (_, route), count in routes)
            total = webex.counters.total
            print(f"{name:>12} {total:>9,} {total / MEETINGS:>10.3f}   {each}", flush=True)


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    against_argument(parser)
    given = parser.parse_args()
    show_rates(given.runs, given.against)
    show_requests()
