"""What a commit costs on a large day and on a small one: 5,000 and 400 meetings of 50 snippets.

Commits of 25,000 snippets, as rows arrive from responses, into transcript_snippets and with them
transcripts and fetch_ledger; CPU seconds of a process of its own on one core. Beside it the large
day with all rows of a table in one file. Then one commit that fetches 20 meetings of the day again.

    .venv/bin/python benchmarks/commit.py
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import here, in_process, median, runs_argument

DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 3, tzinfo=UTC)
SMALL, LARGE = 400, 5_000
SNIPPETS, COMMIT_MEETINGS, AGAIN = 50, 500, 20
RESOURCES = ("meeting", "recordings", "participants", "transcripts")
_WORDS = [f"word{number}" for number in range(3_000)]

Rows = list[dict[str, Any]]
Batch = tuple[Rows, Rows, Rows]


def meeting(number: int) -> Batch:
    """Snippets, transcript and work items of one meeting."""
    rng = random.Random(number)
    meeting_id = f"{rng.getrandbits(128):032x}_I_{rng.randrange(10**17, 10**18)}"
    fetched = {"run_id": "r", "fetched_at": NOW}
    transcript = {"transcript_id": f"{meeting_id}_t", "meeting_id": meeting_id}
    snippets = [
        transcript
        | fetched
        | {
            "snippet_id": f"{meeting_id}_t_{index:05}",
            "snippet_index": index,
            "text": " ".join(rng.choices(_WORDS, k=12)),
            "person_name": f"Person {index % 7}",
            "person_email": f"person{index % 7}@sales.example",
            "person_email_domain": "sales.example",
            "offset_ms": index * 4_000,
            "duration_ms": 3_500,
            "started_at": NOW - timedelta(seconds=3_600 - 4 * index),
            "source": "snippets",
        }
        for index in range(SNIPPETS)
    ]
    item = {"meeting_id": meeting_id, "status": "ready", "settled": True, "attempts": 1}
    items = [item | {"resource": name, "resource_id": ""} for name in RESOURCES]
    items.append(
        item | {"resource": "transcript_snippets", "resource_id": transcript["transcript_id"]}
    )
    return snippets, [transcript | fetched | {"status": "available"}], items


def batches(meetings: int) -> Iterator[Batch]:
    """Rows of all meetings, a commit at a time."""
    for first in range(0, meetings, COMMIT_MEETINGS):
        last = min(first + COMMIT_MEETINGS, meetings)
        yield joined([meeting(number) for number in range(first, last)])


def joined(meetings: list[Batch]) -> Batch:
    """The rows of several meetings."""
    snippets, transcripts, items = (
        [row for rows in column for row in rows] for column in zip(*meetings, strict=True)
    )
    return snippets, transcripts, items


def ours(folder: Path, meetings: int, *, in_parts: bool) -> None:
    """CPU seconds per 25,000 snippets of all commits of a day, and of the one that comes later."""
    from meeting_etl.files import Files
    from meeting_etl.lake.lake import Lake
    from meeting_etl.schemas import FETCH_LEDGER, TRANSCRIPT_SNIPPETS, TRANSCRIPTS

    lake = Lake(Files(folder))
    tables = [
        table if in_parts else replace(table, part_rows=10**9)
        for table in (TRANSCRIPT_SNIPPETS, TRANSCRIPTS, FETCH_LEDGER)
    ]

    def commit(rows: Batch, day: date = DAY) -> float:
        by_transcript = {"transcript_id": [row["transcript_id"] for row in rows[1]]}
        started = time.process_time()
        lake.merge(tables[0], day, rows[0], replacing=by_transcript)
        for table, some in zip(tables[1:], rows[1:], strict=True):
            lake.merge(table, day, some)
        return time.process_time() - started

    commit(next(batches(SMALL)), DAY - timedelta(days=1))  # the first commit loads libraries
    first = sum(map(commit, batches(meetings))) / (meetings * SNIPPETS) * 25_000
    again = joined([meeting(number) for number in random.Random(1).sample(range(meetings), AGAIN)])
    for row in again[0]:
        row["text"] += "!"
    seconds = commit(again)
    assert lake.count(TRANSCRIPT_SNIPPETS, DAY) == meetings * SNIPPETS
    files = len(list(folder.rglob(f"date={DAY}/*.parquet")))
    print(json.dumps({"first": first, "again": seconds, "files": files}))


def main(runs: int) -> None:
    """All days in turn, then the figures."""
    days = {f"day of {SMALL}": (SMALL, 1), f"day of {LARGE:,}": (LARGE, 1)}
    days[f"day of {LARGE:,} in one file"] = (LARGE, 0)
    said: dict[str, list[dict[str, Any]]] = {name: [] for name in days}
    for _ in range(runs):
        for name, how in days.items():
            with tempfile.TemporaryDirectory() as folder:
                arguments = [here("commit.py"), "--ours", folder, *map(str, how)]
                said[name].append(in_process(arguments, one_core=True).output)
    print(f"CPU seconds, medians of {runs} (least–greatest); ratios to the small day")
    for what, key in (("25,000 new snippets", "first"), (f"{AGAIN} meetings again", "again")):
        print(what)
        small = [figures[key] for figures in said[f"day of {SMALL}"]]
        for name, figures in said.items():
            seconds = [some[key] for some in figures]
            ratios = [many / few for many, few in zip(seconds, small, strict=True)]
            files = figures[0]["files"]
            print(f"    {name:26} {median(seconds)}  ratio {median(ratios)}  {files} files")


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    parser.add_argument("--ours", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ours:
        place, meetings, parts = given.ours
        ours(Path(place), int(meetings), in_parts=parts == "1")
    else:
        main(given.runs)
