"""prune(): removes the data of days that are older than they may be.

Belongs here: which rows, files and folders of old days go, and the tombstones of files whose
recording stays. Does not: content that was deleted at Webex (pipeline/deletions/honour.py), what
keeps pruned days from coming back (pipeline/ledger/due_days.py).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from meeting_etl.lake.lake import INGEST_LOCK, Lake
from meeting_etl.pipeline.deletions.honour import remove_files
from meeting_etl.pipeline.ledger.due_days import Queue
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
    """How much was removed from one table or folder, or would be."""

    what: str
    days: int = 0
    rows: int = 0
    files: int = 0
    size_bytes: int = 0


def prune(
    lake: Lake,
    queue: Queue,
    before: date,
    now: datetime,
    *,
    media_only: bool,
    dry_run: bool,
    progress: Progress = lambda *_: None,
) -> list[Pruned]:
    """Remove everything of days before `before`; with `media_only` only the files in media/.

    That is all partitions of all tables, events by the date on which they were received, and the
    files in media/ and transcripts/. Rows of files whose recording stays get a tombstone. Webhook
    logs and their offsets stay as they are, and the days get no more work
    (pipeline/ledger/due_days.py), so that nothing is ingested or fetched again. Files that are
    being downloaded are left to the next prune. With `dry_run` nothing is removed.
    """
    if media_only:
        return [_prune_files(lake, RECORDING_FILES, before, now, dry_run, progress)]
    if not dry_run:
        queue.raise_floor(before)
    files = [
        _prune_files(lake, table, before, now, dry_run, progress)
        for table in (RECORDING_FILES, TRANSCRIPT_FILES)
    ]
    tables = [table for table in TABLES.values() if table.partition is not None]
    reports = []
    for number, table in enumerate(tables):
        progress(f"prune {table.name}", number, len(tables))
        reports.append(_prune_table(lake, table, before, dry_run=dry_run))
    return [*reports, *files]


def _prune_files(
    lake: Lake, table: Table, before: date, now: datetime, dry_run: bool, progress: Progress
) -> Pruned:
    """Remove the files of old days: those that their rows name, and others in their folders.

    The file of a meeting whose end was corrected may be in the folder of another day than its row.
    """
    folder = FOLDERS[table.name]
    report = Pruned(f"{folder}/")
    kept_paths = _paths(lake, table, since=before)
    names = (name.removeprefix("date=") for name in lake.files.names(folder))
    days = sorted({*_days(lake.partitions(table), before), *_days(names, before)})
    for number, day in enumerate(days):
        progress(f"prune {folder}/", number, len(days))
        with lake.state.lock_if_free(f"{table.name}-{day}") as lock:
            if not lock:
                continue  # being downloaded: left to the next prune
            with lake.lock_days([day]):
                _prune_files_of_day(lake, table, day, now, kept_paths, report, dry_run=dry_run)
    return report


def _prune_files_of_day(
    lake: Lake,
    table: Table,
    day: date,
    now: datetime,
    kept_paths: set[str],
    report: Pruned,
    *,
    dry_run: bool,
) -> None:
    folder = files_folder(table.name, day)
    rows = [row for row in lake.read(table, day).to_pylist() if row["removed_at"] is None]
    paths = {f"{folder}/{name}" for name in lake.files.names(folder)} - kept_paths
    paths |= {row["path"] for row in rows}
    report.days += bool(paths)
    report.files += len(paths)
    report.size_bytes += sum(lake.files.size_bytes(path) or 0 for path in paths)
    if not dry_run:
        for path in sorted(paths):
            lake.files.remove(path)
        lake.files.remove_folder(folder)
        remove_files(lake, table, day, rows, now, "pruned")


def _paths(lake: Lake, table: Table, since: date) -> set[str]:
    """Paths in the rows of days from `since` on."""
    return {
        path
        for day in lake.days(table)
        if day >= since
        for path in lake.read(table, day, columns=["path"])["path"].to_pylist()
    }


def _prune_table(lake: Lake, table: Table, before: date, *, dry_run: bool) -> Pruned:
    report = Pruned(table.name)
    is_ingested = table in (WEBHOOK_EVENTS, REJECTED_LINES)
    for day in _days(lake.partitions(table), before):
        with lake.state.lock(INGEST_LOCK) if is_ingested else lake.lock_days([day]):
            report.days += 1
            report.rows += lake.count(table, day)
            if not dry_run:
                lake.sweep([table], [day])
                lake.remove(table, day)
    return report


def _days(names: Iterable[str], before: date) -> Iterator[date]:
    """The names that are days before `before`; other names are not of this project."""
    for name in names:
        if (day := parse_day(name)) and day < before:
            yield day
