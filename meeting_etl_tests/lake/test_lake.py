from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.lake.arrow_rows import to_arrow
from meeting_etl.lake.lake import Lake
from meeting_etl.privacy.policy import ColumnPolicy
from meeting_etl.privacy.privacy import Privacy
from meeting_etl.schemas import MEETINGS, PARTICIPANTS, RECORDINGS, TABLES, WEBHOOK_EVENTS
from meeting_etl.state import LocalState

DAY = date(2026, 3, 2)
PART = "lake/meetings/date=2026-03-02/part-0.parquet"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Files(tmp_path))


def titles(lake: Lake) -> dict[str, str | None]:
    return {row["meeting_id"]: row["title"] for row in lake.read(MEETINGS, DAY).to_pylist()}


def row(meeting_id: str, title: str) -> Mapping[str, Any]:
    return {"meeting_id": meeting_id, "title": title}


def test_a_partition_is_one_file_without_the_partition_column(lake: Lake) -> None:
    lake.merge(MEETINGS, DAY, [row("a", "one")])
    path = lake.files.path(PART)
    assert [entry.name for entry in path.parent.iterdir()] == ["part-0.parquet"]
    schema = pq.ParquetFile(path).schema_arrow
    assert schema.equals(MEETINGS.schema)
    # For readers of the files alone.
    assert schema.field("title").metadata == {b"comment": b"Title of the meeting."}
    assert "date" not in MEETINGS.schema.names


def test_a_merge_replaces_by_key_and_keeps_the_rest_sorted(lake: Lake) -> None:
    lake.merge(MEETINGS, DAY, [row("b", "old"), row("c", "keeps")])
    assert lake.merge(MEETINGS, DAY, [row("b", "new"), row("a", "first")])
    assert list(titles(lake).items()) == [("a", "first"), ("b", "new"), ("c", "keeps")]


def test_a_merge_that_changes_nothing_leaves_the_file_alone(lake: Lake) -> None:
    lake.merge(MEETINGS, DAY, [row("a", "one")])
    before = lake.files.path(PART).stat()
    assert not lake.merge(MEETINGS, DAY, [row("a", "one")])
    after = lake.files.path(PART).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_rows_can_be_replaced_as_a_group(lake: Lake) -> None:
    def people(meeting_id: str, *names: str) -> list[dict[str, str]]:
        return [{"meeting_id": meeting_id, "participant_id": name} for name in names]

    lake.merge(PARTICIPANTS, DAY, people("a", "x", "y") + people("b", "x"))
    lake.merge(PARTICIPANTS, DAY, people("a", "z"), replacing={"meeting_id": ["a"]})
    stored = lake.read(PARTICIPANTS, DAY).select(["meeting_id", "participant_id"]).to_pylist()
    assert stored == [*people("a", "z"), *people("b", "x")]


def test_a_merge_that_leaves_no_rows_leaves_a_file_without_rows_for_readers(
    lake: Lake,
) -> None:
    lake.merge(MEETINGS, DAY, [row("a", "one")])
    lake.merge(MEETINGS, DAY, [], replacing={"meeting_id": ["a"]})
    assert pq.read_metadata(lake.files.path(PART)).num_rows == 0
    assert lake.read(MEETINGS, DAY).num_rows == 0
    lake.merge(MEETINGS, date(2026, 3, 3), [])  # nothing where nothing was
    assert lake.partitions(MEETINGS) == ["2026-03-02"]


def test_reading_can_be_bounded_to_columns_and_values(lake: Lake) -> None:
    lake.merge(MEETINGS, DAY, [row(letter, letter.upper()) for letter in "abc"])
    found = lake.read(MEETINGS, DAY, columns=["title"], where={"meeting_id": ["a", "c", "q"]})
    assert found.to_pylist() == [{"title": "A"}, {"title": "C"}]


def test_each_of_several_columns_has_one_of_its_values(lake: Lake) -> None:
    lake.merge(MEETINGS, DAY, [row("a", "A"), row("b", "A"), row("c", "C"), {"meeting_id": "d"}])
    where = {"meeting_id": ["a", "c", "d"], "title": ["A", "D"]}
    assert lake.read(MEETINGS, DAY, columns=["meeting_id"], where=where).to_pylist() == [
        {"meeting_id": "a"}
    ]


def test_a_file_of_an_older_schema_reads_with_nulls(lake: Lake) -> None:
    path = lake.files.path(PART)
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"meeting_id": ["a"], "title": ["old"]}), path)
    (stored,) = lake.read(MEETINGS, DAY).to_pylist()
    assert (stored["title"], stored["has_recording"]) == ("old", None)


