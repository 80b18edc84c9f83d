"""Received dates with several files: every line is stored once, whatever is interrupted."""

import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.schemas import WEBHOOK_EVENTS
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.pipeline.box import NOW, Box
from meeting_etl_tests.pipeline.log_lines import DAYS, TABLES, add, all_rows, lines, new_box, parts

PART_ROWS = WEBHOOK_EVENTS.part_rows
# Ingests and is killed when the given number of files is in place.
KILLED = """
import os, signal, sys
from contextlib import contextmanager
from meeting_etl.files import Files
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.settings import Etl

class Killed(Files):
    left = int(sys.argv[2])

    @contextmanager
    def replacement(self, name, *, secret=False):
        with super().replacement(name, secret=secret) as path:
            yield path
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)

etl = Etl({"MEETING_ETL_DATA_DIR": sys.argv[1]})
etl.files = Killed(etl.files.root)
ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
"""


class Hasty(ManualClock):
    """Each reading is 25 seconds later, so that it is always time to commit."""

    def monotonic(self) -> float:
        self.advance(seconds=25)
        return super().monotonic()


def first_half(box: Box) -> None:
    """Two days have a full newest file, one of them a second one."""
    add(box, "a.jsonl", lines(DAYS[0], PART_ROWS) + lines(DAYS[1], PART_ROWS + 5))
    box.ingest()
    add(box, "a.jsonl", lines(DAYS[1], 3, 90_000))
    box.ingest()


