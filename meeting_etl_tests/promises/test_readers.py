"""Rule 10: analysts query while days are replaced, moved and emptied, and nothing goes wrong."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.store import Lake, to_arrow
from meeting_etl.schemas import TRANSCRIPT_SNIPPETS

DAYS = [date(2026, 1, 1) + timedelta(days=number) for number in range(30)]
# What every version of a day adds up to, however many rows it has.
SUM_OF_A_DAY = 120_000
SQL = "SELECT date, sum(duration_ms) FROM transcript_snippets GROUP BY date"


def fill(lake: Lake, day: date, rows: int) -> None:
    """A version of a day: other rows and another size of the file, but the same sum."""
    found = [
        {
            "snippet_id": f"{day}-{number}",
            "text": f"{number * 7919 % 1009} " * (rows % 7 + 1),
            "duration_ms": SUM_OF_A_DAY // rows,
        }
        for number in range(rows)
    ]
    lake.replace(TRANSCRIPT_SNIPPETS, day, to_arrow(TRANSCRIPT_SNIPPETS, found))


def empty(lake: Lake, day: date) -> None:
    lake.replace(TRANSCRIPT_SNIPPETS, day, TRANSCRIPT_SNIPPETS.schema.empty_table())


def read_ours(folder: Path) -> list[tuple[object, ...]]:
    return catalog.query(folder, SQL)[1]


def read_as_any_client(folder: Path) -> list[tuple[object, ...]]:
    """Without our second try: the catalog opened as the DuckDB command line does."""
    with duckdb.connect(str(folder / catalog.CATALOG), read_only=True) as connection:
        return connection.execute(SQL).fetchall()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("read", "most_errors_share"),
    # DuckDB opens a file twice within a scan, for its footer and for its pages: at some twenty
    # replaced files a second a client without a second try meets that moment once in hundreds of
    # queries. With union_by_name, which opens all files at bind as well, it is every fourth.
    [(read_ours, 0.0), (read_as_any_client, 0.03)],
)
def test_queries_neither_fail_nor_tell_wrong_sums_while_days_change(
    tmp_path: Path,
    read: Callable[[Path], list[tuple[object, ...]]],
    most_errors_share: float,
) -> None:
    lake = Lake(Files(tmp_path))
    for day in DAYS:
        fill(lake, day, 100)
    catalog.publish(lake.files, lake)
    ends = threading.Event()
    found: Counter[str] = Counter()

    def query() -> None:
        while not ends.is_set():
            try:
                sums = {total for _, total in read(tmp_path)}
            except Exception as error:  # noqa: BLE001 - every kind is counted
                found[f"{type(error).__name__}: {error}"] += 1
                continue
            found["right" if sums == {SUM_OF_A_DAY} else f"wrong sums {sums}"] += 1

    readers = [threading.Thread(target=query) for _ in range(2)]
    for reader in readers:
        reader.start()
    sizes = (100, 1200, 10, 400, 2400, 30)
    for number in range(150):
        # An emptied day has no group, so it cannot have a wrong sum; it is filled again after it.
        if number % 5 == 4:
            empty(lake, DAYS[-1 - number % 3])
        fill(lake, DAYS[-1 - number % 3], sizes[number % len(sizes)])
        ends.wait(0.05)
    ends.set()
    for reader in readers:
        reader.join()
    right = found.pop("right")
    assert right > 50
    assert not [what for what in found if what.startswith("wrong sums")]
    assert found.total() <= most_errors_share * right, found