def test_a_column_that_an_older_file_lacks_has_no_value_that_is_asked_for(lake: Lake) -> None:
    path = lake.files.path(PART)
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"meeting_id": ["a"]}), path)
    found = lake.read(MEETINGS, DAY, columns=["meeting_id"], where={"origin": ["webhook"]})
    assert found.num_rows == 0
    assert found.schema.names == ["meeting_id"]


def test_a_damaged_file_is_an_error_that_names_it_and_stays(lake: Lake) -> None:
    path = lake.files.path(PART)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1 torn")
    with pytest.raises(StorageError, match=r"part-0\.parquet"):
        lake.merge(MEETINGS, DAY, [row("a", "one")])
    assert path.read_bytes() == b"PAR1 torn"


@pytest.mark.parametrize(("kept", "expected"), [(False, None), (True, "https://x.example/r")])
def test_links_are_kept_only_when_it_is_said(
    tmp_path: Path, *, kept: bool, expected: str | None
) -> None:
    files = Files(tmp_path)
    lake = Lake(files, privacy=Privacy(LocalState(files), ColumnPolicy(stores_links=kept)))
    lake.merge(RECORDINGS, DAY, [{"recording_id": "r", "playback_url": "https://x.example/r"}])
    assert lake.read(RECORDINGS, DAY)["playback_url"].to_pylist() == [expected]


def test_rows_without_a_date_have_a_partition_of_their_own(lake: Lake) -> None:
    with lake.appending(WEBHOOK_EVENTS, None) as write:
        write(to_arrow(WEBHOOK_EVENTS, [{"log_id": "l", "byte_offset": 0}]))
    assert lake.partitions(WEBHOOK_EVENTS) == ["__HIVE_DEFAULT_PARTITION__"]
    assert lake.count(WEBHOOK_EVENTS, None) == 1


def test_files_are_compressed_with_zstd_and_carry_bloom_filters(lake: Lake) -> None:
    lake.merge(MEETINGS, DAY, [row(f"{number:032x}", "t") for number in range(100)])
    group = pq.read_metadata(lake.files.path(PART)).row_group(0)
    assert {group.column(number).compression for number in range(group.num_columns)} == {"ZSTD"}
    # The filter for meeting_id makes the file larger than one without.
    plain = lake.files.root / "plain.parquet"
    table = pq.ParquetFile(lake.files.path(PART)).read()
    pq.write_table(table, plain, compression="zstd", compression_level=3)
    assert lake.files.path(PART).stat().st_size > plain.stat().st_size


def test_times_are_utc_microseconds_and_durations_say_their_unit() -> None:
    for table in TABLES.values():
        for column in table.columns:
            if column.name.endswith("_at"):
                assert column.type == pa.timestamp("us", tz="UTC"), (table.name, column.name)
            if "duration" in column.name or "offset" in column.name:
                assert column.name.rsplit("_", 1)[1] in ("seconds", "ms", "offset"), column.name
            if column.name in ("email",) or column.name.endswith("_email"):
                assert f"{column.name}_domain" in table.schema.names


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abcdef"), st.text(max_size=3), max_size=4), max_size=5
    )
)
def test_merging_is_like_updating_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, updates: list[dict[str, str]]
) -> None:
    lake = Lake(Files(tmp_path_factory.mktemp("lake")))
    expected: dict[str, str] = {}
    for update in updates:
        lake.merge(MEETINGS, DAY, [row(*pair) for pair in update.items()])
        expected |= update
    assert titles(lake) == expected
    assert list(titles(lake)) == sorted(expected)


def test_a_lock_of_a_day_excludes_another_holder(lake: Lake) -> None:
    import threading

    order: list[str] = []
    inside = threading.Event()

    def wait_for_it() -> None:
        inside.wait()
        with lake.lock_days([DAY]):
            order.append("second")

    waiter = threading.Thread(target=wait_for_it)
    waiter.start()
    with lake.lock_days([DAY, date(2026, 3, 1)]):
        inside.set()
        waiter.join(0.2)
        order.append("first")
    waiter.join()
    assert order == ["first", "second"]


def test_moments_come_back_in_utc(lake: Lake) -> None:
    moment = datetime(2026, 3, 2, 10, 7, 0, 123456, tzinfo=UTC)
    lake.merge(MEETINGS, DAY, [{"meeting_id": "a", "ended_at": moment}])
    assert lake.read(MEETINGS, DAY)["ended_at"].to_pylist() == [moment]
