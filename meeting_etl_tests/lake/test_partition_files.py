"""Partitions of several files: which one is written, and what is read of them."""

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.lake.arrow_rows import to_arrow
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.partitions import folder_of
from meeting_etl.schemas import WEBHOOK_EVENTS

PART_ROWS = WEBHOOK_EVENTS.part_rows

DAY = date(2026, 3, 2)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Files(tmp_path))


def event(offset: int, log_id: str = "l") -> dict[str, Any]:
    return {"log_id": log_id, "byte_offset": offset, "meeting_id": f"m{offset}"}


def append(lake: Lake, offsets: Iterable[int], log_id: str = "l") -> None:
    with lake.appending(WEBHOOK_EVENTS, DAY) as write:
        write(to_arrow(WEBHOOK_EVENTS, [event(offset, log_id) for offset in offsets]))


def parts(lake: Lake) -> dict[str, int]:
    """Rows of each file of the day's events."""
    folder = lake.files.path(folder_of(WEBHOOK_EVENTS, DAY))
    return {path.name: pq.read_metadata(path).num_rows for path in folder.iterdir()}


def offsets(lake: Lake) -> list[int]:
    found: list[int] = lake.read(WEBHOOK_EVENTS, DAY)["byte_offset"].to_pylist()
    return found


def test_an_append_rewrites_the_newest_file_until_it_is_large_and_then_begins_another(
    lake: Lake,
) -> None:
    append(lake, range(PART_ROWS - 1))
    append(lake, range(PART_ROWS - 1, PART_ROWS + 9))
    assert parts(lake) == {"part-0.parquet": PART_ROWS + 9}
    first = lake.files.path(f"{folder_of(WEBHOOK_EVENTS, DAY)}/part-0.parquet").stat()
    append(lake, [PART_ROWS + 9])
    append(lake, [PART_ROWS + 10])
    assert parts(lake) == {"part-0.parquet": PART_ROWS + 9, "part-1.parquet": 2}
    assert lake.count(WEBHOOK_EVENTS, DAY) == PART_ROWS + 11
    assert offsets(lake) == list(range(PART_ROWS + 11))
    again = lake.files.path(f"{folder_of(WEBHOOK_EVENTS, DAY)}/part-0.parquet").stat()
    assert (first.st_ino, first.st_mtime_ns) == (again.st_ino, again.st_mtime_ns)


def test_a_merge_replaces_a_row_in_the_file_that_it_lies_in(lake: Lake) -> None:
    append(lake, range(PART_ROWS))
    append(lake, [PART_ROWS])
    append(lake, [PART_ROWS + 1])
    rows = [event(5) | {"event": "new"}, event(PART_ROWS) | {"event": "new"}, event(90_000)]
    assert lake.merge(WEBHOOK_EVENTS, DAY, rows)
    assert parts(lake) == {"part-0.parquet": PART_ROWS, "part-1.parquet": 3}
    found = lake.read(WEBHOOK_EVENTS, DAY, where={"event": ["new"]})["byte_offset"]
    assert found.to_pylist() == [5, PART_ROWS]
    assert sorted(offsets(lake)) == [*range(PART_ROWS + 2), 90_000]
    folder = lake.files.path(folder_of(WEBHOOK_EVENTS, DAY))
    before = {path: path.stat().st_ino for path in folder.iterdir()}
    assert not lake.merge(WEBHOOK_EVENTS, DAY, [event(90_000)])
    assert {path: path.stat().st_ino for path in folder.iterdir()} == before


def test_the_tenth_file_comes_behind_the_ninth(lake: Lake) -> None:
    for number in range(11):
        append(lake, range(number * PART_ROWS, (number + 1) * PART_ROWS))
    append(lake, [11 * PART_ROWS])
    assert parts(lake)["part-11.parquet"] == 1
    assert offsets(lake) == list(range(11 * PART_ROWS + 1))


def test_an_append_that_fails_leaves_the_partition_as_it_was(lake: Lake) -> None:
    append(lake, [1])
    with (
        pytest.raises(RuntimeError, match="killed"),
        lake.appending(WEBHOOK_EVENTS, DAY) as write,
    ):
        write(to_arrow(WEBHOOK_EVENTS, [event(2)]))
        raise RuntimeError("killed")
    assert offsets(lake) == [1]
    assert parts(lake) == {"part-0.parquet": 1}


def test_rows_are_left_out_of_the_newest_file_or_of_all(lake: Lake) -> None:
    def below(end: int) -> Callable[[pa.Table], pa.Table]:
        return lambda rows: rows.filter(pc.less(rows["byte_offset"], end))

    append(lake, range(PART_ROWS))
    append(lake, range(PART_ROWS, PART_ROWS + 9))
    lake.filter_rows(WEBHOOK_EVENTS, DAY, below(5), newest_only=True)
    assert parts(lake) == {"part-0.parquet": PART_ROWS, "part-1.parquet": 0}
    lake.filter_rows(WEBHOOK_EVENTS, DAY, below(5), newest_only=False)
    assert parts(lake) == {"part-0.parquet": 5, "part-1.parquet": 0}
    assert offsets(lake) == [0, 1, 2, 3, 4]


def test_of_rows_that_are_not_asked_for_only_the_columns_that_tell_are_read(lake: Lake) -> None:
    append(lake, range(2 * PART_ROWS))
    path = lake.files.path(f"{folder_of(WEBHOOK_EVENTS, DAY)}/part-0.parquet")
    # The offsets of the second half cannot be read any more, the ids of its meetings can.
    group = pq.read_metadata(path).row_group(1)
    chunk = group.column(WEBHOOK_EVENTS.schema.names.index("byte_offset"))
    with path.open("r+b") as file:
        file.seek(chunk.dictionary_page_offset or chunk.data_page_offset)
        file.write(b"\xff" * chunk.total_compressed_size)
    ids = group.column(WEBHOOK_EVENTS.schema.names.index("meeting_id")).statistics
    assert ids.min < "m5" < ids.max
    found = lake.read(WEBHOOK_EVENTS, DAY, where={"meeting_id": ["m5", "none"]})
    assert found["byte_offset"].to_pylist() == [5]
    with pytest.raises(StorageError):
        offsets(lake)


def test_a_pruned_partition_of_several_files_is_gone(lake: Lake) -> None:
    append(lake, range(PART_ROWS))
    append(lake, [PART_ROWS])
    lake.remove(WEBHOOK_EVENTS, DAY)
    assert lake.partitions(WEBHOOK_EVENTS) == []
    assert lake.count(WEBHOOK_EVENTS, DAY) == 0
