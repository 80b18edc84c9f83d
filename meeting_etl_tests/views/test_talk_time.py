from pathlib import Path
from typing import Any

import pytest

from meeting_etl_tests.views.lakes import ask, clock, files_read

MEETING = {
    "meeting_id": "m",
    "started_at": clock("10:00"),
    "ended_at": clock("10:01:40"),
    "duration_seconds": 100,
}


def said(
    number: int, who: str, offset_ms: int, duration_ms: int, text: str = "yes"
) -> dict[str, Any]:
    return {
        "snippet_id": f"s{number}",
        "transcript_id": "t",
        "meeting_id": "m",
        "snippet_index": number,
        "text": text,
        "person_name": who,
        "offset_ms": offset_ms,
        "duration_ms": duration_ms,
    }


def test_talk_is_the_union_of_ones_own_snippets(tmp_path: Path) -> None:
    # Ana: 0-10 s and 5-20 s are 20 s; Bo: 15-35 s, over Ana in part, are 20 s of Bo's own.
    rows = ask(
        tmp_path,
        {
            "meetings": [MEETING],
            "transcript_snippets": [
                said(0, "Ana", 0, 10_000, "Hello everyone"),
                said(1, "Ana", 5_000, 15_000, " how  are you "),
                said(2, "Bo", 15_000, 20_000),
            ],
        },
        "SELECT person, snippets, words, talk_seconds, share_of_speech, share_of_meeting "
        "FROM talk_time ORDER BY person",
    )
    assert rows == [("Ana", 2, 5, 20, 0.5, 0.2), ("Bo", 1, 1, 20, 0.5, 0.2)]


def test_shares_of_speech_add_up_to_one(tmp_path: Path) -> None:
    rows = ask(
        tmp_path,
        {
            "meetings": [MEETING],
            "transcript_snippets": [
                said(0, "Ana", 0, 30_000),
                said(1, "Bo", 30_000, 50_000),
                said(2, "Cy", 80_000, 20_000),
            ],
        },
        "SELECT person, share_of_speech FROM talk_time ORDER BY person",
    )
    assert dict(rows) == pytest.approx({"Ana": 0.3, "Bo": 0.5, "Cy": 0.2})


def test_a_transcript_without_any_length_has_no_shares(tmp_path: Path) -> None:
    rows = ask(
        tmp_path,
        {"meetings": [MEETING], "transcript_snippets": [said(0, "Ana", 0, 0)]},
        "SELECT talk_seconds, share_of_speech FROM talk_time",
    )
    assert rows == [(0, None)]


def test_naming_a_day_reads_its_files_alone(tmp_path: Path) -> None:
    assert files_read(tmp_path, "talk_time") <= 2
