"""What is not kept: content that was deleted at Webex, and what is older than it may be.

Belongs here: honour_deletes and prune, and the tombstones that they leave. Does not: what proves a
deletion (deletions.py), fields that are never kept (schemas.py, pipeline/rows.py).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from meeting_etl.lake.lake import INGEST_LOCK, Lake
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.pipeline.deletions.deletions import is_deleted
from meeting_etl.pipeline.ledger.prune_floor import raise_floor
from meeting_etl.pipeline.resources.recording_files import name_for
from meeting_etl.schemas import (
    MEETING_SUMMARIES,
    RECORDING_FILES,
    RECORDINGS,
    REJECTED_LINES,
    TABLES,
    TRANSCRIPT_FILES,
    TRANSCRIPT_SNIPPETS,
    TRANSCRIPTS,
    WEBHOOK_EVENTS,
    Table,
)
from meeting_etl.times import parse_day

MEDIA = "media"
# Folders of files, by the table that names them.
FOLDERS = {RECORDING_FILES.name: MEDIA, TRANSCRIPT_FILES.name: "transcripts"}
# Resources after the fetch of which there may be something to remove.
WITH_CONTENT = frozenset(
    {
        RECORDINGS.name,
        RECORDING_FILES.name,
        TRANSCRIPTS.name,
        TRANSCRIPT_FILES.name,
        TRANSCRIPT_SNIPPETS.name,
        MEETING_SUMMARIES.name,
    }
)
_FILES_OF = ((RECORDINGS, RECORDING_FILES), (TRANSCRIPTS, TRANSCRIPT_FILES))


def honour_deletes(lake: Lake, day: date, now: datetime) -> int:
    """Remove what is here of recordings and transcripts of a day that are proven to be deleted.

    Files go, and the words of a transcript; the rows of recordings, transcripts and files stay and
    say when (removed_at). Returns how many files were removed. The day must be locked.
    """
    count = 0
    for parents, table in _FILES_OF:
        gone = _deleted(lake, parents, day)
        if not gone:
            continue
        rows = lake.read(table, day, where={parents.key[0]: gone}).to_pylist()
        count += _remove(lake, table, day, rows, now, "deleted")
        _remove_rowless(lake, FOLDERS[table.name], day, gone)
        if parents is TRANSCRIPTS:
            lake.merge(TRANSCRIPT_SNIPPETS, day, [], replacing={"transcript_id": gone})
            _count_no_snippets(lake, day, gone)
    _forget_summaries(lake, day)
    refresh_metrics(lake, day)
    return count


def _count_no_snippets(lake: Lake, day: date, transcript_ids: set[str]) -> None:
    rows = lake.read(TRANSCRIPTS, day, where={"transcript_id": transcript_ids}).to_pylist()
    lake.merge(
        TRANSCRIPTS, day, [row | {"snippet_count": 0} for row in rows if row["snippet_count"]]
    )


def _forget_summaries(lake: Lake, day: date) -> None:
    """Deleted summaries keep their rows and lose their words."""
    rows = lake.read(MEETING_SUMMARIES, day).to_pylist()
    gone = [row | {"notes": None, "action_items": None} for row in rows if is_deleted(row)]
    lake.merge(MEETING_SUMMARIES, day, gone)


def _deleted(lake: Lake, parents: Table, day: date) -> set[str]:
    (key,) = parents.key
    rows = lake.read(parents, day, columns=[key, "status"]).to_pylist()
    return {row[key] for row in rows if is_deleted(row)}


def _remove_rowless(lake: Lake, folder: str, day: date, identifiers: set[str]) -> None:
    """Unfinished files, and such as a kill left without a row."""
    place = f"{folder}/date={day}"
    names = [name_for(one) for one in identifiers]
    starts = tuple(f"{dot}{name}." for name in names for dot in (".", ""))
    for name in lake.files.names(place):
        if name.startswith(starts):
            lake.files.remove(f"{place}/{name}")


def _remove(
    lake: Lake, table: Table, day: date, rows: list[dict[str, object]], now: datetime, why: str
) -> int:
    """Remove files, then say so in their rows: killed in between, a repetition does the rest."""
    there = [row for row in rows if row["removed_at"] is None]
    for row in there:
        lake.files.remove(str(row["path"]))
    lake.merge(table, day, [row | {"removed_at": now, "removed_because": why} for row in there])
    return len(there)


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
    place = f"{FOLDERS[table.name]}/date={day}"
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
        _remove(lake, table, day, rows, now, "pruned")


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
    names = (name.removesuffix(".json") for name in lake.files.names("lake/due_days"))
    for day in _days(names, before):
        with lake.lock_days([day]), lake.files.lock("due_days"):
            lake.files.remove(f"lake/due_days/{day}.json")


def _days(partitions: Iterable[str], before: date) -> Iterator[date]:
    """Partitions that are days before `before`; what else lies there is not ours."""
    for name in partitions:
        if (day := parse_day(name)) and day < before:
            yield day
