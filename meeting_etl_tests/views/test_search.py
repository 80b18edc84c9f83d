import re
import shutil
import sys
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

import meeting_etl
from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.analytics import Analytics
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.letters import accented_letters
from meeting_etl.schemas import TRANSCRIPT_SNIPPETS, TRANSCRIPTS
from meeting_etl_tests.views.lakes import DAY, ask
from meeting_etl_tests.views.searching import FOUND, search, transcript

SEARCH = "SELECT * FROM search_transcripts"
# A connection is annotated as Any: DuckDB reports its types in annotations as leaked at the end.


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The catalog of the transcript in many scripts."""
    folder = tmp_path_factory.mktemp("spoken")
    ask(folder, transcript(), "SELECT 1")
    with meeting_etl.connect(folder) as connection:
        yield connection


@pytest.mark.parametrize("words", FOUND)
def test_words_are_found_in_every_script_and_signs_are_text(spoken: Any, words: str | None) -> None:
    literal = [index for (index,) in spoken.execute(search(words)).fetchall()]
    sql = "SELECT snippet_index FROM search_transcripts(?, NULL, NULL)"
    assert literal == FOUND[words]
    assert [index for (index,) in spoken.execute(sql, [words]).fetchall()] == FOUND[words]


def test_a_hit_has_speaker_moment_meeting_and_the_lines_around(
    spoken: Any,
) -> None:
    """The snippet has no start: 3 s after that of the meeting, 10:00:00."""
    cursor = spoken.execute(f"{SEARCH}('größe', NULL, NULL)")
    names = [column[0] for column in cursor.description or []]
    assert dict(zip(names, *cursor.fetchall(), strict=True)) == {
        "date": DAY,
        "meeting_id": "m",
        "title": "Talks",
        "said_at": datetime(2026, 3, 2, 10, 0, 3, tzinfo=UTC),
        "person_name": "Ana",
        "person_email": "ana@sales.example",
        "text": "Die Größe von Søren",
        "before": ["Ana: CAFE noir", "cafe\u0301 frappe\u0301"],
        "after": ["see a.b or acb", "Ana: it is 50% of C++ (new) \\d"],
        "transcript_id": "t",
        "snippet_index": 3,
    }


@pytest.mark.parametrize(
    ("around", "lines"), [("0", 0), ("1", 1), ("3", 3), ("-1", 0), ("NULL", 0)]
)
def test_as_many_lines_around_as_asked_for(spoken: Any, around: str, lines: int) -> None:
    sql = f"{SEARCH}('größe', NULL, NULL, around := {around})"
    [(*_, before, after, _, _)] = spoken.execute(sql).fetchall()
    assert (len(before), len(after)) == (lines, lines)


def test_the_ends_of_a_transcript_have_fewer_lines_and_nothing_said_is_not_a_line(
    spoken: Any,
) -> None:
    sql = "SELECT before, after FROM search_transcripts('{}', NULL, NULL, around := 1)"
    assert spoken.execute(sql.format("im caf")).fetchall() == [([], ["Ana: CAFE noir"])]
    assert spoken.execute(sql.format("ok 👍")).fetchall() == [(["Świętosława"], [])]


def test_every_accented_letter_of_unicode_is_known() -> None:
    letters = accented_letters()
    for letter in filter(unicodedata.decomposition, map(chr, range(sys.maxunicode + 1))):
        base, *marks = list(unicodedata.normalize("NFD", letter))
        script = unicodedata.name(base, "").partition(" ")[0]
        if marks and base.isalpha() and script in {"LATIN", "GREEK", "CYRILLIC", "HEBREW"}:
            assert letter in letters, letter


def test_accented_letters_are_found_by_their_letter_and_the_other_way_round(
    tmp_path: Path,
) -> None:
    """Two snippets of all letters with their accents: as they are, and without."""
    pairs = [(letter, group[0]) for group in accented_letters().split() for letter in group]
    texts = ["".join(pair[place] for pair in pairs) for place in (0, 1)]
    rows = [snippet(f"{index}", index, text=text) for index, text in enumerate(texts)]
    ask(tmp_path, {"transcript_snippets": rows}, "SELECT 1")
    sql = "SELECT count(*) FROM search_transcripts(?, NULL, NULL)"
    with meeting_etl.connect(tmp_path) as connection:
        for text in texts:
            for start in range(0, len(text), 150):
                words = text[start : start + 150]
                assert connection.execute(sql, [words]).fetchall() == [(2,)], words


@pytest.mark.slow
def test_letters_of_two_bytes_are_found_in_either_case(tmp_path: Path) -> None:
    """Three snippets of all letters of Greek and Cyrillic: in one case, in the other, and mixed."""
    alphabet = map(chr, range(0x370, 0x530))
    letters = [each for each in alphabet if each.islower() and len(each.upper()) == 1]
    lower = "".join(letters)
    mixed = "".join(each.upper() if number % 2 else each for number, each in enumerate(letters))
    texts = [lower, lower.upper(), mixed]
    rows = [snippet(f"{index}", index, text=text) for index, text in enumerate(texts)]
    ask(tmp_path, {"transcript_snippets": rows}, "SELECT 1")
    sql = "SELECT snippet_index FROM search_transcripts(?, NULL, NULL)"
    with meeting_etl.connect(tmp_path) as connection:
        for text in texts:
            for start in range(len(text) - 2):
                words = text[start : start + 3]
                assert connection.execute(sql, [words]).fetchall() == [(0,), (1,), (2,)], words


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("дом", [0, 1, 2]),
        ("ДОМ НАШ", [0, 1]),
        ("йод", [3]),
        ("иод", [3]),
        ("ей", [4]),
        ("дом и", []),
        ("мшн", []),  # all letters, not together
        ("[м]ш", [5]),
    ],
)
def test_all_of_the_words_are_looked_for(tmp_path: Path, words: str, found: list[int]) -> None:
    """Also what comes before the first letter that has two cases and no accents, as in еЙ."""
    texts = ["Дом наш", "НЕ ДОМ\nНАШ", "\u1c81ом", "И\u0306од", "Еи\u0306", "a [м]Ш"]
    rows = [snippet(f"{index}", index, text=text) for index, text in enumerate(texts)]
    ask(tmp_path, {"transcript_snippets": rows}, "SELECT 1")
    with meeting_etl.connect(tmp_path) as connection:
        answer = connection.execute(search(words)).fetchall()
    assert [index for (index,) in answer] == found


def test_a_whole_paragraph_is_found(tmp_path: Path) -> None:
    text = "Is the price an increase? " * 40
    rows = {"transcript_snippets": [snippet("s", 0, text=text)]}
    assert len(ask(tmp_path, rows, f"{SEARCH}('{text}', NULL, NULL)")) == 1


def snippet(snippet_id: str, index: int, **values: Any) -> dict[str, Any]:
    ids = {"snippet_id": snippet_id, "snippet_index": index}
    return ids | {"meeting_id": "m", "transcript_id": "t", "text": "Hello"} | values


@pytest.fixture
def days(tmp_path: Path) -> Path:
    """`Hello` on 2, 3 and 4 March."""
    lake = Lake(Files(tmp_path / "data"))
    for number in range(3):
        rows = [snippet("s", 0, text=f"Hello {number}", transcript_id=f"t{number}")]
        lake.merge(TRANSCRIPT_SNIPPETS, DAY + timedelta(days=number), rows)
    catalog.publish(lake.files, lake)
    return lake.files.root


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        ("NULL", "NULL", "210"),
        ("DATE '2026-03-03'", "NULL", "21"),
        ("NULL", "'2026-03-03'", "10"),
        ("'2026-03-03'", "TIMESTAMP '2026-03-03 09:00:00'", "1"),
        ("'2026-03-04'", "'2026-03-02'", ""),
    ],
)
def test_both_days_are_included_and_the_newest_comes_first(
    days: Path, since: str, until: str, found: str
) -> None:
    sql = f"SELECT text FROM search_transcripts('hello', {since}, {until})"
    assert [str(text)[-1] for (text,) in catalog.query(days, sql)[1]] == list(found)


def test_only_files_of_these_days_are_read(days: Path) -> None:
    """One file of three, twice: for the hits and for the lines around."""
    macro = f"search_transcripts('hello', DATE '{DAY}', DATE '{DAY}')"
    [(_, plan)] = catalog.query(days, f"EXPLAIN ANALYZE FROM {macro}")[1]
    assert re.findall(r"Total Files Read: (\d+)", str(plan)) == ["1", "1"]


def test_before_the_first_transcript_nothing_is_found_with_the_same_types(tmp_path: Path) -> None:
    sql = f"DESCRIBE {SEARCH}('hello', NULL, NULL)"
    assert ask(tmp_path, {}, f"{SEARCH}('hello', NULL, NULL)") == []
    before = ask(tmp_path, {}, sql)
    assert ask(tmp_path, transcript(), sql) == before
    assert dict(row[:2] for row in before)["said_at"] == "TIMESTAMP WITH TIME ZONE"
    assert dict(row[:2] for row in before)["before"] == "VARCHAR[]"


def test_a_deleted_transcript_is_left_out_and_an_unlisted_one_is_not(days: Path) -> None:
    lake = Lake(Files(days))
    for number, status in enumerate(["deleted", "unlisted"]):
        row = {"transcript_id": f"t{number}", "meeting_id": "m", "status": status}
        lake.merge(TRANSCRIPTS, DAY + timedelta(days=number), [row])
    catalog.publish(lake.files, lake)
    found = catalog.query(days, "SELECT text FROM search_transcripts('hello', NULL, NULL)")[1]
    assert found == [("Hello 2",), ("Hello 1",)]


def test_a_moved_lake_and_a_replaced_day_are_followed(days: Path, tmp_path: Path) -> None:
    shutil.move(days, tmp_path / "moved")
    lake = Lake(Files(tmp_path / "moved"))
    lake.merge(TRANSCRIPT_SNIPPETS, DAY, [snippet("s", 0, text="Bye")])
    sql = "SELECT text FROM search_transcripts('bye', NULL, NULL)"
    with meeting_etl.connect(tmp_path / "moved") as connection:
        assert connection.execute(sql).fetchall() == [("Bye",)]


def test_it_works_in_a_catalog_that_is_attached_under_another_name(days: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{days}/meetings.duckdb' AS other (READ_ONLY)")
        sql = "SELECT count(*) FROM other.search_transcripts('hello', NULL, NULL)"
        assert connection.execute(sql).fetchall() == [(3,)]


def test_it_has_a_comment_and_stays_without_person_metrics(days: Path) -> None:
    lake = Lake(Files(days))
    catalog.publish(lake.files, lake, Analytics(person_metrics=False))
    sql = "SELECT comment FROM duckdb_functions() WHERE function_name = 'search_transcripts'"
    [(comment,)] = catalog.query(days, sql)[1]
    assert str(comment).startswith("What was said")
