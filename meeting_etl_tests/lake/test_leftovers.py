from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.leftovers import sweep_leftovers


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Files(tmp_path))


def leave(files: Files, name: str) -> Path:
    path = files.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"unfinished")
    return path


FOLDERS = (
    "dagster lake lake/due_days lake/ingested_logs lake/meeting_index lake/orphans"
    " lake/unowned_recordings reports state"
)


@pytest.mark.parametrize("folder", FOLDERS.split())
def test_a_temporary_file_goes_unless_its_writer_is_at_work(lake: Lake, folder: str) -> None:
    left = leave(lake.files, f"{folder}/.part-0.parquet.aa.tmp")
    finished = leave(lake.files, f"{folder}/part-0.parquet")
    with lake.files.replacement(f"{folder}/part-1.parquet") as path:
        path.write_bytes(b"in time")
        sweep_leftovers(lake, lake.files)
        assert path.exists()
    assert lake.files.read_bytes(f"{folder}/part-1.parquet") == b"in time"
    assert not left.exists()
    assert finished.exists()


def test_files_of_locks_go_that_nobody_holds(lake: Lake) -> None:
    names = ("run-killed", "recording-r", "day-2026-02-27", "ingest")
    free = [leave(lake.files, f"state/locks/{name}.lock") for name in names]
    held = leave(lake.files, "state/locks/recording-held.lock")
    with lake.state.lock("recording-held"):
        sweep_leftovers(lake, lake.files)
        assert lake.state.is_locked("recording-held")
    assert not any(path.exists() for path in free)
    assert held.exists()


def test_a_folder_without_data_stays_without_files(lake: Lake) -> None:
    sweep_leftovers(lake, lake.files)
    assert not lake.files.path("lake").exists()
