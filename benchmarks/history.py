"""What an incremental run costs with five days of history and with five years.

Two data folders hold 20 settled meetings a day, one for 5 days, one for 1,825: their webhook logs,
read for real, and all tables. Then 20 new meetings come, and `run` takes them in; each time others.
The same again with 400 meetings and 24 logs a day, whose tables are written directly.

    .venv/bin/python benchmarks/history.py
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import busy_lake
from benchmarks.measuring import here, in_process, median, runs_argument
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import write_logs
from meeting_etl.sandbox.world.worlds import World, sized_world
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
    from meeting_etl.lake.migration import migrate
    from meeting_etl.pipeline.ingest.ingest import ingest
    from meeting_etl.pipeline.meetings.fold import fold
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
            for pair in etl.ledger.items(day)
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
    migrate(etl.lake)  # with the metrics of all days
    catalog.publish(etl.files, etl.lake)


def incremental(folder: Path, base_url: str, token: str) -> None:
    """What `meeting-etl run` does, and how long it took once all modules were loaded."""
    from meeting_etl.cli.run_report import run_and_report

    etl = etl_for(folder, base_url, token)
    started = time.perf_counter()
    assert run_and_report(etl, None) == 0
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "requests": etl.requests_sent}))


def build_busy(folder: Path, days: int) -> None:
    """As `build`, with far more of everything."""
    busy_lake.build(etl_for(folder, "http://127.0.0.1:1", "none"), UNTIL.date(), days)


def main(runs: int, build: Callable[[Path, int], None]) -> None:
    """Both folders in turn, each with the same news, then the ratio."""
    worlds = [new_meetings(number) for number in range(runs + 1)]
    together = replace(
        worlds[0], meetings=tuple(meeting for some in worlds for meeting in some.meetings)
    )
    with Sandbox(together) as webex, tempfile.TemporaryDirectory() as place:
        folders = {days: Path(place) / str(days) for days in DAYS}
        for days, folder in folders.items():
            started = time.perf_counter()
            build(folder, days)
            files = sum(1 for _ in (folder / "lake").rglob("*.parquet"))
            took = time.perf_counter() - started
            print(f"{days:>5} days of history: {files:,} Parquet files, made in {took:.0f} s")
        os.sync()  # or the first runs wait for the disk to write what building left
        whole: dict[int, list[float]] = {days: [] for days in DAYS}
        loaded: dict[int, list[float]] = {days: [] for days in DAYS}
        requests = set()
        for number, world in enumerate(worlds):
            for days, folder in folders.items():
                write_logs(world, folder / "webhook_logs" / f"new-{number}", seed=1, until=UNTIL)
                run = [here("history.py"), "--run", str(folder), webex.base_url]
                measured = in_process([*run, webex.token("user")])
                if number:  # the first one makes the Dagster instance
                    whole[days].append(measured.seconds)
                    loaded[days].append(measured.output["seconds"])
                    requests.add(measured.output["requests"])
    report("the whole command", whole)
    report("without loading Python's modules", loaded)
    print(f"requests {sorted(requests)}")


def report(what: str, seconds: dict[int, list[float]]) -> None:
    """Medians for both histories, and the median of the ratios of neighbouring runs."""
    print(f"run with {A_DAY} new meetings, {what}")
    for days, some in seconds.items():
        print(f"{days:>5} days of history   {median(some)} s")
    few, many = seconds.values()
    print(f"ratio   {median([one / other for one, other in zip(many, few, strict=True)])}")


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--busy", action="store_true", help="400 meetings and 24 logs a day only")
    given = parser.parse_args()
    if given.run:
        data, address, bearer = given.run
        incremental(Path(data), address, bearer)
    else:
        if not given.busy:
            print(f"{A_DAY} meetings and 2 logs a day")
            main(given.runs, build)
        print(f"{busy_lake.MEETINGS_A_DAY} meetings and {busy_lake.LOGS_A_DAY} logs a day")
        main(given.runs, build_busy)
