"""Several processes on one PostgreSQL server, which is started: rate, locks, throughput.

Four processes take 400 slots of 2,400 a minute as a run does, a burst of one second among them.
Then the cost of one statement each, of which a run has several for a request: a slot, a lock that
is taken and released, the check of a lock, a value that is read. Then what several workers get
done of several data folders (throughput.py).

    .venv/bin/python benchmarks/cluster.py
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import median, runs_argument

PER_MINUTE, BURST, PROCESSES, SLOTS = 2_400, 40, 4, 400
TIMES = 300


def take(url: str, name: str, slots: int, ready: Barrier) -> None:
    """Wait for so many slots, one after the other."""
    from meeting_etl.postgres.bucket import PgBucket
    from meeting_etl.postgres.database import Database
    from meeting_etl.times import Clock
    from meeting_etl.webex.rate_limit import RateLimiter

    bucket = PgBucket(
        Database(url), "bench", requests_per_minute=PER_MINUTE, burst=BURST, name=name
    )
    limiter = RateLimiter(bucket, Clock(), max_wait_seconds=60)
    bucket.paused_until()  # connects
    ready.wait()
    for _ in range(slots):
        limiter.acquire()
    ready.wait()


def pace(url: str, name: str) -> float:
    """Seconds of all slots ÷ those that the rate gives."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(PROCESSES + 1)
    works = [
        context.Process(target=take, args=(url, name, SLOTS // PROCESSES, ready))
        for _ in range(PROCESSES)
    ]
    for work in works:
        work.start()
    ready.wait()
    began = time.monotonic()
    ready.wait()
    seconds = time.monotonic() - began
    for work in works:
        work.join()
    return seconds / ((SLOTS - BURST) * 60 / PER_MINUTE)


def cost_ms(action: Callable[[], object]) -> float:
    """Of one call, by many."""
    began = time.monotonic()
    for _ in range(TIMES):
        action()
    return (time.monotonic() - began) * 1000 / TIMES


def show(url: str, runs: int) -> None:
    """Print all figures."""
    from meeting_etl.postgres.bucket import PgBucket
    from meeting_etl.postgres.database import Database
    from meeting_etl.postgres.schema import migrate
    from meeting_etl.postgres.state import PgState

    database = Database(url)
    migrate(database)
    shares = [pace(url, f"pace-{number}") for number in range(runs)]
    print(
        f"{SLOTS} slots of {PER_MINUTE:,} a minute, {PROCESSES} processes: "
        f"{median(shares)} x (slots ÷ rate), bound 1.02; medians of {runs}; "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    state = PgState(database, "bench")
    bucket = PgBucket(database, "bench", requests_per_minute=6_000_000, name="free")
    state.put("value", b"1")

    def lock() -> None:
        with state.lock("day"):
            pass

    with state.lock("held") as held:
        actions: dict[str, Callable[[], object]] = {
            "a slot": bucket.take,
            "a lock, taken and released": lock,
            "the check of a lock": held.check,
            "a value, read": lambda: state.get("value"),
        }
        for name, action in actions.items():
            print(f"{name}: {median([cost_ms(action) for _ in range(runs)])} ms", flush=True)


if __name__ == "__main__":
    from benchmarks import throughput
    from meeting_etl_tests.cluster.postgres_server import postgres_server, process_of

    parser = runs_argument(__doc__)
    parser.add_argument("--meetings", type=int, default=100, help="of each data folder")
    parser.add_argument("--latency", type=int, default=50, help="ms of each response of Webex")
    given = parser.parse_args()
    with postgres_server() as server:
        show(server, given.runs)
        throughput.show(
            server,
            process_of(server),
            meetings=given.meetings,
            latency_ms=given.latency,
            runs=given.runs,
        )
