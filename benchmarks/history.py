"""What an incremental run costs with five days of history and with five years.

Two data folders hold 20 settled meetings a day, one for 5 days, one for 1,825: their webhook logs,
read for real, and all tables. Then 20 new meetings come, and `run` takes them in; each time others.

    .venv/bin/python benchmarks/history.py
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import here, in_process, median, runs_argument
from meeting_etl.sandbox.api import Sandbox
from meeting_etl.sandbox.deliveries import write_logs
from meeting_etl.sandbox.world import World, sized_world
from meeting_etl.settings import Etl

UNTIL = datetime(2026, 3, 9, tzinfo=UTC)
A_DAY = 20
DAYS = (5, 1825)


def new_meetings(number: int) -> World:
    """20 meetings that nobody has heard of yet."""
    return sized_world(1000 + number, UNTIL, meetings=A_DAY, participants=10, snippets=50)


def etl_for(folder: Path, base_url: str, token: str) -> Etl:
    return Etl(
        {
            "WEBEX_BASE_URL": base_url,
            "WEBEX_ACCESS_TOKEN": token,
            "WEBEX_REQUESTS_PER_MINUTE": "0",
            "MEETING_ETL_DATA_DIR": str(folder),
        }
    )


def build(folder: Path, days: int) -> None:
    """A lake in which everything of so many days has settled."""
    from meeting_etl.lake import catalog
    from meeting_etl.pipeline.ingest import ingest
    from meeting_etl.pipeline.meetings import fold
    from meeting_etl.schemas import (
        MEETINGS,
        PARTICIPANTS,
        RECORDINGS,
        TRANSCRIPT_SNIPPETS,
        TRANSCRIPTS,
    )

    until = UNTIL - timedelta(days=1)
    past = sized_world(1, until, meetings=A_DAY * days, participants=1, snippets=1, days=days)
    write_logs(past, folder / "webhook_logs", seed=1, until=UNTIL)
    etl = etl_for(folder, "http://127.0.0.1:1", "none")
    ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    list(fold(etl.lake, etl.ledger, etl.ledger.due_days()))
    for day in etl.ledger.days():
        told = etl.lake.read(MEETINGS, day).to_pylist()
        etl.lake.merge(MEETINGS, day, [row | {"fetched_at": row["ended_at"]} for row in told])
        pairs = [
            replace(pair, settled=True, status="ready", next_attempt_at=None)
            for pair in etl.ledger.pairs(day)
        ]
        etl.ledger.record(day, pairs)
        etl.ledger.refresh(day)
        for table in (RECORDINGS, PARTICIPANTS, TRANSCRIPTS, TRANSCRIPT_SNIPPETS):
            rows = [
                dict.fromkeys(table.key, f"{row['meeting_id']}-{number}")
                | {"meeting_id": row["meeting_id"]}
                for row in told
                for number in range(10)
            ]
            etl.lake.merge(table, day, rows)
    assert not etl.ledger.open_days()
    catalog.publish(etl.files, etl.lake)


def incremental(folder: Path, base_url: str, token: str, number: int) -> None:
    """Take new meetings in as `meeting-etl run` does, and say how long it took."""
    from meeting_etl.definitions import build_defs
    from meeting_etl.orchestration.automation import run_now
    from meeting_etl.orchestration.instance import dagster_home, open_instance

    etl = etl_for(folder, base_url, token)
    write_logs(new_meetings(number), folder / "webhook_logs" / f"new-{number}", seed=1, until=UNTIL)
    with open_instance(dagster_home(etl.files, None)) as instance:
        defs = build_defs(etl)
        started = time.perf_counter()
        outcome = run_now(defs, instance, etl)
        seconds = time.perf_counter() - started
    assert not outcome.failures
    print(
        json.dumps({"seconds": seconds, "requests": etl.requests_sent, "days": len(outcome.days)})
    )


def main(runs: int) -> None:
    """Both folders in turn, each with the same news, then the ratio."""
    worlds = [new_meetings(number) for number in range(runs + 1)]
    together = replace(worlds[0], meetings=tuple(one for some in worlds for one in some.meetings))
    with Sandbox(together) as webex, tempfile.TemporaryDirectory() as place:
        folders = {days: Path(place) / str(days) for days in DAYS}
        for days, folder in folders.items():
            started = time.perf_counter()
            build(folder, days)
            files = sum(1 for _ in (folder / "lake").rglob("*.parquet"))
            took = time.perf_counter() - started
            print(f"{days:>5} days of history: {files:,} Parquet files, made in {took:.0f} s")
        os.sync()  # or the first runs wait for the disk to write what building left
        seconds: dict[int, list[float]] = {days: [] for days in DAYS}
        said = {}
        for number in range(runs + 1):
            for days, folder in folders.items():
                arguments = [here("history.py"), "--run", str(folder), webex.base_url]
                said = in_process([*arguments, webex.token("user"), str(number)]).said
                if number:  # the first one makes the Dagster instance
                    seconds[days].append(said["seconds"])
    for days, some in seconds.items():
        print(f"run with {A_DAY} new meetings, {days:>5} days of history   {median(some)} s")
    few, many = seconds.values()
    print(f"ratio   {median([one / other for one, other in zip(many, few, strict=True)])}")
    print(f"requests {said['requests']}")


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    parser.add_argument("--run", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        data, address, bearer, which = given.run
        incremental(Path(data), address, bearer, int(which))
    else:
        main(given.runs)
