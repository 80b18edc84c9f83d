"""Proof of deletion: asking by id what became of rows that are no longer listed.

Belongs here: the requests, in threads, and what each response proves (rule 5). Does not:
which rows are no longer listed (commit.py), what a tombstone is
(pipeline/deletions/tombstones.py).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event

from meeting_etl.errors import BadResponse, Gone, NotFound, Refused, Stopped
from meeting_etl.pipeline.deletions.tombstones import DELETED, DELETED_STATUSES
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.spec import FetchSpec
from meeting_etl.pipeline.rows import Row


@dataclass
class DeletionChecks:
    """What asking by id gave: rows with a proof, and the error that ended it, if one did."""

    proven: list[Row] = field(default_factory=list)
    ends: BaseException | None = None


def check_deletions(
    context: FetchContext, spec: FetchSpec, rows: Sequence[Row], *, ending: bool = False
) -> DeletionChecks:
    """Ask by id what became of unlisted rows, a request each.

    That one is not found proves a deletion only for what this token read before and was not merely
    shared with it. When all is `ending` nothing is asked.
    """
    found, cancel = DeletionChecks(), Event()
    if not rows:
        return found
    if ending:
        return DeletionChecks(
            ends=Stopped("What is listed no longer is looked for by the next run.")
        )
    cancel_on = context.webex.cancel_on
    with ThreadPoolExecutor(context.threads, "prove", cancel_on, (cancel,)) as pool:
        looks = [pool.submit(_look, context, spec, row) for row in rows]
        try:
            for status_by_id in as_completed(looks):
                if status_by_id.cancelled():
                    continue
                if error := status_by_id.exception():
                    found.ends = found.ends or error
                    pool.shutdown(wait=False, cancel_futures=True)
                elif proven := status_by_id.result():
                    found.proven.append(proven)
        except BaseException:
            cancel.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _look(context: FetchContext, spec: FetchSpec, row: Row) -> Row | None:
    """The row with what was proven; None when nothing was."""
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
