"""What each outcome makes of a work item: status, reason, and when it is due next.

Belongs here: pure functions over a work item (rules 3, 5 and 6), in tables of outcomes. Does not:
which response is which outcome (pipeline/fetch/request_pool.py), when attempts are (schedule.py).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from meeting_etl.pipeline.ledger.schedule import AttemptSchedule, next_attempt
from meeting_etl.pipeline.ledger.work_item import NO_REQUEST, Outcome, Reason, Status, WorkItem

_FIRST_RETRY = timedelta(minutes=15)
_LONGEST_RETRY = timedelta(hours=6)
# What has failed for so long is no longer retried by itself.
_LONGEST_FAILING = timedelta(days=7)

# Faults that a retry may overcome.
_TRANSIENT = {
    Outcome.FAULT: Reason.FAULT,
    Outcome.PARTIAL: Reason.PARTIAL,
    Outcome.NOT_REQUESTED: Reason.SCOPE,
    Outcome.SET_ASIDE: Reason.ACCOUNT,
    Outcome.NOT_THE_API: Reason.NOT_THE_API,
    # 400, 405 and the like come from a wrong WEBEX_BASE_URL as well as from a wrong request.
    Outcome.REFUSED: Reason.BAD_REQUEST,
}
# These settle a work item at any attempt.
_DEFINITE = {
    Outcome.ROWS: (Status.READY, Reason.COMPLETE),
    Outcome.GONE: (Status.GONE, Reason.REMOVED),
    Outcome.FORBIDDEN: (Status.FORBIDDEN, Reason.REFUSED),
    Outcome.RULED_OUT: (Status.FORBIDDEN, Reason.TOKEN_KIND),
    Outcome.PREVENTED: (Status.FORBIDDEN, Reason.DOWNLOAD_PREVENTED),
    Outcome.OUT_OF_BOUNDS: (Status.ABSENT, Reason.OUT_OF_BOUNDS),
    Outcome.PERSONAL_ROOM: (Status.ABSENT, Reason.PERSONAL_ROOM),
    Outcome.PRUNED: (Status.ABSENT, Reason.PRUNED),
    Outcome.ERASED: (Status.ABSENT, Reason.ERASED),
    Outcome.DELETED: (Status.GONE, Reason.REMOVED),
}
# These settle it at the last attempt only: before that, and at it.
_BEFORE_THE_LAST = {
    Outcome.EMPTY: (Status.WAITING, Reason.NOTHING_YET),
    Outcome.LIST_NOT_FOUND: (Status.WAITING, Reason.NOT_FOUND_YET),
    Outcome.NOT_FOUND: (Status.WAITING, Reason.NOT_FOUND_YET),
}
_AT_THE_LAST = {
    Outcome.EMPTY: (Status.ABSENT, Reason.DEADLINE_PASSED),
    Outcome.LIST_NOT_FOUND: (Status.ABSENT, Reason.DEADLINE_PASSED),
    Outcome.NOT_FOUND: (Status.GONE, Reason.NOT_FOUND),
}


@dataclass(frozen=True)
class Attempt:
    """One attempt at a work item, and what it came to.

    `may_grow`: more rows may follow, so that rows settle it at the last attempt only.
    `has_none`: Webex's flags say that the meeting has nothing of the kind. `not_final_reason`: what
    rows lack that are not final. `covered_until`: the response shows nothing from then on.
    `retry_at`: after a fault, no retry before that moment.
    """

    outcome: Outcome
    at: datetime
    run_id: str
    rows: int = 0
    account: str | None = None
    http_status: int | None = None
    may_grow: bool = False
    has_none: bool = False
    not_final_reason: Reason = Reason.TIMES_UNKNOWN
    covered_until: datetime | None = None
    retry_at: datetime | None = None


def needs_own_request(item: WorkItem) -> WorkItem:
    """The work item after a listing of many meetings that proved nothing about this one.

    It is written down, so that after a kill the next run does not repeat that listing.
    """
    return replace(item, reason=Reason.NOT_IN_WINDOW)


def pruned(item: WorkItem) -> WorkItem:
    """The work item whose rows or files are removed because of their age."""
    status, reason = _DEFINITE[Outcome.PRUNED]
    return replace(
        item, status=status, reason=reason, settled=True, row_count=0, next_attempt_at=None
    )


def apply_outcome(
    item: WorkItem, attempt: Attempt, ended_at: datetime, schedule: AttemptSchedule
) -> WorkItem:
    """The work item after an attempt, whose meeting ended at `ended_at` (rules 3 to 6)."""
    item = replace(
        item,
        attempts=item.attempts + (attempt.outcome not in NO_REQUEST),
        first_attempt_at=item.first_attempt_at or attempt.at,
        last_attempt_at=attempt.at,
        covered_until=attempt.covered_until,
        account=attempt.account or item.account,
        http_status=attempt.http_status,
        run_id=attempt.run_id,
    )
    if attempt.outcome in _TRANSIENT:
        return _failed(item, attempt)
    item = replace(item, failures=0, first_failed_at=None)
    next_at = next_attempt(item, ended_at, schedule)
    status, reason, settled = _result(
        item,
        attempt,
        is_last=next_at is None,
        # A refetch may come before the first attempt: nothing is final then.
        is_early=attempt.at < ended_at + timedelta(seconds=schedule.after_end_seconds[0]),
    )
    if attempt.has_none and reason is Reason.DEADLINE_PASSED:
        reason = Reason.NOT_RECORDED
    if attempt.outcome in (Outcome.ROWS, Outcome.NOT_FINAL):
        item = replace(item, row_count=attempt.rows)
    return replace(
        item,
        status=status,
        reason=reason,
        settled=settled,
        next_attempt_at=None if settled else next_at,
    )


def _failed(item: WorkItem, attempt: Attempt) -> WorkItem:
    """After a fault: retried after 15 minutes, then twice as long each time up to 6 hours.

    What fails for 7 days settles as failed: some requests are always refused, a personal room's
    participants for one (docs/webex-api-notes.md T55). An account that cannot be used is waited
    for.
    """
    backoff = min(_FIRST_RETRY * 2 ** min(item.failures, 10), _LONGEST_RETRY)
    next_at = max(attempt.at + backoff, attempt.retry_at or attempt.at)
    first_failed_at = item.first_failed_at or attempt.at
    is_refused = attempt.outcome is not Outcome.SET_ASIDE
    settled = is_refused and attempt.at - first_failed_at >= _LONGEST_FAILING
    return replace(
        item,
        status=Status.FAILED,
        reason=_TRANSIENT[attempt.outcome],
        settled=settled,
        failures=item.failures + 1,
        first_failed_at=first_failed_at,
        row_count=max(attempt.rows, item.row_count),
        next_attempt_at=None if settled else next_at,
    )


def _result(
    item: WorkItem, attempt: Attempt, *, is_last: bool, is_early: bool
) -> tuple[Status, Reason, bool]:
    """Status, reason, and whether the work item settles."""
    outcome = attempt.outcome
    if outcome is Outcome.ROWS and (is_early or (attempt.may_grow and not is_last)):
        return Status.READY, Reason.MAY_GROW, False
    if outcome is Outcome.NOT_FINAL:
        return Status.READY, attempt.not_final_reason, is_last
    if outcome in (Outcome.EMPTY, Outcome.LIST_NOT_FOUND) and item.row_count:
        return Status.READY, Reason.NO_LONGER_LISTED, is_last
    if outcome in _DEFINITE:
        return *_DEFINITE[outcome], True
    return *(_AT_THE_LAST if is_last else _BEFORE_THE_LAST)[outcome], is_last
