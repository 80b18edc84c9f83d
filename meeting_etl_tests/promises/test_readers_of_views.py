"""Rule 10 for views and macro: while days are replaced and emptied no query fails or is wrong."""

import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.arrow_rows import to_arrow
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.schemas import TABLES
from meeting_etl_tests.promises.reading import Reader, reading

DAYS = [date(2026, 3, 2) + timedelta(days=number) for number in range(6)]
EMPTIED = DAYS[-1]
ROUNDS = 40
# Of every version of a day Ana is there, and talks, for 1,000 s; with a customer who says nothing.
KEPT = f"date <> DATE '{EMPTIED}'"
RIGHT = {
    f"SELECT sum(attended_seconds), count(*) FROM attendance WHERE {KEPT}": [10_000, 10],
    f"SELECT sum(epoch(left_at) - epoch(joined_at)) FROM presence WHERE {KEPT}": [10_000],
    f"SELECT count(DISTINCT person), min(method) FROM speakers WHERE {KEPT}": [1, "email"],
    f"SELECT sum(talk_seconds), max(share_of_speech) FROM talk_time WHERE {KEPT}": [5_000, 1],
    f"SELECT sum(attendees), count(*) FROM meeting_overview WHERE {KEPT}": [10, 5],
    f"SELECT sum(here), sum(expected) FROM coverage WHERE {KEPT}": [5, 5],
    f"SELECT sum(persons), sum(attended_seconds) FROM account_activity WHERE {KEPT}": [5, 5_000],
    f"SELECT count(*) FROM turn_pairs WHERE {KEPT}": [0],
    "SELECT count(*) FILTER (snippet_index = 4), count(*) FILTER (text IS NULL) "
    f"FROM search_transcripts('yes  YES', '{DAYS[0]}', '{DAYS[-2]}')": [5, 0],
    "SELECT count(*) FROM series_health": [1],
    "SELECT count(*), max(in_meetings_seconds) <= 6000 FROM person_week": [2, True],
}
QUERYING = """
import json, os, select, sys
from collections import Counter
from meeting_etl.lake import catalog

folder, queries = sys.argv[1], json.loads(sys.argv[2])
found = Counter()
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for sql in queries:
        try:
            (row,) = catalog.query(folder, sql)[1]
        except Exception as error:
            found[f"{sql}: {type(error).__name__}: {error}"] += 1
        else:
            found[json.dumps([sql, list(row)])] += 1
        os.write(2, b".")
print(json.dumps(found))
"""


def fill(lake: Lake, day: date, pieces: int) -> None:
    """A version of a day: Ana's 1,000 seconds in so many stays and snippets."""
    start = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
    step = timedelta(seconds=1000 / pieces)
    one = {"meeting_id": f"m{day}"}
    stays = [
        {"joined_at": start + number * step, "left_at": start + (number + 1) * step}
        for number in range(pieces)
    ]
    whole = {"joined_at": start, "left_at": start + timedelta(seconds=1000)}
    snippets = [
        one
        | {
            "snippet_id": f"{day}-{number}",
            "transcript_id": f"t{day}",
            "snippet_index": number,
            "person_name": "Ana",
            "person_email": "ana@sales.example",
            "text": "yes " * (number % 7),
            "started_at": start + number * step,
            "duration_ms": 1_000_000 // pieces,
        }
        for number in range(pieces)
    ]
    rows: dict[str, list[dict[str, Any]]] = {
        "meetings": [
            one
            | {"started_at": start, "ended_at": start + timedelta(hours=1), "timezone": "UTC"}
            | {"meeting_series_id": "s", "host_email_domain": "sales.example"}
        ],
        "participants": [
            one
            | {"participant_id": "a", "email": "ana@sales.example", "devices": stays}
            | {"display_name": "Ana"},
            one
            | {"participant_id": "b", "email": "bo@customer.example", "devices": [whole]}
            | {"email_domain": "customer.example"},
        ],
        "transcripts": [one | {"transcript_id": f"t{day}", "status": "available"}],
        "transcript_snippets": snippets,
        "fetch_ledger": [
            one
            | {"resource": "participants", "resource_id": "", "status": "ready"}
            | {"settled": True, "reason": "x" * pieces}
        ],
    }
    with lake.lock_days([day]):
        for name, some in rows.items():
            lake.replace(TABLES[name], day, to_arrow(TABLES[name], some))
        refresh_metrics(lake, day)


def change(lake: Lake, reader: Reader) -> None:
    """Replace all days in turn, and empty one of them, until all was queried many times."""
    number, enough = 0, ROUNDS * len(RIGHT)
    while reader.queries < enough or number < 5 * len(DAYS):
        number += 1
        day = DAYS[number % len(DAYS)]
        if day == EMPTIED:
            for table in TABLES.values():
                if table.partition is not None and table.partition.name == "date":
                    lake.replace(table, day, table.schema.empty_table())
        fill(lake, day, (10, 100, 25, 200)[number % 4])
        time.sleep(0.1)


@pytest.mark.slow
def test_no_view_fails_or_sums_up_wrongly_while_days_change(tmp_path: Path) -> None:
    lake = Lake(Files(tmp_path))
    for day in DAYS:
        fill(lake, day, 50)
    catalog.publish(lake.files, lake)
    with reading((QUERYING, str(tmp_path), json.dumps([*RIGHT]))) as (reader,):
        change(lake, reader)
        found = reader.end()
    right = {json.dumps([sql, row]) for sql, row in RIGHT.items()}
    rounded = {json.dumps(whole(json.loads(words))) for words in found if words.startswith("[")}
    assert rounded == right, found
    assert not [words for words in found if not words.startswith("[")]


def whole(answer: list[object]) -> list[object]:
    """Numbers without the last digits of sums of floats."""
    sql, row = answer
    assert isinstance(row, list)
    return [sql, [round(value) if isinstance(value, float) else value for value in row]]
