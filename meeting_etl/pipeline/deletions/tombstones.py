"""Rows of recordings and transcripts that are no longer there: deleted, or only unlisted.

Belongs here: the statuses unlisted, deleted and purged, and what a new listing does to a row that
has one (rule 5); pure functions over rows. Does not: what proves a deletion
(from_events.py, pipeline/fetch/deletion_proof.py), removing what was deleted (honour.py).
"""

from collections.abc import Collection, Iterable, Iterator

from meeting_etl.pipeline.rows import Row

UNLISTED = "unlisted"
DELETED = "deleted"
DELETED_STATUSES = frozenset({DELETED, "purged"})


def is_deleted(row: Row) -> bool:
    """Whether the row's own status says that it was deleted."""
    return row["status"] in DELETED_STATUSES


def with_tombstone(held: Row, new: Row) -> Row:
    """The row as it was listed now, with what the lake knows of its deletion.

    `recordings:deleted` is for good, so an answer that still lists it is late. What lay in the
    recycle bin can come back.
    """
    if held["deletion_proof"] == "event":
        return new | {name: held[name] for name in ("status", "deleted_at", "deletion_proof")}
    if not is_deleted(new):
        return new
    proven = held["deleted_at"] or new["fetched_at"]
    return new | {"deleted_at": proven, "deletion_proof": held["deletion_proof"] or "listing"}


def unlisted(held: Iterable[Row], listed: Collection[str], key: str) -> Iterator[Row]:
    """Rows of answered meetings that the answers do not show, marked as such."""
    for row in held:
        if row[key] not in listed and not is_deleted(row):
            yield row | {"status": UNLISTED}
