"""What every kind of tables does. A further kind passes the same tests, once it is in KINDS."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from meeting_etl.files import Files
from meeting_etl.lake.arrow_rows import to_arrow
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.parquet_tables import ParquetTables
from meeting_etl.lake.tables import Partition, Tables
from meeting_etl.schemas import INGESTED_LOGS, MEETING_INDEX, MEETINGS, WEBHOOK_EVENTS, Table
from meeting_etl_tests.cluster.kinds import DELTA, delta_tables, params, start_server

DAY = date(2026, 3, 2)
NEXT_DAY = date(2026, 3, 3)


def parquet(folder: Path) -> Tables:
    return ParquetTables(Files(folder))


KINDS = {"parquet": parquet, DELTA: delta_tables}


@pytest.fixture(params=params(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return start_server(str(request.param), request)


@pytest.fixture
def tables(kind: str, tmp_path: Path) -> Tables:
    return KINDS[kind](tmp_path)


def meetings(*ids: str, title: str | None = None) -> pa.Table:
    return to_arrow(MEETINGS, [{"meeting_id": name, "title": title} for name in ids])


def ids(tables: Tables, partition: Partition = DAY, table: Table = MEETINGS) -> list[list[str]]:
    """The keys of each part of a partition."""
    return [
        [
            row[table.key[0]]
            for rows in tables.read(table, partition, part, table.schema)
            for row in rows.to_pylist()
        ]
        for part in tables.parts(table, partition)
    ]


def test_nothing_is_there_before_the_first_commit(tables: Tables) -> None:
    for table, partition in ((MEETINGS, DAY), (INGESTED_LOGS, None), (WEBHOOK_EVENTS, None)):
        assert tables.partitions(table) == []
        assert tables.strays(table) == []
        assert not tables.has_parts(table)
        assert tables.parts(table, partition) == []
        assert tables.changed_at_ns(table, partition) is None
        tables.sweep(table, partition)
        tables.remove(table, partition)


def test_parts_are_returned_as_they_were_committed(
    tables: Tables, kind: str, tmp_path: Path
) -> None:
    moment = datetime(2026, 3, 2, 10, 7, 0, 123456, tzinfo=UTC)
    rows = to_arrow(MEETINGS, [{"meeting_id": "b", "ended_at": moment}, {"meeting_id": "a"}])
    assert tables.commit(MEETINGS, DAY, [(0, rows), (1, meetings("c"))]) == 2
    again = KINDS[kind](tmp_path)  # as another process sees it
    assert again.parts(MEETINGS, DAY) == [0, 1]
    other = DAY + timedelta(days=1)
    with again.read_once():
        assert [again.parts(MEETINGS, day) for day in (other, DAY)] == [[], [0, 1]]
        assert again.has_parts(MEETINGS)
    assert pa.concat_tables(again.read(MEETINGS, DAY, 0, MEETINGS.schema)).equals(rows)
    assert [again.count(MEETINGS, DAY, part) for part in (0, 1)] == [2, 1]
    assert again.has_schema(MEETINGS, DAY, 0)
    assert again.has_parts(MEETINGS)


def test_a_commit_replaces_the_named_parts_only(tables: Tables) -> None:
    tables.commit(MEETINGS, DAY, [(number, meetings(f"m{number}")) for number in range(11)])
    assert tables.commit(MEETINGS, DAY, [(10, meetings("x", "y")), (2, meetings())]) == 2
    # The tenth part comes behind the ninth, and an empty part stays.
    assert tables.parts(MEETINGS, DAY) == list(range(11))
    assert ids(tables) == [["m0"], ["m1"], [], *([f"m{n}"] for n in range(3, 10)), ["x", "y"]]
    assert tables.commit(MEETINGS, DAY, []) == 0


def test_partitions_are_apart_and_sorted(tables: Tables) -> None:
    tables.commit(MEETINGS, NEXT_DAY, [(0, meetings("b"))])
    tables.commit(MEETINGS, DAY, [(0, meetings("a"))])
    events = to_arrow(WEBHOOK_EVENTS, [{"log_id": "l", "byte_offset": 0}])
    tables.commit(WEBHOOK_EVENTS, None, [(0, events)])
    tables.commit(MEETING_INDEX, "tail", [(0, to_arrow(MEETING_INDEX, [{"meeting_id": "a"}]))])
    tables.commit(INGESTED_LOGS, None, [(0, to_arrow(INGESTED_LOGS, [{"log_id": "l"}]))])
    assert tables.partitions(MEETINGS) == ["2026-03-02", "2026-03-03"]
    assert tables.partitions(WEBHOOK_EVENTS) == ["__HIVE_DEFAULT_PARTITION__"]
    assert tables.partitions(MEETING_INDEX) == ["tail"]
    assert ids(tables, NEXT_DAY) == [["b"]]
    assert ids(tables, None, INGESTED_LOGS) == [["l"]]
    assert tables.strays(MEETINGS) == tables.strays(INGESTED_LOGS) == []


def test_columns_and_rows_can_be_chosen(tables: Tables) -> None:
    rows = pa.concat_tables([meetings("a", "b", title="one"), meetings("c", title="two")])
    tables.commit(MEETINGS, DAY, [(0, rows)])
    schema = pa.schema([MEETINGS.schema.field("meeting_id")])
    where = {"meeting_id": ["a", "c", "q"], "title": ["one"]}
    found = pa.concat_tables(tables.read(MEETINGS, DAY, 0, schema, where))
    assert found.to_pylist() == [{"meeting_id": "a"}]
    assert found.schema.equals(schema)


def test_a_part_is_written_bit_by_bit_or_not_at_all(tables: Tables) -> None:
    with tables.writing(MEETINGS, DAY, 0, rows=2) as write:
        write(meetings("a"))
        write(meetings("b"))
        assert tables.parts(MEETINGS, DAY) == []
    assert ids(tables) == [["a", "b"]]
    with (
        pytest.raises(RuntimeError, match="stop"),
        tables.writing(MEETINGS, DAY, 0, rows=1) as write,
    ):
        write(meetings("c"))
        raise RuntimeError("stop")
    assert ids(tables) == [["a", "b"]]


def test_parts_before_a_failure_are_committed_or_none_is(tables: Tables) -> None:
    def parts() -> Iterator[tuple[int, pa.Table]]:
        yield 0, meetings("new")
        raise RuntimeError("stop")

    tables.commit(MEETINGS, DAY, [(0, meetings("a")), (1, meetings("b"))])
    with pytest.raises(RuntimeError, match="stop"):
        tables.commit(MEETINGS, DAY, parts())
    assert ids(tables) in ([["new"], ["b"]], [["a"], ["b"]])


def test_a_change_is_newer_than_what_was_before(tables: Tables) -> None:
    tables.commit(MEETINGS, DAY, [(0, meetings("a")), (1, meetings("b"))])
    first = tables.changed_at_ns(MEETINGS, DAY)
    tables.commit(MEETINGS, DAY, [(0, meetings("c"))])
    second = tables.changed_at_ns(MEETINGS, DAY)
    assert first is not None
    assert second is not None
    assert second > first


def test_a_removed_partition_is_gone_and_can_come_back(tables: Tables) -> None:
    tables.commit(MEETINGS, DAY, [(0, meetings("a")), (1, meetings("b"))])
    tables.remove(MEETINGS, DAY)
    assert tables.partitions(MEETINGS) == []
    assert not tables.has_parts(MEETINGS)
    tables.commit(MEETINGS, DAY, [(0, meetings("c"))])
    assert ids(tables) == [["c"]]


def test_a_lake_keeps_its_promises_on_every_kind(tables: Tables, tmp_path: Path) -> None:
    lake = Lake(Files(tmp_path), tables=tables)
    assert lake.merge(MEETINGS, DAY, meetings("b", "a"))
    assert lake.merge(MEETINGS, DAY, meetings("a", title="new"), replacing={"meeting_id": ["b"]})
    assert not lake.merge(MEETINGS, DAY, meetings("a", title="new"))
    stored = lake.read(MEETINGS, DAY, columns=["meeting_id", "title"]).to_pylist()
    assert stored == [{"meeting_id": "a", "title": "new"}]
    with lake.appending(WEBHOOK_EVENTS, DAY) as write:
        write(to_arrow(WEBHOOK_EVENTS, [{"log_id": "l", "byte_offset": 7}]))
    lake.filter_rows(WEBHOOK_EVENTS, DAY, lambda rows: rows[:0], newest_only=True)
    assert lake.count(WEBHOOK_EVENTS, DAY) == 0
    assert lake.partitions(WEBHOOK_EVENTS) == ["2026-03-02"]
