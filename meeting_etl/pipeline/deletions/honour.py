"""honour_deletes(): content that was deleted at Webex is removed here as well.

Belongs here: which content goes, and what stays of each row. Does not: what proves a deletion
(from_events.py, pipeline/fetch/deletion_proof.py), removing old days (pipeline/prune.py), fields
that are never kept (pipeline/rows.py).
"""

from collections.abc import Collection
from datetime import date, datetime

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.metrics import is_frozen, refresh_metrics
from meeting_etl.pipeline.deletions.tombstones import is_deleted
from meeting_etl.pipeline.paths import file_stem, files_folder
from meeting_etl.schemas import (
    MEETING_SUMMARIES,
    RECORDING_FILES,
    RECORDINGS,
    SPEAKER_METRICS,
    TRANSCRIPT_FILES,
    TRANSCRIPT_SNIPPETS,
    TRANSCRIPTS,
    Table,
)

# After a fetch of these resources there may be something to remove.
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
    """Remove the content of recordings and transcripts of a day that are proven to be deleted.

    Files and snippets are removed. The rows of recordings, transcripts and files stay, with the
    time in removed_at. Returns how many files were removed. The day must be locked.
    """
    count = 0
    for parents, table in _FILES_OF:
        gone = _deleted(lake, parents, day)
        if not gone:
            continue
        rows = lake.read(table, day, where={parents.key[0]: gone}).to_pylist()
        count += remove_files(lake, table, day, rows, now, "deleted")
        remove_files_without_row(lake, files_folder(table.name, day), gone)
        if parents is TRANSCRIPTS:
            lake.merge(TRANSCRIPT_SNIPPETS, day, [], replacing={"transcript_id": gone})
            clear_snippet_counts(lake, day, gone)
            if is_frozen(lake, day):
                _remove_metrics(lake, day, gone)
    _empty_deleted_summaries(lake, day)
    refresh_metrics(lake, day)
    return count


def _remove_metrics(lake: Lake, day: date, transcript_ids: set[str]) -> None:
    """Remove the metrics of whole meetings: they cannot be computed without these transcripts."""
    rows = lake.read(
        TRANSCRIPTS, day, columns=["meeting_id"], where={"transcript_id": transcript_ids}
    )
    lake.merge(
        SPEAKER_METRICS, day, [], replacing={"meeting_id": set(rows["meeting_id"].to_pylist())}
    )


def clear_snippet_counts(
    lake: Lake, day: date, transcript_ids: Collection[str] | None = None
) -> None:
    """Write that these transcripts of a day, or all, have no rows of snippets any more."""
    where = None if transcript_ids is None else {"transcript_id": transcript_ids}
    rows = lake.read(TRANSCRIPTS, day, where=where).to_pylist()
    lake.merge(
        TRANSCRIPTS, day, [row | {"snippet_count": 0} for row in rows if row["snippet_count"]]
    )


def _empty_deleted_summaries(lake: Lake, day: date) -> None:
    """Deleted summaries keep their rows and lose their text."""
    rows = lake.read(MEETING_SUMMARIES, day).to_pylist()
    gone = [row | {"notes": None, "action_items": None} for row in rows if is_deleted(row)]
    lake.merge(MEETING_SUMMARIES, day, gone)


def _deleted(lake: Lake, parents: Table, day: date) -> set[str]:
    (key,) = parents.key
    rows = lake.read(parents, day, columns=[key, "status"]).to_pylist()
    return {row[key] for row in rows if is_deleted(row)}


def remove_files_without_row(lake: Lake, folder: str, identifiers: set[str]) -> None:
    """Remove unfinished files, and files that a kill left without a row."""
    stems = [file_stem(identifier) for identifier in identifiers]
    starts = tuple(f"{dot}{stem}." for stem in stems for dot in (".", ""))
    for name in lake.storage.names(folder):
        if name.startswith(starts):
            lake.storage.remove(f"{folder}/{name}")


def remove_files(
    lake: Lake, table: Table, day: date, rows: list[dict[str, object]], now: datetime, why: str
) -> int:
    """Remove files, then write that into their rows: after a kill in between, repeating is safe."""
    present = [row for row in rows if row["removed_at"] is None]
    for row in present:
        lake.storage.remove(str(row["path"]))
    lake.merge(table, day, [row | {"removed_at": now, "removed_because": why} for row in present])
    return len(present)
