"""Rows of recordings and transcripts that are no longer there: deleted, or only unlisted.

Belongs here: the statuses unlisted, deleted and purged, and what a new listing does to a row with
one of them (rule 5); pure functions over rows. Does not: what proves a deletion (from_events.py,
pipeline/fetch/deletion_proof.py), removing what was deleted (honour.py).
"""

from collections.abc import Collection, Iterable, Iterator

from meeting_etl.pipeline.rows import Row

UNLISTED = "unlisted"
DELETED = "deleted"
DELETED_STATUSES = frozenset({DELETED, "purged"})
_TOMBSTONE = ("status", "deleted_at", "deletion_proof")


def is_deleted(row: Row) -> bool:
    """Whether the row's own status says that it was deleted."""
    return row["status"] in DELETED_STATUSES


def with_tombstone(stored: Row, new: Row) -> Row:
    """The row as it is listed now, with what the stored row says of its deletion.

    A deletion that an event reported is permanent, so a response that still lists the row is
    outdated. A row from the recycle bin can come back.
    """
    if stored["deletion_proof"] == "event":
        return new | {name: stored[name] for name in _TOMBSTONE}
    if not is_deleted(new):
        return new
    deleted_at = stored["deleted_at"] or new["fetched_at"]
    proof = stored["deletion_proof"] or "listing"
    return new | {"deleted_at": deleted_at, "deletion_proof": proof}


def unlisted(stored: Iterable[Row], listed: Collection[str], key: str) -> Iterator[Row]:
    """Stored rows that are not among the listed keys, without those that were deleted."""
    for row in stored:
        if row[key] not in listed and not is_deleted(row):
            yield row
