"""Which files an ingest writes, and how often."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.schemas import WEBHOOK_EVENTS
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.pipeline.box import Box, line, payload, received
from meeting_etl_tests.pipeline.log_lines import DAYS, TABLES, add, all_rows, lines, new_box, parts

PART_ROWS = WEBHOOK_EVENTS.part_rows


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


class Counted(Files):
    """Counts how often each file of events is replaced."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.placed: Counter[str] = Counter()

    @contextmanager
    def replacement(self, name: str, *, secret: bool = False) -> Iterator[Path]:
        with super().replacement(name, secret=secret) as path:
            yield path
        if name.startswith(TABLES[0]):
            self.placed[name] += 1


def placed_by_an_ingest(box: Box) -> Counter[str]:
    etl, files = box.etl(), Counted(box.folder)
    etl.files = files
    box.ingest(etl)
    return files.placed


@pytest.mark.slow
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
