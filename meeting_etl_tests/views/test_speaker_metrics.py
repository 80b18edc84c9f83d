from pathlib import Path
from typing import Any

import pytest

from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.analytics import Analytics
from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import SPEAKER_METRICS
from meeting_etl_tests.views.lakes import DAY, ask, clock
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


def test_who_begins_waits_for_nobody(tmp_path: Path) -> None:
    """Ana 0-1 s, Bo 3-4 s, Ana 8-9 s: Ana waited once, 4 s."""
    three = said(0, "Ana", 0, 1000), said(1, "Bo", 3000, 1000), said(2, "Ana", 8000, 1000)
    assert metrics(tmp_path, "patience_seconds", *three) == {"Ana": (4,), "Bo": (2,)}


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


def test_lengths_and_offsets_that_cannot_be_are_not_known(tmp_path: Path) -> None:
    """One such snippet stops nobody's metrics: Bo spoke 10-15 s."""
    found = metrics(
        tmp_path,
        "talk_seconds, longest_monologue_seconds, turns, untimed_snippets, words",
        said(0, "less", 10_000, -5_000),
        said(1, "ages", 0, 2**63 - 1),
        said(2, "later", 2**63 - 1, 1_000),
        said(3, "Bo", 10_000, 5_000),
    )
    unknown = (None, None, None, 1, 1)
    assert found == {"less": unknown, "ages": unknown, "later": unknown, "Bo": (5, 5, 1, 0, 1)}


def test_the_rate_of_words_is_that_of_each_snippet(tmp_path: Path) -> None:
    """60 words in 60 s, in two transcripts: 60 a minute and not 120."""
    text = "yes " * 60
    twice = (
        said(0, "Ana", 0, 60_000, text),
        said(1, "Ana", 0, 60_000, text) | {"transcript_id": "t2"},
    )
    assert metrics(tmp_path, "words_per_minute, talk_seconds", *twice) == {"Ana": (60, 60)}


def test_what_is_said_outside_of_the_meeting_is_nobodys_turn(tmp_path: Path) -> None:
    """Of 100 s: Ana 90-95 s is a turn; Bo and Ana after 100 s are none, nor is Cy before 0 s."""
    found = metrics(
        tmp_path,
        "talk_seconds, turns, switches, longest_monologue_seconds, patience_seconds",
        said(0, "Cy", -2_000, 1_000),
        said(1, "Ana", 90_000, 5_000),
        said(2, "Bo", 100_000, 1_000),
        said(3, "Ana", 102_000, 1_000),
    )
    outside = (0, 0, 0, 0, None)
    assert found == {"Cy": outside, "Ana": (5, 1, 0, 5, None), "Bo": outside}


def test_a_transcript_without_a_clock_is_not_put_beside_one_with_a_clock(tmp_path: Path) -> None:
    """The meeting's start is not known: Ana 10:00:00-10:00:10, Bo at 0 s of another transcript."""
    meeting = MEETING | {"started_at": None}
    snippets = (
        said(0, "Ana", 0, 10_000) | {"started_at": clock("10:00")},
        said(1, "Bo", 0, 10_000) | {"transcript_id": "t2"},
    )
    rows = ask(
        tmp_path,
        {"meetings": [meeting], "transcript_snippets": snippets},
        "SELECT person, talk_seconds, covered_seconds, patience_seconds FROM speaker_metrics",
    )
    assert rows == [("name:Ana", 10, 10, None), ("name:Bo", None, 10, None)]


def test_a_start_after_the_end_is_none(tmp_path: Path) -> None:
    """Of a meeting that is said to last from 12:00 to 10:01:40: 0-10 s are 10 s, share unknown."""
    rows = ask(
        tmp_path,
        {
            "meetings": [MEETING | {"started_at": clock("12:00")}],
            "transcript_snippets": [said(0, "Ana", 0, 10_000)],
        },
        "SELECT talk_seconds, share_of_meeting FROM speaker_metrics",
    )
    assert rows == [(10, None)]


def test_sides_are_by_the_domains_of_the_hosts_and_not_in_the_files(tmp_path: Path) -> None:
    """The host is of own.example; Cy has no address, and one voice has no name either."""
    host = {"host_email": "dee@own.example", "host_email_domain": "own.example"}
    snippets = [
        said(0, "Ana", 0, 1000) | {"person_email": " Ana@Own.example"},
        said(1, "Bo", 1000, 1000) | {"person_email": "bo@customer.example"},
        said(2, "Cy", 2000, 1000),
        said(3, "", 3000, 1000),
    ]
    tables = {"meetings": [MEETING | host], "transcript_snippets": snippets}
    rows = ask(tmp_path, tables, "SELECT person, side FROM speaker_metrics")
    expected = {
        "ana@own.example": "internal",
        "bo@customer.example": "external",
        "name:Cy": "unknown",
        None: "unknown",
    }
    assert dict(rows) == expected
    talk = ask(tmp_path, {}, "SELECT person, side FROM talk_time")
    assert dict(talk) == expected
    lake = Lake(Files(tmp_path))
    assert "side" not in lake.read(SPEAKER_METRICS, DAY).column_names
    # Another domain becomes internal: the catalog is published again, no metric is made anew.
    made_at = lake.tables.changed_at_ns(SPEAKER_METRICS, DAY)
    assert catalog.publish(lake.files, lake, Analytics(("customer.example",)))
    sql = "SELECT person FROM speaker_metrics WHERE side = 'internal'"
    assert catalog.query(tmp_path, sql)[1] == [("bo@customer.example",)]
    assert lake.tables.changed_at_ns(SPEAKER_METRICS, DAY) == made_at
