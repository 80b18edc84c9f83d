import shutil
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.lake import catalog, migration
from meeting_etl.lake.arrow_rows import to_arrow
from meeting_etl.lake.catalog_state import CATALOG
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.partitions import folder_of
from meeting_etl.schemas import MEETINGS, WEBHOOK_EVENTS

PART_ROWS = WEBHOOK_EVENTS.part_rows

DAY = date(2026, 3, 2)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Files(tmp_path))


def write_as_before(lake: Lake, day: date, columns: list[str]) -> Path:
    """A file of meetings that knows these columns only, in this order."""
    path = lake.files.path(f"lake/meetings/date={day}/part-0.parquet")
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({name: [f"{name} of {day}"] for name in columns}), path)
    return path


def test_files_without_a_column_of_today_are_rewritten_before_the_catalog_says_so(
    lake: Lake,
) -> None:
    old = write_as_before(lake, DAY, ["title", "meeting_id"])
    lake.merge(MEETINGS, date(2026, 3, 3), [{"meeting_id": "b", "state": "ended"}])
    assert catalog.try_publish(lake.files, lake) is None
    assert pq.read_schema(old).equals(MEETINGS.schema)
    sql = "SELECT meeting_id, title, state, date FROM meetings ORDER BY date"
    assert catalog.query(lake.files.root, sql)[1] == [
        ("meeting_id of 2026-03-02", "title of 2026-03-02", None, DAY),
        ("b", None, "ended", date(2026, 3, 3)),
    ]


def test_what_has_todays_schema_is_not_touched_and_not_looked_at_again(lake: Lake) -> None:
    lake.merge(MEETINGS, DAY, [{"meeting_id": "a"}])
    lake.merge(WEBHOOK_EVENTS, None, [{"log_id": "l", "byte_offset": 0}])
    path = lake.files.path(f"lake/meetings/date={DAY}/part-0.parquet")
    before = path.stat().st_mtime_ns
    assert migration.migrate(lake) == 0
    assert path.stat().st_mtime_ns == before
    path.write_bytes(b"torn")  # whoever looks at it again stumbles
    assert migration.outdated_files(lake) == []
    migration.migrate_if_quick(lake)


def test_undated_rows_are_migrated_too(lake: Lake) -> None:
    path = lake.files.path(f"{folder_of(WEBHOOK_EVENTS, None)}/part-0.parquet")
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"log_id": ["l"], "byte_offset": [7]}), path)
    assert migration.migrate(lake) == 1
    assert pq.read_schema(path).equals(WEBHOOK_EVENTS.schema)
    assert lake.read(WEBHOOK_EVENTS, None)["byte_offset"].to_pylist() == [7]


def test_of_a_day_of_several_files_those_that_lack_columns_are_rewritten(lake: Lake) -> None:
    folder = lake.files.path(folder_of(WEBHOOK_EVENTS, DAY))
    folder.mkdir(parents=True)
    old = pa.table({"log_id": ["l"] * PART_ROWS, "byte_offset": range(PART_ROWS)})
    pq.write_table(old, folder / "part-0.parquet")
    with lake.appending(WEBHOOK_EVENTS, DAY) as write:
        write(to_arrow(WEBHOOK_EVENTS, [{"log_id": "l", "byte_offset": PART_ROWS}]))
    newest = (folder / "part-1.parquet").stat()
    assert migration.migrate(lake) == 1
    assert pq.read_schema(folder / "part-0.parquet").equals(WEBHOOK_EVENTS.schema)
    assert (folder / "part-1.parquet").stat().st_ino == newest.st_ino
    sql = "SELECT count(*), count(DISTINCT byte_offset), min(received_date) FROM webhook_events"
    catalog.publish(lake.files, lake)
    assert catalog.query(lake.files.root, sql)[1] == [(PART_ROWS + 1, PART_ROWS + 1, DAY)]


def test_many_old_files_are_left_to_the_command_and_the_catalog_stays(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 4):
        write_as_before(lake, date(2026, 3, number), ["meeting_id"])
    monkeypatch.setattr(migration, "QUICK_FILES", 2)
    sentence = catalog.try_publish(lake.files, lake)
    assert sentence is not None
    assert "3 files" in sentence
    assert "meeting-etl migrate" in sentence
    assert not lake.files.path(CATALOG).exists()
    # The next run does not look at every file again: it would stumble over this one.
    path = lake.files.path("lake/meetings/date=2026-03-01/part-0.parquet")
    whole = path.read_bytes()
    path.write_bytes(b"torn")
    assert catalog.try_publish(lake.files, lake) == sentence
    path.write_bytes(whole)
    assert migration.migrate(lake) == 3
    assert catalog.try_publish(lake.files, lake) is None


def test_that_old_files_were_many_goes_with_the_lake(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleting the lake and running again is always allowed."""
    write_as_before(lake, DAY, ["meeting_id"])
    monkeypatch.setattr(migration, "QUICK_FILES", 0)
    assert catalog.try_publish(lake.files, lake) is not None
    shutil.rmtree(lake.files.path("lake"))
    assert catalog.try_publish(lake.files, lake) is None


def test_a_damaged_file_is_named_and_nothing_is_noted_as_done(lake: Lake) -> None:
    path = write_as_before(lake, DAY, ["meeting_id"])
    path.write_bytes(b"torn")
    with pytest.raises(StorageError, match=r"part-0\.parquet"):
        migration.migrate(lake)
    assert not lake.files.path("state/lake_schemas.json").exists()


def test_a_stray_folder_among_the_days_is_left_alone(lake: Lake) -> None:
    stray = lake.files.path("lake/meetings/date=junk/part-0.parquet")
    stray.parent.mkdir(parents=True)
    pq.write_table(pa.table({"other": [1]}), stray)
    old = write_as_before(lake, DAY, ["meeting_id"])
    assert migration.migrate(lake) == 1
    assert pq.read_schema(old).equals(MEETINGS.schema)
    assert pq.read_schema(stray).names == ["other"]


def test_what_another_process_is_writing_is_left_to_the_next_run(lake: Lake) -> None:
    held, free = write_as_before(lake, DAY, ["title"]), date(2026, 3, 3)
    other = write_as_before(lake, free, ["title"])
    with lake.lock_days([DAY]):  # flock is held by an open file, so a second one waits here too
        sentence = catalog.try_publish(lake.files, lake)
    assert sentence is not None
    assert "another process" in sentence
    assert pq.read_schema(held).names == ["title"]
    assert pq.read_schema(other).equals(MEETINGS.schema)
    assert not lake.files.path(CATALOG).exists()
    assert catalog.try_publish(lake.files, lake) is None
    assert pq.read_schema(held).equals(MEETINGS.schema)
    assert catalog.query(lake.files.root, "SELECT count(*) FROM meetings")[1] == [(2,)]
