import resource
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

import meeting_etl
from meeting_etl.errors import SettingsError, StorageError
from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.analytics import Analytics
from meeting_etl.lake.catalog_state import is_current
from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import MEETINGS, SPEAKER_METRICS, TABLES, WEBHOOK_EVENTS

DAY = date(2026, 3, 2)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Files(tmp_path / "data"))


def publish(lake: Lake) -> bool:
    return catalog.publish(lake.files, lake)


def test_every_table_is_there_typed_and_empty_before_the_first_file(lake: Lake) -> None:
    publish(lake)
    for table in TABLES.values():
        names, rows = catalog.query(lake.files.root, f"SELECT * FROM {table.name}")
        expected = [*table.schema.names, *([table.partition.name] if table.partition else [])]
        if table is SPEAKER_METRICS:
            expected.insert(expected.index("email_domain") + 1, "side")
        assert (names, rows) == (expected, [])
    _, rows = catalog.query(
        lake.files.root,
        "SELECT data_type FROM duckdb_columns() WHERE table_name = 'participants' "
        "AND column_name IN ('joined_at', 'date', 'devices') ORDER BY column_name",
    )
    kinds = [str(row[0]) for row in rows]
    assert kinds[0] == "DATE"
    assert kinds[1].startswith("STRUCT(correlation_id VARCHAR")
    assert kinds[2] == "TIMESTAMP WITH TIME ZONE"


def test_a_disk_that_refuses_the_catalog_is_not_taken_for_damage(lake: Lake) -> None:
    lake.files.root.mkdir()
    bounds = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, bounds[1]))
    try:
        # DuckDB is refused, or the copy of what was built before.
        with pytest.raises(StorageError, match=r"meetings\.duckdb.*: File too large; "):
            publish(lake)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, bounds)
    assert not list(lake.files.root.glob("*duckdb*"))
    assert publish(lake)


def test_types_stay_the_same_when_the_first_rows_arrive(lake: Lake) -> None:
    sql = (
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE NOT internal ORDER BY ALL"
    )
    publish(lake)
    before = catalog.query(lake.files.root, sql)
    for table in TABLES.values():
        if table.partition:
            lake.merge(table, DAY, [{table.key[0]: "x"}])
        else:
            lake.merge(table, None, [{table.key[0]: "x"}])
    assert publish(lake)
    assert catalog.query(lake.files.root, sql) == before


def test_every_table_view_and_column_of_a_table_has_its_comment(lake: Lake) -> None:
    publish(lake)
    _, silent = catalog.query(
        lake.files.root,
        "SELECT view_name FROM duckdb_views() WHERE NOT internal AND comment IS NULL",
    )
    assert silent == []
    _, silent = catalog.query(
        lake.files.root,
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal "
        "AND comment IS NULL",
    )
    assert silent == []


def test_publishing_again_writes_nothing_until_a_table_gets_its_first_rows(lake: Lake) -> None:
    assert publish(lake)
    assert not publish(lake)
    lake.merge(MEETINGS, DAY, [{"meeting_id": "a"}])
    assert publish(lake)
    lake.merge(MEETINGS, date(2026, 3, 3), [{"meeting_id": "b"}])
    assert not publish(lake)
    assert catalog.query(lake.files.root, "SELECT count(*) FROM meetings")[1] == [(2,)]


@pytest.mark.slow
def test_a_catalog_made_of_an_earlier_one_says_what_one_made_from_nothing_says(
    lake: Lake, tmp_path: Path
) -> None:
    publish(lake)
    other = Lake(Files(tmp_path / "other"))
    catalog.publish(other.files, other, Analytics(person_metrics=False))
    lake.merge(MEETINGS, DAY, [{"meeting_id": "a"}])
    publish(lake)
    script = (
        "import sys; from meeting_etl.settings import Etl; from meeting_etl.lake import catalog; "
        "etl = Etl({'MEETING_ETL_DATA_DIR': sys.argv[1]}); catalog.publish(etl.files, etl.lake)"
    )
    queries = (
        "SELECT view_name, sql, comment FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
        "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() ORDER BY ALL",
        "SELECT macro_definition, comment FROM duckdb_functions() WHERE NOT internal ORDER BY ALL",
    )
    made_of_another = [catalog.query(lake.files.root, sql) for sql in queries]
    lake.files.path("meetings.duckdb").unlink()
    subprocess.run([sys.executable, "-c", script, str(lake.files.root)], check=True)
    assert [catalog.query(lake.files.root, sql) for sql in queries] == made_of_another


