"""Merging a row group at a time gives what merging at once gives; and files are left alone."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meeting_etl.files import Files
from meeting_etl.lake.arrow_rows import to_arrow
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.merging import even, merged, merged_groups
from meeting_etl.schemas import TRANSCRIPT_SNIPPETS

ROWS_OF_A_LARGE_ONE = 130_000
MONDAY = date(2026, 3, 2)
SMALL = st.builds(
    lambda meeting, transcript, index, key, text: {
        "meeting_id": meeting,
        "transcript_id": transcript,
        "snippet_index": index,
        "snippet_id": key,
        "text": text,
    },
    st.sampled_from("ab"),
    st.sampled_from("xyz"),
    st.none() | st.integers(0, 3),
    st.sampled_from([f"s{number}" for number in range(12)]),
    st.sampled_from(["hello", "world"]),
)
ROWS = st.lists(SMALL, max_size=14, unique_by=lambda row: row["snippet_id"])


@given(
    ROWS,
    ROWS,
    st.lists(st.integers(1, 4), min_size=1, max_size=14),
    st.sets(st.sampled_from("xyz")),
    st.integers(1, 5),
)
def test_by_group_as_at_once(
    old: list[Any], new: list[Any], sizes: list[int], instead: set[str], rows: int
) -> None:
    table, nothing = TRANSCRIPT_SNIPPETS, TRANSCRIPT_SNIPPETS.schema.empty_table()
    stored = merged(table, nothing, to_arrow(table, old), {})
    groups: list[pa.Table] = []
    place = 0
    while place < stored.num_rows:
        size = sizes[len(groups) % len(sizes)]
        groups.append(stored[place : place + size])
        place += size
    added, where = to_arrow(table, new), {"transcript_id": instead}
    found = list(even(merged_groups(table, iter(groups), added, where), rows))
    expected = merged(table, stored, added, where)
    assert pa.concat_tables([nothing, *found]).equals(expected)
    assert all(group.num_rows == rows for group in found[:-1])


def snippets(count: int, transcript: str = "t") -> list[dict[str, Any]]:
    return [
        {
            "snippet_id": f"{transcript}{number:06}",
            "meeting_id": "m",
            "transcript_id": transcript,
            "snippet_index": number,
        }
        for number in range(count)
    ]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """More rows than are merged at once."""
    found = Lake(Files(tmp_path))
    found.merge(TRANSCRIPT_SNIPPETS, MONDAY, snippets(ROWS_OF_A_LARGE_ONE + 10))
    return found


def test_a_large_partition_that_does_not_change_is_left_alone(lake: Lake) -> None:
    (path,) = lake.files.root.rglob("*.parquet")
    before = path.stat().st_ino
    again = snippets(ROWS_OF_A_LARGE_ONE + 10)
    assert not lake.merge(TRANSCRIPT_SNIPPETS, MONDAY, again[5:500])
    assert not lake.merge(TRANSCRIPT_SNIPPETS, MONDAY, [], replacing={"transcript_id": ["u"]})
    assert path.stat().st_ino == before
    assert not list(lake.files.root.rglob("*.tmp"))


def test_a_large_partition_that_loses_all_rows_stays_a_file(lake: Lake) -> None:
    assert lake.merge(TRANSCRIPT_SNIPPETS, MONDAY, [], replacing={"transcript_id": ["t"]})
    [path] = lake.files.root.rglob("*.parquet")
    assert pq.read_metadata(path).num_rows == 0
    assert lake.count(TRANSCRIPT_SNIPPETS, MONDAY) == 0


def test_a_large_partition_takes_rows_at_both_ends(lake: Lake) -> None:
    more = snippets(3, "a") + snippets(2, "z")
    assert lake.merge(TRANSCRIPT_SNIPPETS, MONDAY, more, replacing={"transcript_id": ["t"]}) is True
    assert lake.merge(TRANSCRIPT_SNIPPETS, MONDAY, snippets(ROWS_OF_A_LARGE_ONE + 10))
    assert lake.merge(TRANSCRIPT_SNIPPETS, MONDAY, snippets(2, "m"))
    found = lake.read(TRANSCRIPT_SNIPPETS, MONDAY, columns=["transcript_id"])
    ids = found["transcript_id"].to_pylist()
    assert ids == sorted(ids)
    assert (len(ids), ids[:5], ids[-2:]) == (
        ROWS_OF_A_LARGE_ONE + 17,
        ["a", "a", "a", "m", "m"],
        ["z", "z"],
    )
