"""Rule 10 on a day of several files: a meeting is seen once and as a whole while others arrive."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import TRANSCRIPT_SNIPPETS
from meeting_etl_tests.promises.reading import reading, sums

DAY = date(2026, 3, 2)
# What every version of a meeting adds up to, however many snippets it has.
SUM_OF_A_MEETING = 18_600
FIRST_MEETINGS, CHANGES = 12, 40
SQL = "SELECT meeting_id, sum(duration_ms) FROM transcript_snippets GROUP BY meeting_id"


def snippets(meeting: int, rows: int) -> list[dict[str, Any]]:
    return [
        {
            "snippet_id": f"m{meeting}-{number}",
            "meeting_id": f"m{meeting}",
            "transcript_id": f"t{meeting}",
            "snippet_index": number,
            "text": f"{number * 7919 % 1009} " * (rows % 7 + 1),
            "duration_ms": SUM_OF_A_MEETING // rows,
        }
        for number in range(rows)
    ]


def commit(lake: Lake, meetings: dict[int, int]) -> None:
    """Complete answers for some meetings, with so many snippets each."""
    rows = [row for meeting, rows in meetings.items() for row in snippets(meeting, rows)]
    transcripts = [f"t{meeting}" for meeting in meetings]
    lake.merge(TRANSCRIPT_SNIPPETS, DAY, rows, replacing={"transcript_id": transcripts})


@pytest.mark.slow
def test_a_meeting_is_whole_and_there_once_while_parts_change(tmp_path: Path) -> None:
    lake = Lake(Files(tmp_path))
    for first in range(0, FIRST_MEETINGS, 4):
        commit(lake, dict.fromkeys(range(first, first + 4), 6_200))
    catalog.publish(lake.files, lake)
    assert len(list((tmp_path / "lake/transcript_snippets").rglob("*.parquet"))) == 3
    with reading(sums(tmp_path, SQL)) as (reader,):
        for number in range(CHANGES):
            # One meeting of each part is answered again, and a new one arrives.
            again = {number % 4 + 4 * part: (10, 300, 6_200)[number % 3] for part in range(3)}
            commit(lake, again | {FIRST_MEETINGS + number: 100})
            reader.wait_for(1)
        found = reader.end()
    answers = [json.loads(words.removeprefix("sums ")) for words in found]  # nothing but sums
    assert len(answers) > 10
    assert {total for meetings in answers for total in meetings.values()} == {SUM_OF_A_MEETING}
    there = {f"m{number}" for number in range(FIRST_MEETINGS)}
    assert all(there <= meetings.keys() for meetings in answers)