def test_rows_without_a_received_date_are_there(lake: Lake) -> None:
    lake.merge(WEBHOOK_EVENTS, None, [{"log_id": "l", "byte_offset": 0}])
    publish(lake)
    sql = "SELECT log_id, received_date FROM webhook_events"
    assert catalog.query(lake.files.root, sql)[1] == [("l", None)]


def test_the_file_is_in_the_format_of_duckdb_1_0(lake: Lake) -> None:
    publish(lake)
    # Bytes 12 to 20 of a DuckDB file are its storage version; 64 is what 1.0 reads and writes.
    header = lake.files.path("meetings.duckdb").read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") == 64


def test_a_moved_data_folder_reads_its_own_lake(lake: Lake, tmp_path: Path) -> None:
    lake.merge(MEETINGS, DAY, [{"meeting_id": "a", "ended_at": datetime(2026, 3, 2, tzinfo=UTC)}])
    publish(lake)
    shutil.move(lake.files.root, tmp_path / "moved")
    with meeting_etl.connect(tmp_path / "moved") as connection:
        assert connection.execute("SELECT meeting_id FROM meetings").fetchall() == [("a",)]
    assert len(meeting_etl.table("meetings", data_dir=tmp_path / "moved")) == 1


def test_rows_of_some_days_come_as_a_data_frame_with_exact_types(lake: Lake) -> None:
    for day in range(1, 5):
        ended = datetime(2026, 3, day, 10, tzinfo=UTC)
        row = {"meeting_id": f"m{day}", "ended_at": ended, "duration_seconds": None}
        lake.merge(MEETINGS, ended.date(), [row])
    publish(lake)
    found = meeting_etl.table("meetings", "2026-03-02", date(2026, 3, 3), data_dir=lake.files.root)
    assert sorted(found["meeting_id"]) == ["m2", "m3"]
    # Whole numbers stay whole although some are NULL, times keep their zone, days are dates.
    types = {name: str(found[name].dtype) for name in ("duration_seconds", "ended_at", "date")}
    assert types == {
        "duration_seconds": "int64[pyarrow]",
        "ended_at": "timestamp[us, tz=UTC][pyarrow]",
        "date": "date32[day][pyarrow]",
    }
    ends = meeting_etl.table("meetings", end="2026-03-01", data_dir=lake.files.root)
    assert list(ends["date"]) == [date(2026, 3, 1)]
    assert len(meeting_etl.table("webhook_events", "2026-03-01", data_dir=lake.files.root)) == 0


@pytest.mark.parametrize(
    ("name", "start", "sentence"),
    [
        ("meetings", "1 March", "'1 March' is not a day"),
        ("meetings", 20260301, "20260301 is not a day"),
        (
            "series_health",
            "2026-03-01",
            "series_health has no column date: leave out start and end",
        ),
        ("no_such_table", None, "no_such_table does not exist"),
    ],
)
def test_a_table_or_day_that_is_none_is_one_sentence(
    lake: Lake, name: str, start: Any, sentence: str
) -> None:
    publish(lake)
    with pytest.raises(SettingsError, match=sentence):
        meeting_etl.table(name, start, data_dir=lake.files.root)


def test_analysts_cannot_write_by_accident(lake: Lake) -> None:
    publish(lake)
    with (
        meeting_etl.connect(lake.files.root) as connection,
        pytest.raises(duckdb.InvalidInputException, match="read-only"),
    ):
        connection.execute("CREATE TABLE mine AS SELECT 1")


def test_a_catalog_is_replaced_under_an_open_reader(lake: Lake) -> None:
    publish(lake)
    with meeting_etl.connect(lake.files.root) as held:
        lake.merge(MEETINGS, DAY, [{"meeting_id": "a"}])
        assert publish(lake)
        assert held.execute("SELECT count(*) FROM meetings").fetchall() == [(0,)]
    assert catalog.query(lake.files.root, "SELECT count(*) FROM meetings")[1] == [(1,)]


