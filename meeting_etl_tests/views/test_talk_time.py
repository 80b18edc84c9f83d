from pathlib import Path
from typing import Any

import pytest

from meeting_etl_tests.views.attending import person
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
    assert rows == [("name:Ana", 2, 5, 20, 0.5, 0.2), ("name:Bo", 1, 1, 20, 0.5, 0.2)]


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
    assert dict(rows) == pytest.approx({"name:Ana": 0.3, "name:Bo": 0.5, "name:Cy": 0.2})


def test_a_transcript_without_any_length_has_no_shares(tmp_path: Path) -> None:
    rows = ask(
        tmp_path,
        {"meetings": [MEETING], "transcript_snippets": [said(0, "Ana", 0, 0)]},
        "SELECT talk_seconds, share_of_speech, covered_seconds, share_of_covered FROM talk_time",
    )
    assert rows == [(0, None, 0, None)]


def talk(folder: Path, columns: str, *snippets: dict[str, Any], **more: Any) -> dict[Any, Any]:
    """These columns by person."""
    rows = ask(
        folder,
        {"meetings": [MEETING], "transcript_snippets": snippets, **more},
        f"SELECT person, {columns} FROM talk_time",
    )
    return {row[0]: row[1:] for row in rows}


def test_seconds_are_those_of_the_milliseconds(tmp_path: Path) -> None:
    """Ana 0-0.1 and 1-1.2 s, Bo 1.1-13.445 s, Cy 14-14.3 s; no digit after the milliseconds."""
    spoken = [
        said(0, "Ana", 0, 100),
        said(1, "Ana", 1_000, 200),
        said(2, "Bo", 1_100, 12_345),
        said(3, "Cy", 14_000, 300),
    ]
    rows = ask(
        tmp_path,
        {"meetings": [MEETING], "transcript_snippets": spoken},
        "SELECT talk_seconds, overlap_seconds, longest_monologue_seconds, patience_seconds, "
        "covered_seconds FROM speaker_metrics ORDER BY person",
    )
    assert rows == [
        (0.3, 0.1, 1.2, None, 14.3),
        (12.345, 0.1, 12.345, 0, 14.3),
        (0.3, 0, 0.3, 0.555, 14.3),
    ]


def test_the_talk_of_a_week_is_the_same_in_every_order(tmp_path: Path) -> None:
    """0.1, 0.2 and 0.3 s of Ana are 0.6 s; floating-point numbers also give 0.6000000000000001."""
    meetings = [MEETING | {"meeting_id": meeting} for meeting in "abc"]
    people = [
        person("p", ("10:00", "10:01"), email="ana@sales.example") | {"meeting_id": meeting}
        for meeting in "abc"
    ]
    snippets = [
        said(number, "", 0, 100 * number)
        | {"meeting_id": meeting, "transcript_id": meeting, "person_email": "ana@sales.example"}
        for number, meeting in enumerate("abc", start=1)
    ]
    rows = ask(
        tmp_path,
        {"meetings": meetings, "participants": people, "transcript_snippets": snippets},
        "SELECT talk_seconds, weighted_share_of_speech FROM person_week",
    )
    assert rows == [(0.6, 1)]


def test_two_transcripts_of_the_same_time_count_once(tmp_path: Path) -> None:
    """W1: Ana 0-60 s in both of 100 s: 60 s, 0.6 of the meeting, of all speech, of 60 covered."""
    twice = said(0, "Ana", 0, 60_000), said(1, "Ana", 0, 60_000) | {"transcript_id": "t2"}
    columns = "talk_seconds, share_of_meeting, share_of_speech, covered_seconds, share_of_covered"
    assert talk(tmp_path, columns, *twice) == {"name:Ana": (60, 0.6, 1, 60, 1)}


def test_a_transcript_that_is_restarted_adds_to_the_first(tmp_path: Path) -> None:
    """0-10 s, and 10 s from 10:01:00 on, where its own clock begins anew: 20 s of 20 covered."""
    restarted = said(1, "Ana", 0, 10_000) | {
        "transcript_id": "t2",
        "started_at": clock("10:01:00"),
    }
    first = said(0, "Ana", 0, 10_000) | {"started_at": clock("10:00:00")}
    found = talk(tmp_path, "talk_seconds, covered_seconds", first, restarted)
    assert found == {"name:Ana": (20, 20)}


@pytest.mark.parametrize(("status", "seconds"), [("deleted", 60), ("unlisted", 100)])
def test_what_was_replaced_counts_while_it_is_not_deleted(
    tmp_path: Path, status: str, seconds: int
) -> None:
    """W2: t, 40-100 s, was replaced by t2, 0-60 s."""
    old, new = said(0, "Ana", 40_000, 60_000), said(1, "Ana", 0, 60_000) | {"transcript_id": "t2"}
    transcripts = [
        {"transcript_id": "t", "meeting_id": "m", "status": status},
        {"transcript_id": "t2", "meeting_id": "m", "status": "available"},
    ]
    found = talk(tmp_path, "talk_seconds", old, new, transcripts=transcripts)
    assert found == {"name:Ana": (seconds,)}


