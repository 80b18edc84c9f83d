"""Proof of deletion: requesting by id what became of rows that are no longer listed.

Belongs here: these requests, in threads, and what each response proves (rule 5). Does not: which
rows are no longer listed (commit.py), what a tombstone is (pipeline/deletions/tombstones.py).
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
    """Rows with a proof of their deletion, and the error that ended the checks, if one did."""

    proven: list[Row] = field(default_factory=list)
    ends: BaseException | None = None


def check_deletions(
    context: FetchContext, spec: FetchSpec, rows: Sequence[Row], *, ending: bool = False
) -> DeletionChecks:
    """Request unlisted rows by their ids, one by one; none when the run is `ending`.

    Not found is a proof only for what this token read before, and what was not merely shared with
    it.
    """
    checks, cancelled = DeletionChecks(), Event()
    if not rows:
        return checks
    if ending:
        return DeletionChecks(
            ends=Stopped("What is no longer listed will be checked by the next run.")
        )
    cancel_on = context.webex.cancel_on
    with ThreadPoolExecutor(context.threads, "prove", cancel_on, (cancelled,)) as pool:
        futures = [pool.submit(_check, context, spec, row) for row in rows]
        try:
            for future in as_completed(futures):
                if future.cancelled():
                    continue
                if error := future.exception():
                    checks.ends = checks.ends or error
                    pool.shutdown(wait=False, cancel_futures=True)
                elif proven := future.result():
                    checks.proven.append(proven)
        except BaseException:
            cancelled.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return checks


def _check(context: FetchContext, spec: FetchSpec, row: Row) -> Row | None:
    """The row with its proof; None when nothing was proven."""
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
