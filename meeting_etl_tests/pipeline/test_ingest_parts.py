"""Received dates with several files: every line is stored once, whatever is interrupted."""

import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.lake.lake import PART_ROWS
from meeting_etl.schemas import REJECTED_LINES, WEBHOOK_EVENTS
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.pipeline.box import NOW, SERIES, Box, line, payload, received

TABLES = ("lake/webhook_events/", "lake/rejected_lines/", "lake/ingested_logs/")
DAYS = [date(2026, 3, number) for number in (2, 3, 4)]
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
    def replacement(self, name):
        with super().replacement(name) as path:
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


def lines(day: date, count: int, first: int = 1) -> bytes:
    """Events of one received date: a meeting that ended, and people in it."""
    events = [payload(first, f"{day}T10:50:00Z")]
    for number in range(1, count):
        data = {"id": f"{first + number}", "meetingId": f"{SERIES}_I_{first}"}
        events.append({"resource": "meetingParticipants", "event": "joined", "data": data})
    return b"".join(line(received(f"{day}T11:00:00Z", one)) for one in events)


def add(box: Box, name: str, content: bytes) -> None:
    with (box.logs / name).open("ab") as file:
        file.write(content)


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


def all_rows(box: Box) -> list[tuple[Any, ...]]:
    """The place of each row of both tables, and the partition it is in."""
    return [
        (row["log_file"], row["byte_offset"], row["line_number"], row["received_date"])
        for table in (WEBHOOK_EVENTS, REJECTED_LINES)
        for row in box.rows(table)
    ]


def parts(box: Box, day: date) -> list[str]:
    folder = box.folder / f"lake/webhook_events/received_date={day}"
    return sorted(path.name for path in folder.iterdir())


def new_box(folder: Path) -> Box:
    folder.mkdir()
    return Box(folder)


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
    def replacement(self, name: str) -> Iterator[Path]:
        with super().replacement(name) as path:
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
    def replacement(self, name: str) -> Iterator[Path]:
        with super().replacement(name) as path:
            if self.committed:
                raise StorageError("The disk is full.")
            yield path
        self.committed = name.startswith("lake/ingested_logs/")


def test_rows_of_a_killed_ingest_are_found_in_old_files_when_their_log_returns(
    tmp_path: Path,
) -> None:
    box = new_box(tmp_path / "data")
    add(box, "a.jsonl", lines(DAYS[0], 5) + lines(DAYS[1], 5))
    etl = box.etl()
    etl.files = FaultyFiles(box.folder, fails_at=3)
    with pytest.raises(StorageError):
        box.ingest(etl)
    left = len(all_rows(box))
    assert left > 0
    hidden = (box.logs / "a.jsonl").rename(tmp_path / "away")
    for number in range(2):
        add(box, "b.jsonl", lines(DAYS[0], PART_ROWS + 1, 50_000 * (number + 1)))
        box.ingest()
    assert parts(box, DAYS[0]) == ["part-0.parquet", "part-1.parquet"]
    assert len(all_rows(box)) == 2 * PART_ROWS + 2 + left
    hidden.rename(box.logs / "a.jsonl")
    box.ingest()
    assert len(set(all_rows(box))) == len(all_rows(box)) == 2 * PART_ROWS + 2 + 10


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


class Counted(Files):
    """Counts how often each file of events is replaced."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.placed: Counter[str] = Counter()

    @contextmanager
    def replacement(self, name: str) -> Iterator[Path]:
        with super().replacement(name) as path:
            yield path
        if name.startswith(TABLES[0]):
            self.placed[name] += 1


def placed_by_an_ingest(box: Box) -> Counter[str]:
    etl, files = box.etl(), Counted(box.folder)
    etl.files = files
    box.ingest(etl)
    return files.placed


def test_logs_in_any_order_of_dates_write_each_day_once(tmp_path: Path) -> None:
    """As with one file for each event under random names, which are read in order of names."""
    box = Box(tmp_path)
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(150)]
    for number in range(450):
        day = days[number * 89 % 150]
        document = received(f"{day}T11:00:00Z", payload(number, f"{day}T10:50:00Z"))
        (box.logs / f"{number:03}.jsonl").write_bytes(line(document))
    placed = placed_by_an_ingest(box)
    assert (len(placed), set(placed.values())) == (150, {1})
    assert len(box.rows(WEBHOOK_EVENTS)) == 450


@pytest.mark.parametrize("is_dated", [True, False])
def test_ten_more_lines_rewrite_only_the_newest_file_of_their_day(
    tmp_path: Path, *, is_dated: bool
) -> None:
    box = Box(tmp_path)

    def document(number: int) -> dict[str, Any]:
        payload = {"resource": "recordings", "event": "updated", "data": {"id": f"r{number}"}}
        return received("2026-03-02T11:00:00Z", payload) if is_dated else payload

    def add(numbers: range) -> None:
        with (box.logs / "a.jsonl").open("ab") as file:
            file.writelines(line(document(number)) for number in numbers)

    for first in (0, PART_ROWS, 2 * PART_ROWS):
        add(range(first, first + PART_ROWS))
        placed_by_an_ingest(box)
    add(range(3 * PART_ROWS, 3 * PART_ROWS + 10))
    day = "2026-03-02" if is_dated else "__HIVE_DEFAULT_PARTITION__"
    newest = f"{TABLES[0]}received_date={day}/part-3.parquet"
    assert placed_by_an_ingest(box) == {newest: 1}
    add(range(3 * PART_ROWS + 10, 3 * PART_ROWS + 20))
    assert placed_by_an_ingest(box) == {newest: 1}
    assert len(box.rows(WEBHOOK_EVENTS)) == 3 * PART_ROWS + 20
