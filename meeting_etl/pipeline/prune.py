"""prune: removes days that are older than they may be.

Belongs here: which rows, files and folders of old days go, and the tombstones of files whose
recording stays. Does not: content that was deleted at Webex (pipeline/deletions/honour.py), what
keeps pruned days from coming back (pipeline/ledger/prune_floor.py).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from meeting_etl.lake.lake import INGEST_LOCK, Lake
from meeting_etl.pipeline.deletions.honour import remove_files
from meeting_etl.pipeline.ledger.due_days import DUE_DAYS_LOCK, days_with_work, remove_due_day
from meeting_etl.pipeline.ledger.prune_floor import raise_floor
from meeting_etl.pipeline.paths import FOLDERS, files_folder
from meeting_etl.schemas import (
    RECORDING_FILES,
    REJECTED_LINES,
    TABLES,
    TRANSCRIPT_FILES,
    WEBHOOK_EVENTS,
    Table,
)
from meeting_etl.times import parse_day

Progress = Callable[[str, int, int], None]


@dataclass
class Pruned:
    """What was removed of one table or folder, or would be."""

    what: str
    days: int = 0
    rows: int = 0
    files: int = 0
    size_bytes: int = 0


def prune(
    lake: Lake,
    before: date,
    now: datetime,
    *,
    media_only: bool,
    dry_run: bool,
    progress: Progress = lambda *_: None,
) -> list[Pruned]:
    """Remove everything of days before `before`; with `media_only` only the files below media/.

    All days of all tables by date, events by the date on which they were received, and the files of
    media/ and transcripts/. Rows of files whose recording stays say that they were pruned. Webhook
    logs, and how far they were read, are not touched, and the days get no work any more
    (pipeline/ledger/prune_floor.py), so nothing of it comes back. Files that are being downloaded
    are left to the next time. With `dry_run` nothing is removed.
    """
    if media_only:
        return [_prune_files(lake, RECORDING_FILES, before, now, dry_run, progress)]
    if not dry_run:
        raise_floor(lake.files, before)
        _close_days(lake, before)
    files = [
        _prune_files(lake, table, before, now, dry_run, progress)
        for table in (RECORDING_FILES, TRANSCRIPT_FILES)
    ]
    tables = [table for table in TABLES.values() if table.partition is not None]
    done = []
    for number, table in enumerate(tables):
        progress(f"prune {table.name}", number, len(tables))
        done.append(_prune_table(lake, table, before, dry_run=dry_run))
    return [*done, *files]


def _prune_files(
    lake: Lake, table: Table, before: date, now: datetime, dry_run: bool, progress: Progress
) -> Pruned:
    """Files of old days: what their rows name, and what else lies in their folders.

    A file of a meeting whose end was corrected may lie in the folder of another day than its row.
    """
    folder = FOLDERS[table.name]
    report = Pruned(f"{folder}/")
    kept = _paths(lake, table, lambda day: day >= before)
    names = (name.removeprefix("date=") for name in lake.files.names(folder))
    days = sorted({*_days(lake.partitions(table), before), *_days(names, before)})
    for number, day in enumerate(days):
        progress(f"prune {folder}/", number, len(days))
        with lake.files.lock_if_free(f"{table.name}-{day}") as is_free:
            if not is_free:
                continue  # they are being downloaded: the next prune finds them
            with lake.lock_days([day]):
                _prune_files_of(lake, table, day, now, kept, report, dry_run=dry_run)
    return report


def _prune_files_of(
    lake: Lake,
    table: Table,
    day: date,
    now: datetime,
    kept: set[str],
    report: Pruned,
    *,
    dry_run: bool,
) -> None:
    place = files_folder(table.name, day)
    rows = [row for row in lake.read(table, day).to_pylist() if row["removed_at"] is None]
    paths = {f"{place}/{name}" for name in lake.files.names(place)} - kept
    paths |= {row["path"] for row in rows}
    report.days += bool(paths)
    report.files += len(paths)
    report.size_bytes += sum(lake.files.size_bytes(path) or 0 for path in paths)
    if not dry_run:
        for path in sorted(paths):
            lake.files.remove(path)
        lake.files.remove_folder(place)
        remove_files(lake, table, day, rows, now, "pruned")


def _paths(lake: Lake, table: Table, wanted: Callable[[date], bool]) -> set[str]:
    """Paths that the rows of these days name."""
    return {
        path
        for day in map(date.fromisoformat, lake.partitions(table))
        if wanted(day)
        for path in lake.read(table, day, columns=["path"])["path"].to_pylist()
    }


def _prune_table(lake: Lake, table: Table, before: date, *, dry_run: bool) -> Pruned:
    report = Pruned(table.name)
    ingest = table in (WEBHOOK_EVENTS, REJECTED_LINES)
    for day in _days(lake.partitions(table), before):
        with lake.files.lock(INGEST_LOCK) if ingest else lake.lock_days([day]):
            report.days += 1
            report.rows += lake.count(table, day)
            if not dry_run:
                lake.sweep([table], [day])
                lake.remove(table, day)
                lake.files.remove_folder(lake.folder(table, day))
    return report


def _close_days(lake: Lake, before: date) -> None:
    """Remove what is due of old days, after waiting for those who work on one of them now."""
    for day in days_with_work(lake.files):
        if day < before:
            with lake.lock_days([day]), lake.files.lock(DUE_DAYS_LOCK):
                remove_due_day(lake.files, day)


def _days(partitions: Iterable[str], before: date) -> Iterator[date]:
    """Partitions that are days before `before`; what else lies there is not ours."""
    for name in partitions:
        if (day := parse_day(name)) and day < before:
            yield day