def test_talk_is_clipped_to_the_meeting(tmp_path: Path) -> None:
    """W3: 0-250 s of 100 s are 100 s; -5 to 5 s are 5 s; after the end there is nothing."""
    found = talk(
        tmp_path,
        "talk_seconds, share_of_meeting, covered_seconds",
        said(0, "Ana", 0, 250_000),
        said(1, "Bo", -5_000, 10_000),
        said(2, "Cy", 120_000, 10_000),
    )
    assert found == {"name:Ana": (100, 1, 100), "name:Bo": (5, 0.05, 100), "name:Cy": (0, 0, 100)}


def test_talk_without_an_offset_or_a_length_is_not_known(tmp_path: Path) -> None:
    """W4b: of Bo one snippet of two has a time."""
    found = talk(
        tmp_path,
        "talk_seconds, share_of_speech, snippets, untimed_snippets",
        said(0, "Ana", 0, 0) | {"offset_ms": None},
        said(1, "Bo", 0, 10_000),
        said(2, "Bo", 20_000, 0) | {"duration_ms": None},
    )
    assert found == {"name:Ana": (None, None, 1, 1), "name:Bo": (10, 1, 2, 1)}


def test_speakers_without_a_name_have_time_and_no_share(tmp_path: Path) -> None:
    """W8: 30 s of nobody and 10 s of Ana, who so has a quarter of all speech."""
    nobody = said(0, "", 0, 30_000) | {"person_name": None}
    found = talk(
        tmp_path,
        "talk_seconds, share_of_speech, share_of_meeting, share_of_covered, method",
        nobody,
        said(1, "Ana", 30_000, 10_000),
    )
    assert found == {
        None: (30, None, None, None, "unknown"),
        "name:Ana": (10, 0.25, 0.1, 0.25, "unmatched"),
    }


def test_a_speaker_is_the_person_of_the_attendance(tmp_path: Path) -> None:
    """W9, W9c, W9d: Ana 0-10 s with her address, with a blank after it, and by name: 30 s."""
    ana = [
        said(0, "Ana", 0, 10_000) | {"person_email": "ana@sales.example"},
        said(1, "Ana", 10_000, 10_000) | {"person_email": "Ana@sales.example "},
        said(2, "Ana", 20_000, 10_000),
    ]
    people = [{"meeting_id": "m", "participant_id": "p", "display_name": "Ana"}]
    people[0]["email"] = "ana@sales.example"
    found = talk(tmp_path, "talk_seconds, method", *ana, participants=people)
    assert found == {"ana@sales.example": (30, "email")}
    joined = ask(
        tmp_path, {}, "SELECT count(*) FROM talk_time JOIN attendance USING (date, person)"
    )
    assert joined == [(1,)]


def test_two_guests_of_one_name_are_ambiguous(tmp_path: Path) -> None:
    """W9b: 0-10 and 5-15 s are 15 s of one voice, or 20 s of two; nobody can tell."""
    people = [
        {"meeting_id": "m", "participant_id": key, "display_name": "Guest"} for key in ("p", "q")
    ]
    two = said(0, "Guest", 0, 10_000), said(1, "Guest", 5_000, 10_000)
    found = talk(tmp_path, "talk_seconds, method", *two, participants=people)
    assert found == {"name:Guest": (15, "ambiguous")}


def test_words_are_parted_by_any_white_space(tmp_path: Path) -> None:
    """W10. Of `all` only the text with words of 2 counts, three are not counted."""
    texts = {
        "empty": "",
        "blank": "   ",
        "lines": "\nhello\n",
        "nothing": None,
        "japanese": "こんにちは皆さん",
        "thai": "สวัสดีครับ",
        "korean": "안녕하세요 여러분",
        "exotic": "one\u00a0two\u3000three\u2003four\tfive\u0085six",
        "cyrillic": "Спасибо всем",
    }
    snippets = [
        said(number, name, 0, 1000) | {"text": text}
        for number, (name, text) in enumerate(texts.items())
    ]
    found = talk(tmp_path, "words, uncounted_snippets", *snippets)
    assert found == {
        "name:empty": (0, 0),
        "name:blank": (0, 0),
        "name:lines": (1, 0),
        "name:nothing": (None, 1),
        "name:japanese": (None, 1),
        "name:thai": (None, 1),
        "name:korean": (2, 0),
        "name:exotic": (6, 0),
        "name:cyrillic": (2, 0),
    }


def test_columns_have_types_that_every_reader_knows(tmp_path: Path) -> None:
    sql = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'talk_time'"
    kinds = {kind for _, kind in ask(tmp_path, {}, sql)}
    assert kinds == {"VARCHAR", "DATE", "BIGINT", "DOUBLE"}


@pytest.mark.slow
def test_naming_a_day_reads_its_files_alone(tmp_path: Path) -> None:
    # Snippets, transcripts and meetings once, and what speakers read: snippets and participants.
    assert files_read(tmp_path, "talk_time") <= 7


def test_a_meeting_without_its_date_is_looked_up_by_its_id(tmp_path: Path) -> None:
    """W14: its id reaches every file that is read, through all windows."""
    snippets = [said(0, "Ana", 0, 1000), said(1, "Ana", 0, 1000) | {"meeting_id": "n"}]
    tables: dict[str, Any] = {
        "transcript_snippets": snippets,
        "meetings": [MEETING, {"meeting_id": "n"}],
    }
    ((_, plan),) = ask(tmp_path, tables, "EXPLAIN SELECT * FROM talk_time WHERE meeting_id = 'm'")
    assert plan.count("Read Parquet") == 1
    assert plan.count("meeting_id = 'm'") == 1
