import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.lake.leftovers import sweep_leftovers

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def leave(files: Files, name: str, *, age: timedelta = timedelta(hours=1)) -> Path:
    path = files.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"unfinished")
    moment = (NOW - age).timestamp()
    os.utime(path, (moment, moment))
    return path


UNDER_A_LOCK = [
    ("ingest", "lake/ingested_logs/.part-0.parquet.aa.tmp"),
    ("meeting_index", "lake/meeting_index/.complete.aa.tmp"),
    ("due_days", "lake/due_days/.2026-03-02.json.aa.tmp"),
    ("orphans", "lake/orphans/.part-0.parquet.aa.tmp"),
]


@pytest.mark.parametrize(("lock", "name"), UNDER_A_LOCK)
def test_a_temporary_file_goes_unless_its_writer_is_at_work(
    files: Files, lock: str, name: str
) -> None:
    left = leave(files, name)
    finished = leave(files, f"{Path(name).parent}/part-0.parquet")
    with files.lock(lock):
        sweep_leftovers(files, NOW)
        assert left.exists()
    sweep_leftovers(files, NOW)
    assert not left.exists()
    assert finished.exists()


@pytest.mark.parametrize("folder", ["state", "lake", "lake/unowned_recordings", "dagster"])
def test_where_many_write_a_temporary_file_goes_after_a_day(files: Files, folder: str) -> None:
    old = leave(files, f"{folder}/.tokens.json.aa.tmp", age=timedelta(hours=25))
    new = leave(files, f"{folder}/.tokens.json.bb.tmp", age=timedelta(hours=23))
    sweep_leftovers(files, NOW)
    assert not old.exists()
    assert new.exists()


def test_locks_of_killed_runs_go_and_no_others(files: Files) -> None:
    day = timedelta(hours=25)
    killed = leave(files, "state/locks/run-killed.lock", age=day)
    held = leave(files, "state/locks/run-held.lock", age=day)
    begun = leave(files, "state/locks/run-begun.lock", age=timedelta(minutes=1))
    other = leave(files, "state/locks/ingest.lock", age=day)
    with files.lock("run-held"):
        sweep_leftovers(files, NOW)
        assert files.is_locked("run-held")
    assert not killed.exists()
    assert held.exists()
    assert begun.exists()
    assert other.exists()


def test_a_folder_without_data_stays_without_files(files: Files) -> None:
    sweep_leftovers(files, NOW)
    assert not files.path("lake").exists()
