"""Versions of Delta tables: what killed writers and earlier versions leave, and when it goes."""

import os
import signal
from datetime import date, timedelta
from pathlib import Path

import pytest

from meeting_etl.lake.lake import Lake
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.schemas import MEETINGS
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.lake.test_delta_tables import DAY, NEXT_DAY, ids, lake_of, meetings
from meeting_etl_tests.processes import begun

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("s3")]


def objects(folder: Path) -> list[str]:
    """Names of the Parquet files of the table."""
    files = ObjectFiles(url_of(folder))
    return sorted(name for name in files.paths("lake/meetings") if "/date=" in name)


def current(lake: Lake, day: date = DAY) -> list[str]:
    from meeting_etl.object_storage.delta_log import DeltaLog

    assert isinstance(lake.storage, ObjectFiles)
    log = DeltaLog(MEETINGS, lake.storage, "lake/meetings")
    return sorted(f"lake/meetings/{file.path}" for file in log.all()[str(day)].values())


def _stop_before_the_commit(folder: str, pipe: object) -> None:
    lake = lake_of(Path(folder))
    with lake.appending(MEETINGS, DAY) as write:
        write(meetings("of a killed writer"))
    raise AssertionError("it should be dead")


def _upload_and_die(folder: str, pipe: object) -> None:
    """As a writer that is killed between the file and the log."""
    from meeting_etl.object_storage.delta_log import DeltaLog

    DeltaLog.commit = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore
    pipe.send(b"begun")  # type: ignore[attr-defined]
    _stop_before_the_commit(folder, pipe)


def test_a_killed_writer_leaves_a_file_that_nobody_sees(tmp_path: Path) -> None:
    lake = lake_of(tmp_path)
    lake.merge(MEETINGS, DAY, meetings("m"))
    with begun(_upload_and_die, str(tmp_path)) as process:
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
    assert len(objects(tmp_path)) == 2
    assert ids(tmp_path) == ["m"]
    lake.tables.vacuum(MEETINGS, keep_hours=1)
    assert len(objects(tmp_path)) == 2  # it may be of a writer at work
    lake.tables.vacuum(MEETINGS, keep_hours=0)
    assert objects(tmp_path) == current(lake)
    assert ids(tmp_path) == ["m"]
    assert lake.merge(MEETINGS, DAY, meetings("n"))
    assert ids(tmp_path) == ["m", "n"]


def test_earlier_versions_stay_for_readers_until_they_are_vacuumed(tmp_path: Path) -> None:
    lake = lake_of(tmp_path)
    for number in range(3):
        lake.merge(MEETINGS, DAY, meetings(f"m{number}"))
    assert len(objects(tmp_path)) == 3
    lake.tables.vacuum(MEETINGS, keep_hours=24)
    assert len(objects(tmp_path)) == 3
    lake.tables.vacuum(MEETINGS, keep_hours=0)
    assert objects(tmp_path) == current(lake)
    assert len(objects(tmp_path)) == 1
    assert ids(tmp_path) == ["m0", "m1", "m2"]


def test_forgetting_versions_leaves_exactly_the_current_files(tmp_path: Path) -> None:
    lake, reader = lake_of(tmp_path), lake_of(tmp_path)
    for day in (DAY, NEXT_DAY):
        lake.merge(MEETINGS, day, meetings("m"))
        lake.merge(MEETINGS, day, meetings("n"))
    assert reader.tables.parts(MEETINGS, DAY) == [0]
    lake.merge(MEETINGS, DAY, meetings("o"))
    lake.tables.forget_versions(MEETINGS, DAY)
    of_other_day = [name for name in objects(tmp_path) if str(NEXT_DAY) in name]
    assert len(of_other_day) == 2
    assert objects(tmp_path) == sorted([*current(lake), *of_other_day])
    # A reader that listed the earlier version reads the current one.
    schema = MEETINGS.schema
    assert sum(rows.num_rows for rows in reader.tables.read(MEETINGS, DAY, 0, schema)) == 3


@pytest.mark.slow
def test_readers_and_writers_go_on_over_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that read the log long before, of which the first entries are gone."""
    monkeypatch.setattr("meeting_etl.object_storage.delta_log._NEXT_IS_KEPT", timedelta(0))
    writer, reader, other = (lake_of(tmp_path) for _ in range(3))
    writer.merge(MEETINGS, DAY, meetings("m"))
    assert reader.count(MEETINGS, DAY) == other.count(MEETINGS, DAY) == 1
    for number in range(110):
        writer.merge(MEETINGS, NEXT_DAY, meetings(f"m{number % 7}", title=str(number)))
    names = ObjectFiles(url_of(tmp_path)).names("lake/meetings/_delta_log")
    assert sum("checkpoint.parquet" in name for name in names) >= 5
    assert reader.count(MEETINGS, NEXT_DAY) == 7
    for name in names:  # as the nightly maintenance does with entries older than two days
        if name.endswith(".json") and name < f"{100:020}":
            ObjectFiles(url_of(tmp_path)).remove(f"lake/meetings/_delta_log/{name}")
    assert other.count(MEETINGS, NEXT_DAY) == 7
    assert other.merge(MEETINGS, DAY, meetings("n"))
    assert reader.count(MEETINGS, DAY) == 2
    assert ids(tmp_path) == ["m", "n"]
    assert ids(tmp_path, NEXT_DAY) == [f"m{number}" for number in range(7)]