def test_who_opens_it_for_writing_keeps_nobody_from_publishing_what_is_there(lake: Lake) -> None:
    publish(lake)
    with duckdb.connect(str(lake.files.path("meetings.duckdb"))) as session:
        session.execute("CREATE TABLE mine (n INTEGER)")
        session.execute("INSERT INTO mine VALUES (1)")
        assert lake.files.path("meetings.duckdb.wal").exists()
        assert catalog.try_publish(lake.files, lake) is None  # there is nothing to publish
        lake.merge(MEETINGS, DAY, [{"meeting_id": "a"}])
        sentence = catalog.try_publish(lake.files, lake)
        assert sentence is not None
        assert "open for writing in another program" in sentence
        assert not is_current(lake, Analytics())
    assert catalog.try_publish(lake.files, lake) is None  # closed: it is published now
    assert is_current(lake, Analytics())
    assert catalog.query(lake.files.root, "SELECT count(*) FROM meetings")[1] == [(1,)]


@pytest.mark.parametrize(
    "folder", ["state=prod", "host=web1", "date=2026", "received_date=x", "b[1]", "a b", "it's *?"]
)
def test_a_data_folder_of_any_name_is_read_as_itself(tmp_path: Path, folder: str) -> None:
    lake = Lake(Files(tmp_path / folder / "data"))
    lake.merge(MEETINGS, DAY, [{"meeting_id": "a", "state": "ended"}])
    lake.merge(WEBHOOK_EVENTS, None, [{"log_id": "l", "byte_offset": 0}])
    lake.merge(WEBHOOK_EVENTS, DAY, [{"log_id": "l", "byte_offset": 9}])
    publish(lake)
    _, rows = catalog.query(lake.files.root, "SELECT meeting_id, state, date FROM meetings")
    assert rows == [("a", "ended", DAY)]
    sql = "SELECT byte_offset, received_date FROM webhook_events ORDER BY byte_offset"
    assert catalog.query(lake.files.root, sql)[1] == [(0, None), (9, DAY)]
    with duckdb.connect(str(lake.files.path("meetings.duckdb")), read_only=True) as client:
        assert client.execute("SELECT count(*) FROM meetings").fetchall() == [(1,)]


def test_a_filter_on_the_day_opens_the_files_of_that_day_only(lake: Lake) -> None:
    for number in range(1, 21):
        lake.merge(MEETINGS, date(2026, 3, number), [{"meeting_id": str(number)}])
    publish(lake)
    sql = "EXPLAIN ANALYZE SELECT meeting_id FROM meetings WHERE date = DATE '2026-03-07'"
    _, [(_, plan)] = catalog.query(lake.files.root, sql)
    assert "Total Files Read: 1 " in str(plan)


def test_a_catalog_open_for_writing_elsewhere_is_an_error_and_stays(lake: Lake) -> None:
    publish(lake)
    lake.files.path("meetings.duckdb.wal").write_bytes(b"held")
    lake.merge(MEETINGS, DAY, [{"meeting_id": "a"}])
    before = lake.files.path("meetings.duckdb").read_bytes()
    with pytest.raises(StorageError, match="open for writing in another program"):
        publish(lake)
    assert lake.files.path("meetings.duckdb").read_bytes() == before


def test_a_damaged_catalog_is_made_again(lake: Lake) -> None:
    publish(lake)
    lake.files.path("meetings.duckdb").write_bytes(b"torn")
    assert publish(lake)
    assert catalog.query(lake.files.root, "SELECT count(*) FROM meetings")[1] == [(0,)]


def test_a_damaged_catalog_is_told_to_who_opens_it(lake: Lake) -> None:
    publish(lake)
    lake.files.path("meetings.duckdb").write_bytes(b"torn" * 5000)
    with pytest.raises(StorageError, match="remove it and run"):
        meeting_etl.connect(lake.files.root)


def test_no_catalog_yet_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="meeting-etl run"):
        meeting_etl.connect(tmp_path)


def test_a_wrong_query_is_told_in_duckdbs_words(lake: Lake) -> None:
    publish(lake)
    with pytest.raises(SettingsError, match="no_such_table"):
        catalog.query(lake.files.root, "SELECT * FROM no_such_table")


@pytest.mark.parametrize("name", ["meetings; DROP", "../x", ""])
def test_a_table_name_is_a_name(lake: Lake, name: str) -> None:
    with pytest.raises(SettingsError, match="not the name of a table"):
        meeting_etl.table(name, data_dir=lake.files.root)
