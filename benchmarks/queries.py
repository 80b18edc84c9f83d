"""What analysts' questions cost over 40 and over 360 days of 400 meetings of 125 snippets.

The days are made of invented words, straight into the lake; 360 days are 40 days, linked nine
times. Each question is asked with one thread, in a process of its own: CPU and wall seconds. Beside
it the metrics of one day, and one day of a base table among 1,825 days.

    .venv/bin/python benchmarks/queries.py
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import here, in_process, median, runs_argument

FIRST = date(2025, 1, 1)
MEETINGS, SNIPPETS, DAYS = 400, 125, 40
QUESTIONS = {
    "talk of one meeting, by id without date": "SELECT * FROM talk_time WHERE meeting_id = 'm20_7'",
    "talk of all days by person": (
        "SELECT person, sum(talk_seconds) FROM talk_time GROUP BY person ORDER BY 2 DESC LIMIT 10"
    ),
    "attendance of one day": f"SELECT * FROM attendance WHERE date = DATE '{FIRST}'",
    "speakers of one day": f"SELECT * FROM speakers WHERE date = DATE '{FIRST}'",
    "coverage of all days": "SELECT * FROM coverage",
}
ONE_DAY = {
    "one day of a base table": f"SELECT count(*), max(title) FROM meetings WHERE date = '{FIRST}'"
}


def build(folder: Path, days: int) -> None:
    """A lake with rows in all tables that the views read."""
    from meeting_etl.files import Files
    from meeting_etl.lake.arrow_rows import to_arrow
    from meeting_etl.lake.lake import Lake
    from meeting_etl.lake.metrics import refresh_metrics
    from meeting_etl.schemas import TABLES

    lake, dice = Lake(Files(folder)), random.Random(1)
    words = ["".join(dice.choices("abcdefghijklmnoprstuv", k=6)) for _ in range(30_000)]
    people = [f"person{number}@sales.example" for number in range(2_000)]
    for number in range(days):
        day = FIRST + timedelta(days=number)
        rows = one_day(
            number, datetime(day.year, day.month, day.day, 9, tzinfo=UTC), dice, words, people
        )
        for name, some in rows.items():
            lake.replace(TABLES[name], day, to_arrow(TABLES[name], some))
        refresh_metrics(lake, day)


def one_day(
    number: int, start: datetime, dice: random.Random, words: list[str], people: list[str]
) -> dict[str, list[dict[str, object]]]:
    """Rows of a day by table."""
    tables = "meetings participants transcripts transcript_snippets fetch_ledger".split()
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in tables}
    for place in range(MEETINGS):
        meeting_id, here_ = f"m{number}_{place:03}", dice.sample(people, 5)
        one: dict[str, object] = {"meeting_id": meeting_id}
        transcript = one | {"transcript_id": f"t{meeting_id}"}
        rows["meetings"].append(
            one
            | {
                "title": " ".join(dice.choices(words, k=4)),
                "started_at": start,
                "ended_at": start + timedelta(hours=1),
                "duration_seconds": 3600,
                "host_email_domain": "sales.example",
            }
        )
        rows["transcripts"].append(transcript | {"status": "available"})
        rows["participants"] += [
            one
            | {
                "participant_id": f"p{seat}",
                "email": email,
                "email_domain": email.partition("@")[2],
                "display_name": email.partition("@")[0],
                "devices": [{"joined_at": start, "left_at": start + timedelta(minutes=50)}],
            }
            for seat, email in enumerate(here_)
        ]
        rows["transcript_snippets"] += [
            transcript
            | {
                "snippet_id": f"{meeting_id}_{turn}",
                "snippet_index": turn,
                "text": " ".join(dice.choices(words, k=12)),
                "person_name": who.partition("@")[0],
                "person_email": who,
                "person_email_domain": who.partition("@")[2],
                "offset_ms": 28_000 * turn,
                "duration_ms": 20_000,
                "started_at": start + timedelta(seconds=28 * turn),
                "source": "snippets",
            }
            for turn in range(SNIPPETS)
            for who in [dice.choice(here_)]
        ]
        rows["fetch_ledger"] += [
            one | {"resource": resource, "resource_id": "", "status": "ready", "settled": True}
            for resource in ("recordings", "participants", "transcripts")
        ]
    return rows


def publish(folder: Path) -> None:
    """The catalog of a folder."""
    from meeting_etl.files import Files
    from meeting_etl.lake import catalog
    from meeting_etl.lake.analytics import Analytics
    from meeting_etl.lake.lake import Lake

    files = Files(folder)
    catalog.publish(files, Lake(files), Analytics(("sales.example",)))


def repeat(source: Path, target: Path, days: int, tables: list[str]) -> None:
    """Link the days of one lake again and again into another, as many as are wanted."""
    for table in tables:
        files = sorted((source / "lake" / table).glob("date=*/part-0.parquet"))
        for number in range(days):
            place = target / "lake" / table / f"date={FIRST + timedelta(days=number)}"
            place.mkdir(parents=True)
            os.link(files[number % len(files)], place / "part-0.parquet")


def ask(folder: Path, sql: str) -> None:
    """One question, with one thread; says what it cost."""
    from meeting_etl.lake import catalog

    with catalog.connect(folder) as connection:
        connection.execute("SET threads = 1")
        wall, cpu = time.perf_counter(), time.process_time()
        connection.sql(sql).fetchall()
        said = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps(said))


def make_metrics(folder: Path) -> None:
    """The metrics of the first day."""
    from meeting_etl.files import Files
    from meeting_etl.lake.lake import Lake
    from meeting_etl.lake.metrics import speaker_metrics

    lake = Lake(Files(folder))
    speaker_metrics(lake, FIRST + timedelta(days=1))  # all modules are loaded by this
    wall, cpu = time.perf_counter(), time.process_time()
    speaker_metrics(lake, FIRST)
    print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}))


def report(what: str, arguments: list[str], runs: int) -> None:
    """Ask some times, print medians."""
    found = [in_process([here("queries.py"), *arguments]).output for _ in range(runs)]
    cpu, wall = ([entry[name] for entry in found] for name in ("cpu", "wall"))
    print(f"{what:<45} CPU {median(cpu)} s   wall {median(wall)} s", flush=True)


def main(runs: int) -> None:
    """All questions over both histories."""
    with tempfile.TemporaryDirectory() as name:
        lab, year, long = (Path(name) / part for part in ("40", "360", "1825"))
        build(lab, DAYS)
        tables = [path.name for path in (lab / "lake").iterdir() if path.is_dir()]
        repeat(lab, year, 360, tables)
        repeat(lab, long, 1825, ["meetings"])
        for folder in (lab, year, long):
            publish(folder)
        print(f"the table of one day of {MEETINGS * SNIPPETS:,} snippets")
        report("  speaker_metrics", ["--metrics", str(lab)], runs)
        for days, folder in ((40, lab), (360, year)):
            print(f"{days} days, {days * MEETINGS * SNIPPETS:,} snippets")
            for what, sql in QUESTIONS.items():
                report(f"  {what}", ["--ask", str(folder), sql], runs)
        print("1,825 days")
        for what, sql in ONE_DAY.items():
            report(f"  {what}", ["--ask", str(long), sql], runs)


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    parser.add_argument("--ask", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--metrics", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ask:
        ask(Path(given.ask[0]), given.ask[1])
    elif given.metrics:
        make_metrics(Path(given.metrics))
    else:
        main(given.runs)
