"""A day in parts: merging is like updating a dictionary, and each meeting stays in one file."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import INGESTED_LOGS, PARTICIPANTS, TRANSCRIPT_SNIPPETS

DAY = date(2026, 3, 2)
# Parts that are large with three rows.
SNIPPETS = replace(TRANSCRIPT_SNIPPETS, part_rows=3)
PEOPLE = replace(PARTICIPANTS, part_rows=3)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Files(tmp_path))


def snippets(meeting: str, *texts: str) -> list[dict[str, Any]]:
    return [
        {
            "snippet_id": f"{meeting}{number}",
            "meeting_id": meeting,
            "transcript_id": f"t{meeting}",
            "snippet_index": number,
            "text": text,
        }
        for number, text in enumerate(texts)
    ]


def parts(lake: Lake) -> dict[str, list[str]]:
    """The ids of the snippets in each file of the day, in their order."""
    folder = lake.files.path("lake/transcript_snippets/date=2026-03-02")
    return {
        path.name: pq.read_table(path)["snippet_id"].to_pylist()
        for path in sorted(folder.iterdir())
    }


def inodes(lake: Lake) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in lake.files.root.rglob("*.parquet")}


@pytest.fixture
def three_meetings(lake: Lake) -> Lake:
    """A and b in part 0, c in part 1, which is not large."""
    lake.merge(SNIPPETS, DAY, snippets("b", "1"))
    lake.merge(SNIPPETS, DAY, snippets("a", "1", "2"))
    lake.merge(SNIPPETS, DAY, snippets("c", "1", "2"))
    return lake


def test_new_rows_go_to_the_newest_file_until_it_is_large(three_meetings: Lake) -> None:
    lake = three_meetings
    assert parts(lake) == {"part-0.parquet": ["a0", "a1", "b0"], "part-1.parquet": ["c0", "c1"]}
    before = inodes(lake)
    assert lake.merge(SNIPPETS, DAY, snippets("d", "1", "2"))
    assert parts(lake)["part-1.parquet"] == ["c0", "c1", "d0", "d1"]
    assert lake.merge(SNIPPETS, DAY, snippets("e", "1"))
    assert parts(lake)["part-2.parquet"] == ["e0"]
    assert inodes(lake)["part-0.parquet"] == before["part-0.parquet"]
    assert lake.count(SNIPPETS, DAY) == 8


def test_another_answer_changes_the_file_that_has_the_meeting(three_meetings: Lake) -> None:
    lake, before = three_meetings, inodes(three_meetings)
    longer = snippets("a", "1", "two", "3", "4")
    assert lake.merge(SNIPPETS, DAY, longer, replacing={"transcript_id": ["ta"]})
    assert parts(lake)["part-0.parquet"] == ["a0", "a1", "a2", "a3", "b0"]
    assert inodes(lake)["part-1.parquet"] == before["part-1.parquet"]
    # What is shorter loses its rows, and another meeting that is new joins it where it is due.
    assert lake.merge(
        SNIPPETS, DAY, snippets("a", "1") + snippets("z", "1"), replacing={"transcript_id": ["ta"]}
    )
    assert parts(lake) == {"part-0.parquet": ["a0", "b0"], "part-1.parquet": ["c0", "c1", "z0"]}


def test_more_rows_of_a_meeting_join_it_without_replacing(three_meetings: Lake) -> None:
    more = snippets("a", "1", "2", "3")[2:]
    assert three_meetings.merge(SNIPPETS, DAY, more)
    assert parts(three_meetings)["part-0.parquet"] == ["a0", "a1", "a2", "b0"]


def test_a_merge_that_changes_nothing_leaves_all_files_alone(three_meetings: Lake) -> None:
    lake, before = three_meetings, inodes(three_meetings)
    assert not lake.merge(SNIPPETS, DAY, snippets("c", "1", "2") + snippets("b", "1"))
    assert not lake.merge(SNIPPETS, DAY, [], replacing={"transcript_id": ["tu"]})
    assert not lake.merge(SNIPPETS, DAY, [])
    assert inodes(lake) == before
    assert not list(lake.files.root.rglob("*.tmp"))


def test_rows_are_removed_from_each_file_that_has_some_and_files_stay(
    three_meetings: Lake,
) -> None:
    lake = three_meetings
    assert lake.merge(SNIPPETS, DAY, [], replacing={"meeting_id": ["a", "b", "c"]})
    assert parts(lake) == {"part-0.parquet": [], "part-1.parquet": []}
    assert lake.read(SNIPPETS, DAY).num_rows == 0


def test_an_id_that_another_meeting_takes_is_stored_once(three_meetings: Lake) -> None:
    moved = snippets("c", "1")[0] | {"snippet_id": "a0"}
    assert three_meetings.merge(SNIPPETS, DAY, [moved])
    assert parts(three_meetings) == {
        "part-0.parquet": ["a1", "b0", "a0"],
        "part-1.parquet": ["c0", "c1"],
    }


@pytest.mark.parametrize("meeting", ["c", "new"])
def test_a_key_that_one_merge_has_twice_is_stored_once(three_meetings: Lake, meeting: str) -> None:
    (row,) = snippets(meeting, "first")
    assert three_meetings.merge(SNIPPETS, DAY, [row, row | {"text": "second"}])
    stored = three_meetings.read(SNIPPETS, DAY, where={"snippet_id": [f"{meeting}0"]})
    assert stored["text"].to_pylist() == ["second"]


def test_a_partition_that_is_replaced_is_one_file_and_empty_ones(three_meetings: Lake) -> None:
    lake = three_meetings
    lake.replace(SNIPPETS, DAY, lake.read(SNIPPETS, DAY, where={"meeting_id": ["c"]}))
    assert parts(lake) == {"part-0.parquet": ["c0", "c1"], "part-1.parquet": []}


def test_a_log_that_moved_is_replaced_where_it_is(lake: Lake) -> None:
    table = replace(INGESTED_LOGS, part_rows=1)
    for log_id, name in (("l1", "a.jsonl"), ("l2", "b.jsonl"), ("l3", "c.jsonl")):
        lake.merge(table, None, [{"log_id": log_id, "log_file": name}])
    # l1 takes the name that l3 had before; a new log has that of l1.
    lake.merge(
        table,
        None,
        [{"log_id": "l1", "log_file": "c.jsonl"}, {"log_id": "l4", "log_file": "a.jsonl"}],
    )
    stored = lake.read(table, columns=["log_id", "log_file"]).to_pylist()
    assert sorted((row["log_id"], row["log_file"]) for row in stored) == [
        ("l1", "c.jsonl"),
        ("l2", "b.jsonl"),
        ("l3", "c.jsonl"),
        ("l4", "a.jsonl"),
    ]


PERSON = st.tuples(st.sampled_from("abcde"), st.integers(0, 3))
UPDATES = st.lists(
    st.tuples(st.dictionaries(PERSON, st.text(max_size=2), max_size=6), st.booleans()), max_size=6
)


@pytest.mark.slow
@given(UPDATES)
def test_merging_into_parts_is_like_updating_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, updates: list[tuple[dict[Any, str], bool]]
) -> None:
    lake = Lake(Files(tmp_path_factory.mktemp("lake")))
    expected: dict[Any, str] = {}
    for people, is_complete in updates:
        answered = {meeting for meeting, _ in people} if is_complete else set()
        expected = {key: name for key, name in expected.items() if key[0] not in answered} | people
        rows = [
            {"meeting_id": meeting, "participant_id": str(number), "display_name": name}
            for (meeting, number), name in people.items()
        ]
        lake.merge(PEOPLE, DAY, rows, replacing={"meeting_id": answered})
    stored = lake.read(PEOPLE, DAY).to_pylist()
    assert len(stored) == len(expected)
    assert {
        (row["meeting_id"], int(row["participant_id"])): row["display_name"] for row in stored
    } == expected
    seen: set[str] = set()
    for path in lake.files.root.rglob("*.parquet"):
        meetings = pq.read_table(path)["meeting_id"].to_pylist()
        assert meetings == sorted(meetings)
        assert not seen.intersection(meetings)
        seen.update(meetings)
