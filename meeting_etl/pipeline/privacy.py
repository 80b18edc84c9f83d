"""What is not kept: content that was deleted at Webex, and what is older than it may be.

Belongs here: honour_deletes and prune, and the tombstones that they leave. Does not: what proves a
deletion (deletions.py), fields that are never kept (schemas.py, rows.py).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from meeting_etl.lake.store import Lake
from meeting_etl.pipeline.deletions import is_deleted
from meeting_etl.pipeline.downloads import name_for
from meeting_etl.schemas import (
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

MEDIA, TRANSCRIPTS_FOLDER = "media", "transcripts"
# Resources after the fetch of which there may be something to remove.
WITH_CONTENT = frozenset(
    {
        RECORDINGS.name,
        RECORDING_FILES.name,
        TRANSCRIPTS.name,
        TRANSCRIPT_FILES.name,
        TRANSCRIPT_SNIPPETS.name,
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
        if parents is RECORDINGS:
            _discard_unfinished(lake, day, gone)
        else:
            lake.merge(TRANSCRIPT_SNIPPETS, day, [], instead_of={"transcript_id": gone})
    return count


def _deleted(lake: Lake, parents: Table, day: date) -> set[str]:
    (key,) = parents.key
    rows = lake.read(parents, day, columns=[key, "status"]).to_pylist()
    return {row[key] for row in rows if is_deleted(row)}


def _discard_unfinished(lake: Lake, day: date, recording_ids: set[str]) -> None:
    folder = f"{MEDIA}/date={day}"
    starts = tuple(f".{name_for(one)}." for one in recording_ids)
    for name in lake.files.names(folder):
        if name.startswith(starts):
            lake.files.remove(f"{folder}/{name}")


def _remove(
    lake: Lake, table: Table, day: date, rows: list[dict[str, object]], now: datetime, why: str
) -> int:
    """Remove files, then say so in their rows: killed in between, a repetition does the rest."""
    there = [row for row in rows if row["removed_at"] is None]
    for row in there:
        lake.files.remove(str(row["path"]))
    lake.merge(table, day, [row | {"removed_at": now, "removed_because": why} for row in there])
    return len(there)


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
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> list[Pruned]:
    """Remove everything of days before `before`; with `media_only` only the files below media/.

    All days of all tables by date, events by the date on which they were received, and the files of
    media/ and transcripts/. Rows of files whose recording stays say that they were pruned. Webhook
    logs, and how far they were read, are not touched, so nothing of it comes back. With `dry_run`
    nothing is removed.
    """
    if media_only:
        return [_prune_media(lake, before, now, dry_run=dry_run, progress=progress)]
    folders = [
        _prune_folder(lake, folder, before, dry_run=dry_run)
        for folder in (MEDIA, TRANSCRIPTS_FOLDER)
    ]
    tables = [table for table in TABLES.values() if table.partition is not None]
    done = []
    for number, table in enumerate(tables):
        progress(f"prune {table.name}", number, len(tables))
        done.append(_prune_table(lake, table, before, dry_run=dry_run))
    return [*done, *folders]


def _prune_media(
    lake: Lake,
    before: date,
    now: datetime,
    *,
    dry_run: bool,
    progress: Callable[[str, int, int], None],
) -> Pruned:
    report = Pruned(f"{MEDIA}/")
    days = list(_days(lake.partitions(RECORDING_FILES), before))
    for number, day in enumerate(days):
        progress(f"prune {MEDIA}/", number, len(days))
        with lake.lock_days([day]):
            rows = lake.read(RECORDING_FILES, day).to_pylist()
            there = [row for row in rows if row["removed_at"] is None]
            if not dry_run:
                _remove(lake, RECORDING_FILES, day, there, now, "pruned")
        report.days += bool(there)
        report.files += len(there)
        report.size_bytes += sum(row["bytes"] for row in there)
    return report


def _prune_table(lake: Lake, table: Table, before: date, *, dry_run: bool) -> Pruned:
    report = Pruned(table.name)
    ingest = table in (WEBHOOK_EVENTS, REJECTED_LINES)
    for day in _days(lake.partitions(table), before):
        with lake.files.lock("ingest") if ingest else lake.lock_days([day]):
            report.days += 1
            report.rows += lake.count(table, day)
            if not dry_run:
                lake.remove(table, day)
                if not ingest:
                    lake.files.remove(f"lake/due_days/{day}.json")
    return report


def _prune_folder(lake: Lake, folder: str, before: date, *, dry_run: bool) -> Pruned:
    report = Pruned(f"{folder}/")
    names = (name.removeprefix("date=") for name in lake.files.names(folder))
    for day in _days(names, before):
        place = f"{folder}/date={day}"
        with lake.lock_days([day]):
            report.days += 1
            for name in lake.files.names(place):
                report.files += 1
                report.size_bytes += lake.files.size_bytes(f"{place}/{name}") or 0
                if not dry_run:
                    lake.files.remove(f"{place}/{name}")
    return report


def _days(partitions: Iterable[str], before: date) -> Iterator[date]:
    """Partitions that are days before `before`; what else lies there is not ours."""
    for name in partitions:
        with suppress(ValueError):
            if (day := date.fromisoformat(name)) < before:
                yield day