def second_half(box: Box) -> None:
    """More lines of every day; two new files begin, one of them larger than usual."""
    add(box, "a.jsonl", lines(DAYS[1], 2, 91_000) + lines(DAYS[2], PART_ROWS + 7) + b"broken\n")
    add(box, "b.jsonl", lines(DAYS[0], 4, 92_000) + lines(DAYS[2], 2, 93_000) + b"[]\n")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after its first half, to be copied."""
    box = new_box(tmp_path_factory.mktemp("begun") / "data")
    first_half(box)
    assert [len(parts(box, day)) for day in DAYS[:2]] == [1, 2]
    return box.folder


def copy_of(begun: Path, folder: Path) -> Box:
    shutil.copytree(begun, folder)
    box = Box.__new__(Box)
    box.folder, box.logs, box.clock = folder, folder / "webhook_logs", ManualClock(NOW)
    second_half(box)
    return box


@pytest.fixture(scope="module")
def whole(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    box = copy_of(begun, tmp_path_factory.mktemp("whole") / "data")
    box.ingest()
    found = all_rows(box)
    assert len(found) == 3 * PART_ROWS + 5 + 3 + 2 + 7 + 1 + 4 + 2 + 1
    return found


@pytest.mark.slow
def test_a_kill_between_any_two_files_of_a_commit_repeats_no_line_and_loses_none(
    begun: Path, whole: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    killed = 0
    for number in range(1, 100):
        box = copy_of(begun, tmp_path / str(number))
        script = [sys.executable, "-c", KILLED, str(box.folder), str(number)]
        status = subprocess.run(script, check=False).returncode
        if status == 0:
            break
        assert status == -signal.SIGKILL
        killed += 1
        box.ingest()
        assert sorted(all_rows(box)) == sorted(whole), f"killed after file {number}"
    # Three days, their rejected lines, the index, the due days, the progress in the logs.
    assert killed >= 8


def test_rows_of_a_failed_commit_are_replaced_by_commits_of_other_sizes(
    begun: Path, whole: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    """Files with uncommitted rows only, more than the size at which a new file begins."""
    box = copy_of(begun, tmp_path / "data")
    etl = box.etl()
    etl.files = FaultyFiles(box.folder, fails_at=5)
    with pytest.raises(StorageError):
        box.ingest(etl)
    assert len(all_rows(box)) > 3 * PART_ROWS
    box.clock = Hasty(NOW)
    box.ingest()
    assert sorted(all_rows(box)) == sorted(whole)


class Watched(Files):
    """After each file that is replaced, every committed line is stored exactly once."""

    box: Box
    seen = 0

    @contextmanager
    def replacement(self, name: str, *, secret: bool = False) -> Iterator[Path]:
        with super().replacement(name, secret=secret) as path:
            yield path
        if not name.startswith(TABLES):
            return
        rows = Counter((row[0], row[1]) for row in all_rows(self.box))
        assert set(rows.values()) == {1}, f"after {name}"
        for log, row in self.box.progress().items():
            there = [offset for log_file, offset in rows if log_file == log]
            committed = sum(offset < row["bytes_consumed"] for offset in there)
            assert committed == row["events"] + row["rejected"], f"after {name}"
        self.seen += 1


@pytest.mark.slow
def test_readers_see_every_committed_line_once_at_any_moment(begun: Path, tmp_path: Path) -> None:
    box = copy_of(begun, tmp_path / "data")
    etl = box.etl()
    etl.files = FaultyFiles(box.folder, fails_at=5)
    with pytest.raises(StorageError):
        box.ingest(etl)
    etl = box.etl()
    etl.files = watched = Watched(box.folder)
    watched.box = box
    box.ingest(etl)
    assert watched.seen >= 6


class SecondCommitFails(Files):
    """Once the progress in the logs is written, no further file is replaced."""

    committed = False

    @contextmanager
    def replacement(self, name: str, *, secret: bool = False) -> Iterator[Path]:
        with super().replacement(name, secret=secret) as path:
            if self.committed:
                raise StorageError("The disk is full.")
            yield path
        self.committed = name.startswith("lake/ingested_logs/")


def test_lost_progress_reads_all_logs_again_and_stores_each_line_once(
    begun: Path, whole: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    """Also when that run is killed; rows of logs that no longer exist are kept."""
    box = copy_of(begun, tmp_path / "data")
    box.ingest()
    (box.logs / "b.jsonl").unlink()
    shutil.rmtree(box.folder / "lake/ingested_logs")
    etl = box.etl()
    etl.files = SecondCommitFails(box.folder)
    etl.clock = Hasty(NOW)
    with pytest.raises(StorageError):
        box.ingest(etl)
    assert 0 < box.progress()["a.jsonl"]["bytes_consumed"] < (box.logs / "a.jsonl").stat().st_size
    box.ingest()
    assert sorted(all_rows(box)) == sorted(whole)


@pytest.mark.parametrize("name", ["part-0.parquet", "part-1.parquet"])
def test_the_advice_about_a_damaged_file_restores_its_rows(
    begun: Path, whole: list[tuple[Any, ...]], tmp_path: Path, name: str
) -> None:
    box = copy_of(begun, tmp_path / "data")
    box.ingest()
    path = box.folder / f"lake/webhook_events/received_date={DAYS[1]}" / name
    path.write_bytes(b"torn")
    with pytest.raises(StorageError) as error:
        box.etl().lake.read(WEBHOOK_EVENTS, DAYS[1])
    assert str(error.value).endswith(
        "Move it and the folder lake/ingested_logs away and run again: all logs are read again and "
        "the rows come back. Do not restore it from a copy."
    )
    path.rename(tmp_path / name)
    (box.folder / "lake/ingested_logs").rename(tmp_path / "ingested_logs")
    box.ingest()
    assert sorted(all_rows(box)) == sorted(whole)


def test_damaged_progress_is_restored_from_the_logs(
    begun: Path, whole: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    box = copy_of(begun, tmp_path / "data")
    box.ingest()
    before = box.progress()
    path = box.folder / "lake/ingested_logs/part-0.parquet"
    path.write_bytes(b"torn")
    with pytest.raises(StorageError, match="Move the folder lake/ingested_logs away and run again"):
        box.ingest()
    shutil.rmtree(path.parent)
    box.ingest()
    assert sorted(all_rows(box)) == sorted(whole)
    assert box.progress() == before
