"""Proof of deletion: requesting by id what became of a row that is no longer listed.

Belongs here: this request, and what its response proves (rule 5). Does not: which rows are no
longer listed (day_writer.py), what a tombstone is (pipeline/deletions/tombstones.py).
"""

from datetime import datetime

from meeting_etl.errors import BadResponse, Gone, NotFound, Refused
from meeting_etl.pipeline.deletions.tombstones import DELETED, DELETED_STATUSES
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.spec import FetchSpec
from meeting_etl.pipeline.rows import Row


def proven_deletion(context: FetchContext, spec: FetchSpec, row: Row) -> Row | None:
    """The row with the proof of its deletion; None when nothing was proven.

    Not found is a proof only for what this token read before, and what was not merely shared with
    it. Raises AuthError and ApiUnavailable.
    """
    now = context.clock.now()
    if spec.status_by_id is None or row.get("share_to_me"):
        return None
    try:
        status = spec.status_by_id(context.webex, row)
    except (NotFound, Gone):
        read_before = row["fetched_at"] is not None and row["fetched_at"] >= context.reading_since
        return _proven(row, DELETED, now, "not_found") if read_before else None
    except (Refused, BadResponse):
        return None
    return _proven(row, status, now, "listing") if status in DELETED_STATUSES else None


def _proven(row: Row, status: str, now: datetime, proof: str) -> Row:
    return row | {"status": status, "deleted_at": now, "deletion_proof": proof}
