"""Words and questions of a snippet: counted when it is written, and kept without its text."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meeting_etl.files import Files
from meeting_etl.lake.arrow_rows import to_arrow
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.lake.migration import migrate
from meeting_etl.lake.partitions import folder_of
from meeting_etl.lake.snippet_counts import with_counts
from meeting_etl.pipeline.meetings.move import move_meetings
from meeting_etl.schemas import SPEAKER_METRICS, TRANSCRIPT_SNIPPETS

DAY, NEXT_DAY = date(2026, 3, 2), date(2026, 3, 3)
AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
# By hand: text, words, questions.
COUNTED: list[tuple[str | None, int | None, int | None]] = [
    ("Is it here? Yes", 4, 1),
    ("So?! What??  No", 3, 2),
    ("", 0, 0),
    (" \u3000\x85 \x0b ", 0, 0),
    ("one\u00a0two\u2028three\x0bfour\x85five\u3000six", 6, 0),
    ("a\u200bb\x1cc", 1, 0),  # a zero width space and a separator of files are no white space
    ("\u0645\u062a\u0649\u061f \u0627\u0644\u0622\u0646", 2, 1),
    ("\u4f60\u597d\uff1f\uff1f", None, 1),
    ("ok \u0e01", None, 0),
    (None, None, None),
]
# As the metrics once counted them, in the text itself.
SCRIPTS = "Han Hiragana Katakana Thai Lao Khmer Myanmar Tibetan".split()
AS_BEFORE = r"""
SELECT
    CASE WHEN NOT regexp_matches(text, '[SCRIPTS]')
        THEN len(regexp_extract_all(text, '[^\s\p{Z}\x0b\x{85}]+')) END AS words,
    len(regexp_extract_all(text, '[?？؟]+')) AS questions
FROM rows
""".replace("SCRIPTS", "".join(rf"\p{{{name}}}" for name in SCRIPTS))
# What is white space to some but not to others, marks, and scripts without spaces. Not the
# characters of Unicode 15.1 (U+2EBF0 to U+2EE5D), which DuckDB does not know as Han.
ODD = " \t\n\x00\x0b\x0c\x1c\x1f\x7f\x85\u00a0\u1680\u180e\u2003\u200b\u2028\u202f\u3000\ufeff"
ODD += "?\uff1f\u061f\u037e!\u4f60\u3042\u30a2\u30fc\u0e01\u0eb0\u1780\u1000\u0f40\uac00\ufffd"
CHARACTERS = st.one_of(
    st.sampled_from(ODD),
    st.characters(exclude_categories=["Cs"], max_codepoint=0x2EBEF),
)


def snippet(number: int, text: str | None, **more: Any) -> dict[str, Any]:
    return {
        "snippet_id": f"s{number:02}",
        "transcript_id": "t",
        "meeting_id": "m",
        "snippet_index": number,
        "text": text,
        "person_name": "Ana" if number % 2 else "Bo",
        "started_at": AT,
        "offset_ms": number * 1000,
        "duration_ms": 900,
    } | more


ROWS = [snippet(number, text) for number, (text, *_) in enumerate(COUNTED)]


def counts(lake: Lake, day: date = DAY) -> list[tuple[Any, ...]]:
    rows = lake.read(TRANSCRIPT_SNIPPETS, day, columns=["words", "questions"])
    return [tuple(row.values()) for row in rows.to_pylist()]


def merge(lake: Lake) -> None:
    lake.merge(TRANSCRIPT_SNIPPETS, DAY, ROWS)


def replace(lake: Lake) -> None:
    lake.replace(TRANSCRIPT_SNIPPETS, DAY, to_arrow(TRANSCRIPT_SNIPPETS, ROWS))


def append(lake: Lake) -> None:
    with lake.appending(TRANSCRIPT_SNIPPETS, DAY) as write:
        write(to_arrow(TRANSCRIPT_SNIPPETS, ROWS))


def age(lake: Lake) -> None:
    """As a version without the columns left them."""
    merge(lake)
    path = lake.files.path(f"{folder_of(TRANSCRIPT_SNIPPETS, DAY)}/part-0.parquet")
    pq.write_table(pq.read_table(path).drop_columns(["words", "questions"]), path)


def age_and_migrate(lake: Lake) -> None:
    age(lake)
    assert migrate(lake) > 0


def age_and_merge(lake: Lake) -> None:
    """Rows that arrive first rewrite the file."""
    age(lake)
    lake.merge(TRANSCRIPT_SNIPPETS, DAY, [snippet(99, "later")])
    lake.merge(TRANSCRIPT_SNIPPETS, DAY, [], replacing={"snippet_id": ["s99"]})


def age_and_refresh(lake: Lake) -> None:
    age(lake)
    refresh_metrics(lake, DAY)


@pytest.mark.parametrize(
    "written", [merge, replace, append, age_and_migrate, age_and_merge, age_and_refresh]
)
def test_words_and_questions_are_counted_however_rows_are_written(
    tmp_path: Path, written: Any
) -> None:
    lake = Lake(Files(tmp_path))
    written(lake)
    assert counts(lake) == [(words, questions) for _, words, questions in COUNTED]


@pytest.mark.parametrize("left", [None, "[erased]", "anon-00112233445566778899aabbccddeeff"])
def test_counts_and_metrics_stay_when_the_text_does_not(tmp_path: Path, left: str | None) -> None:
    """Also when the meeting moves to another day."""
    lake = Lake(Files(tmp_path))
    merge(lake)
    refresh_metrics(lake, DAY)
    before, metrics = counts(lake), lake.read(SPEAKER_METRICS, DAY)
    stored = lake.read(TRANSCRIPT_SNIPPETS, DAY).to_pylist()
    left_over = [row | {"text": row["text"] and left} for row in stored]
    lake.merge(TRANSCRIPT_SNIPPETS, DAY, left_over)
    refresh_metrics(lake, DAY)
    assert counts(lake) == before
    assert lake.read(SPEAKER_METRICS, DAY).equals(metrics)
    move_meetings(lake, ["m"], DAY, NEXT_DAY)
    assert counts(lake, NEXT_DAY) == before


def test_the_same_rows_again_change_nothing(tmp_path: Path) -> None:
    lake = Lake(Files(tmp_path))
    merge(lake)
    assert not lake.merge(TRANSCRIPT_SNIPPETS, DAY, ROWS)
    corrected = snippet(0, "Is it?")
    assert lake.merge(TRANSCRIPT_SNIPPETS, DAY, [corrected])
    assert counts(lake)[0] == (2, 1)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(CHARACTERS, max_size=30), min_size=20, max_size=100))
def test_they_are_what_duckdb_counts(texts: list[str]) -> None:
    rows = to_arrow(TRANSCRIPT_SNIPPETS, ({"text": text} for text in texts))
    counted = with_counts(TRANSCRIPT_SNIPPETS, rows).select(["words", "questions"])
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        expected = connection.sql(AS_BEFORE).to_arrow_table()
    assert counted.cast(expected.schema).equals(pa.table(expected))
