"""How long 500 meetings take from the first request to committed tables.

The sandbox runs in a process of its own and takes 50 ms for every answer; no rate is set. About
2,000 requests, 31,000 rows. The second figure of a pair is the same work as a Dagster run.

    .venv/bin/python benchmarks/fetch.py
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
from meeting_etl.sandbox.world.worlds import World, sized_world

UNTIL = datetime(2026, 3, 3, tzinfo=UTC)
MEETINGS, PARTICIPANTS, SNIPPETS = 500, 10, 50


def serve(latency_ms: int) -> None:
    """The sandbox; prints its address and token, then serves until it is ended."""
    from meeting_etl.sandbox.faults.faults import Faults
    from meeting_etl.sandbox.sandbox import Sandbox

    with Sandbox(_world(), faults=Faults(latency_ms=latency_ms)) as webex:
        print(json.dumps([webex.base_url, webex.token("compliance")]), flush=True)
        sys.stdin.read()


def _world() -> World:

    return sized_world(1, UNTIL, meetings=MEETINGS, participants=PARTICIPANTS, snippets=SNIPPETS)


def ours(folder: Path, base_url: str, token: str, *, through_dagster: bool) -> None:
    """Fetch the day of all meetings, and say how long it took."""
    import dagster as dg

    from meeting_etl.definitions import build_defs
    from meeting_etl.orchestration.run_now import run_now
    from meeting_etl.pipeline.fetch.fetch import fetch
    from meeting_etl.pipeline.ingest.ingest import ingest
    from meeting_etl.pipeline.meetings.fold import fold
    from meeting_etl.pipeline.resources.all_resources import ALL
    from meeting_etl.sandbox.world.deliveries import write_logs
    from meeting_etl.settings import Etl

    etl = Etl(
        {
            "WEBEX_BASE_URL": base_url,
            "WEBEX_ACCESS_TOKEN": token,
            "WEBEX_TOKEN_KIND": "compliance",
            "WEBEX_REQUESTS_PER_MINUTE": "0",
            "MEETING_ETL_DATA_DIR": str(folder),
        }
    )
    write_logs(_world(), folder / "webhook_logs", seed=1, until=UNTIL)
    ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    started = time.perf_counter()
    if through_dagster:
        with dg.DagsterInstance.local_temp(overrides={"telemetry": {"enabled": False}}) as instance:
            run_now(build_defs(etl), instance, etl)
    else:
        list(fold(etl.lake, etl.ledger, etl.ledger.due_days()))
        for spec in ALL:
            list(fetch(etl.fetch_context("run"), spec, etl.ledger.due_days()))
    seconds = time.perf_counter() - started
    rows = {
        spec.table.name: sum(
            etl.lake.read(spec.table, day, columns=[spec.table.key[0]]).num_rows
            for day in etl.lake.partitions(spec.table)
        )
        for spec in ALL
    }
    print(json.dumps({"seconds": seconds, "requests": etl.requests_sent, "rows": rows}))


def main(runs: int, latency_ms: int) -> None:
    """Both ways in turn, then the figures."""
    print(f"{MEETINGS} meetings, {latency_ms} ms latency, medians of {runs} (least–greatest)")
    said: dict[str, list[dict[str, object]]] = {"--plain": [], "--dagster": []}
    with serving("fetch.py", "--serve", str(latency_ms)) as server:
        base_url, token = server.said()
        for _ in range(runs):
            for way, some in said.items():
                with tempfile.TemporaryDirectory() as folder:
                    arguments = [here("fetch.py"), way, folder, base_url, token]
                    some.append(in_process(arguments).said)
    plain, dagster = ([float(str(result["seconds"])) for result in some] for some in said.values())
    print(f"fold and fetch to committed tables   {median(plain)} s")
    print(f"the same as Dagster runs             {median(dagster)} s")
    ratios = [one / other for one, other in zip(dagster, plain, strict=True)]
    print(f"ratio                                {median(ratios)}")
    print(f"requests {said['--plain'][0]['requests']}, rows {said['--plain'][0]['rows']}")


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    parser.add_argument("--latency-ms", type=int, default=50)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--plain", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--dagster", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        serve(given.serve)
    elif given.plain or given.dagster:
        place, address, bearer = given.plain or given.dagster
        ours(Path(place), address, bearer, through_dagster=bool(given.dagster))
    else:
        main(given.runs, given.latency_ms)
