"""What a search of what was said costs, by script, beside ILIKE.

A day of 400 meetings of 125 snippets is made of invented words of each script and linked: 7 days
are 350,000 snippets, 20 a million. A word that few snippets have, with the lines around it; ILIKE
only lists the snippets. One thread, each in a process of its own: CPU and wall seconds.

    .venv/bin/python benchmarks/search.py
    .venv/bin/python benchmarks/search.py --days 360 --scripts latin --runs 3    # 18 million
"""

import argparse
import json
import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import here, in_process, median, ratio, runs_argument
from benchmarks.queries import FIRST, MEETINGS, SNIPPETS, one_day, publish, repeat


def letters(first: str, last: str) -> str:
    """All characters from one to another."""
    return "".join(map(chr, range(ord(first), ord(last) + 1)))


# Letters of each script, and how many a word has: about as many as is usual there.
SCRIPTS = {
    "latin": (letters("a", "z") + "éüñ", 5),
    "cyrillic": (letters("а", "я"), 5),
    "arabic": (letters("ا", "غ") + letters("ف", "ي"), 5),
    "devanagari": (letters("क", "ह"), 4),
    "hangul": (letters("가", "갿"), 3),
    "japanese": (letters("あ", "ん"), 3),
    "chinese": (letters("一", "俿"), 2),
}


def words_of(script: str) -> list[str]:
    """Invented words; the first is the one that is searched for."""
    dice = random.Random(1)
    alphabet, length = SCRIPTS[script]
    return ["".join(dice.choices(alphabet, k=length)) for _ in range(30_000)]


def build(folder: Path, script: str) -> None:
    """A lake of one day."""
    from meeting_etl.files import Files
    from meeting_etl.lake.arrow_rows import to_arrow
    from meeting_etl.lake.lake import Lake
    from meeting_etl.schemas import TABLES

    lake, start = Lake(Files(folder)), datetime(FIRST.year, FIRST.month, FIRST.day, 9, tzinfo=UTC)
    people = [f"person{number}@sales.example" for number in range(2_000)]
    rows = one_day(0, start, random.Random(2), words_of(script), people)
    for name, of_table in rows.items():
        lake.replace(TABLES[name], FIRST, to_arrow(TABLES[name], of_table))


def ask(folder: Path, sql: str) -> None:
    """One query, with one thread; prints what it cost and how many rows there were."""
    from meeting_etl.lake import catalog

    with catalog.connect(folder) as connection:
        connection.execute("SET threads = 1")
        wall, cpu = time.perf_counter(), time.process_time()
        rows = connection.sql(sql).to_arrow_table().num_rows
        seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps(seconds | {"rows": rows}))


def report(folder: Path, script: str, word: str, runs: int) -> None:
    """Search and ILIKE in turn; prints medians."""
    queries = {
        "search": f"FROM search_transcripts('{word}', NULL, NULL)",
        "ILIKE": f"SELECT * FROM transcript_snippets WHERE text ILIKE '%{word}%'",
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in queries}
    for _ in range(runs):
        for name, sql in queries.items():
            arguments = [here("search.py"), "--ask", str(folder), sql]
            found[name].append(in_process(arguments).output)
    cpu = {name: [run["cpu"] for run in of_query] for name, of_query in found.items()}
    wall = [run["wall"] for run in found["search"]]
    print(
        f"  {script:<11}{found['search'][0]['rows']:>9,} hits   CPU {median(cpu['search'])} s   "
        f"wall {median(wall)} s   ILIKE {median(cpu['ILIKE'])} s   "
        f"ratio {ratio(cpu['search'], cpu['ILIKE'])}",
        flush=True,
    )


def main(days: list[int], scripts: list[str], runs: int) -> None:
    """A word in each script; two letters, which many snippets have, in the first."""
    with tempfile.TemporaryDirectory() as name:
        for script in scripts:
            build(Path(name) / script, script)
        for number in days:
            print(f"{number} days, {number * MEETINGS * SNIPPETS:,} snippets")
            for script in scripts:
                folder = Path(name) / f"{script}{number}"
                tables = [path.name for path in (Path(name) / script / "lake").iterdir()]
                repeat(Path(name) / script, folder, number, tables)
                publish(folder)
                word = words_of(script)[0]
                report(folder, script, word, runs)
                if script == scripts[0]:
                    report(folder, "two letters", word[:2], runs)


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    parser.add_argument("--days", type=int, nargs="+", default=[7, 20], help="days of each lake")
    parser.add_argument("--scripts", nargs="+", default=list(SCRIPTS), choices=SCRIPTS)
    parser.add_argument("--ask", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ask:
        ask(Path(given.ask[0]), given.ask[1])
    else:
        main(given.days, given.scripts, given.runs)
