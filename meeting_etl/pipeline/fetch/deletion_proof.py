"""Proof of deletion: requesting by id what became of a row that is no longer listed.

Belongs here: this request, and what its response proves (rule 5). Does not: which rows are no
longer listed (day_writer.py), what a tombstone is (pipeline/deletions/tombstones.py).
"""

from datetime import datetime

from meeting_etl.errors import ApiUnavailable, AuthError, BadResponse, Gone, NotFound, Refused
from meeting_etl.pipeline.deletions.tombstones import DELETED, DELETED_STATUSES, UNLISTED
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.spec import FetchSpec
from meeting_etl.pipeline.rows import Row
from meeting_etl.webex.accounts import Account


def proven_deletion(
    context: FetchContext, spec: FetchSpec, row: Row, read_by: str | None, account: Account
) -> Row | None:
    """The row with the proof of its deletion; None when nothing was proven.

    Not found is a proof only for what this account read before, and what was not merely shared with
    it. `row` is as it was stored before. `read_by` is the account that read the list before; None
    where that is not known. Raises AuthError and ApiUnavailable when no account is left.
    """
    now, accounts = context.clock.now(), context.accounts
    if spec.status_by_id is None or row.get("share_to_me") or account in accounts.set_aside:
        return None
    try:
        status = spec.status_by_id(account.webex, row)
    except (NotFound, Gone):
        is_known = row["fetched_at"] is not None and row["fetched_at"] >= account.reading_since
        # What the list lacked before, too, may have been listed by another account only.
        was_listed = row["status"] != UNLISTED or len(accounts.all) == 1
        is_reader = was_listed and read_by in (None, account.name)
        return _proven(row, DELETED, now, "not_found") if is_known and is_reader else None
    except (AuthError, ApiUnavailable) as error:
        accounts.put_aside(account, error)
        return None
    except (Refused, BadResponse):
        return None
    return _proven(row, status, now, "listing") if status in DELETED_STATUSES else None


def _proven(row: Row, status: str, now: datetime, proof: str) -> Row:
    return row | {"status": status, "deleted_at": now, "deletion_proof": proof}
