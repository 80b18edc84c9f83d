from pathlib import Path
from typing import Any

import pytest

from meeting_etl_tests.views.lakes import ask
from meeting_etl_tests.views.test_talk_time import MEETING, said


def metrics(folder: Path, columns: str, *snippets: dict[str, Any]) -> dict[Any, Any]:
    """These columns by name of the speaker; of a meeting of 100 s."""
    rows = ask(
        folder,
        {"meetings": [MEETING], "transcript_snippets": snippets},
        f"SELECT person, {columns} FROM speaker_metrics",
    )
    return {row[0] and row[0].removeprefix("name:"): row[1:] for row in rows}


# Ana 0-10 and 11-20, Bo 22-30, Ana 25-27, 28-40 and 45-50, all in seconds.
TALK = (
    said(0, "Ana", 0, 10_000, "How are you?"),
    said(1, "Ana", 11_000, 9_000),
    said(2, "Bo", 22_000, 8_000, "Fine?? And you?"),
    said(3, "Ana", 25_000, 2_000),
    said(4, "Ana", 28_000, 12_000),
    said(5, "Ana", 45_000, 5_000),
)


def test_turns_and_who_takes_them(tmp_path: Path) -> None:
    """Ana 0-20, Bo 22-30, Ana 25-50: two turns and one; Ana's second and Bo's were taken.

    Bo waited 2 s after Ana; Ana began before Bo had ended.
    """
    found = metrics(tmp_path, "turns, switches, patience_seconds", *TALK)
    assert found == {"Ana": (2, 1, 0), "Bo": (1, 1, 2)}


def test_a_monologue_bears_two_seconds_of_silence(tmp_path: Path) -> None:
    """Ana 0-20 with a second's silence; then 25-40 and 45-50, with five seconds between them."""
    found = metrics(tmp_path, "longest_monologue_seconds", *TALK)
    assert found == {"Ana": (20,), "Bo": (8,)}


def test_overlap_is_what_two_say_at_once(tmp_path: Path) -> None:
    """25-27 and 28-30 s, of 38 s and of 8 s."""
    found = metrics(tmp_path, "talk_seconds, overlap_seconds", *TALK)
    assert found == {"Ana": (38, 4), "Bo": (8, 4)}


def test_overlap_of_three_counts_each_second_once(tmp_path: Path) -> None:
    """Ana 0-10, Bo 2-8, Cy 4-6: 6 s of Ana's are shared, all of Bo's 6 and of Cy's 2."""
    three = (
        said(0, "Ana", 0, 10_000),
        said(1, "Bo", 2_000, 6_000),
        said(2, "Cy", 4_000, 2_000),
    )
    assert metrics(tmp_path, "overlap_seconds", *three) == {"Ana": (6,), "Bo": (6,), "Cy": (2,)}


def test_questions_and_words_a_minute(tmp_path: Path) -> None:
    """Ana: 3 words and 4 of one in 38 s; Bo 3 in 8 s. Two question marks in a row are one."""
    found = metrics(tmp_path, "questions, words, words_per_minute", *TALK)
    assert found["Ana"] == (1, 7, pytest.approx(7 * 60 / 38))
    assert found["Bo"] == (2, 3, 22.5)


def test_speakers_without_a_name_take_no_turns(tmp_path: Path) -> None:
    nobody = said(0, "", 0, 30_000) | {"person_name": None}
    columns = "talk_seconds, turns, patience_seconds, words_per_minute, longest_monologue_seconds"
    found = metrics(tmp_path, columns, nobody)
    assert found == {None: (30, None, None, None, None)}


def test_where_the_words_are_from(tmp_path: Path) -> None:
    snippets = [
        said(0, "Ana", 0, 1000) | {"source": "vtt"},
        said(1, "Bo", 0, 1000) | {"source": "vtt"},
        said(2, "Bo", 2000, 1000) | {"source": "snippets"},
    ]
    assert metrics(tmp_path, "source", *snippets) == {"Ana": ("vtt",), "Bo": ("both",)}


def test_no_words_are_kept(tmp_path: Path) -> None:
    rows = ask(
        tmp_path,
        {"meetings": [MEETING], "transcript_snippets": [said(0, "Ana", 0, 1000, "zebra crossing")]},
        "SELECT * FROM speaker_metrics",
    )
    assert "zebra" not in str(rows)
