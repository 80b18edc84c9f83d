"""What each outcome makes of a work item: status, reason, and when it is due next.

Belongs here: pure functions over a work item (rules 3, 5 and 6), in a table of outcomes.
Does not: which response is which outcome (pipeline/fetch/request_pool.py), when attempts are
(schedule.py).
"""

from dataclasses import replace
from datetime import datetime, timedelta

from meeting_etl.pipeline.ledger.schedule import AttemptSchedule, next_attempt
from meeting_etl.pipeline.ledger.work_item import NO_REQUEST, Outcome, Reason, Status, WorkItem

_FIRST_RETRY = timedelta(minutes=15)
_LONGEST_RETRY = timedelta(hours=6)
# What has failed for so long is not asked again by itself.
_LONGEST_FAILING = timedelta(days=7)

_PASSING = {
    Outcome.FAULT: Reason.FAULT,
    Outcome.PARTIAL: Reason.PARTIAL,
    Outcome.NOT_ASKED: Reason.SCOPE,
    Outcome.NOT_THE_API: Reason.NOT_THE_API,
    # 400, 405 and the like come from a wrong WEBEX_BASE_URL as well as from a wrong request.
    Outcome.REFUSED: Reason.BAD_REQUEST,
}


def needs_own_request(item: WorkItem) -> WorkItem:
    """The pair after a listing of many meetings that proved nothing of this one.

    Written down, so that a run that goes on after a kill does not ask for that listing again.
    """
    return replace(item, reason=Reason.NOT_IN_WINDOW)


def apply_outcome(
    item: WorkItem,
    outcome: Outcome,
    *,
    rows: int,
    grows: bool,
    denied: bool,
    now: datetime,
    ended_at: datetime,
    schedule: AttemptSchedule,
    http_status: int | None,
    run_id: str,
    not_final_reason: Reason = Reason.TIMES_UNKNOWN,
    covered_until: datetime | None = None,
    retry_at: datetime | None = None,
) -> WorkItem:
    """What an answer makes of a pair (design rules 3 to 6). Pure.

    `grows`: more or better rows may come later, so that rows do not settle it before the last
    attempt. `not_final_reason`: what rows that are not final lack. `denied`: Webex's flags say that
    the meeting has nothing of the kind. `covered_until`: the response shows nothing later.
    """
    item = replace(
        item,
        attempts=item.attempts + (outcome not in NO_REQUEST),
        first_attempt_at=item.first_attempt_at or now,
        last_attempt_at=now,
        covered_until=covered_until,
        http_status=http_status,
        run_id=run_id,
    )
    if outcome in _PASSING:
        return _failed(item, outcome, rows, now, retry_at)
    item = replace(item, failures=0, first_failed_at=None)
    further = next_attempt(item, ended_at, schedule)
    # Asked ahead of time, by a refetch: nothing that came then is final.
    early = now < ended_at + timedelta(seconds=schedule.after_end_seconds[0])
    status, reason, ends = _verdict(
        item,
        outcome,
        is_last=further is None,
        grows=early or (grows and further is not None),
        not_final_reason=not_final_reason,
    )
    if denied and reason is Reason.DEADLINE_PASSED:
        reason = Reason.NOT_RECORDED
    if outcome in (Outcome.ROWS, Outcome.UNFINISHED, Outcome.FROM_VTT):
        item = replace(item, row_count=rows)
    return replace(
        item,
        status=status,
        reason=reason,
        settled=ends,
        next_attempt_at=None if ends else further,
    )


def _failed(
    item: WorkItem, outcome: Outcome, rows: int, now: datetime, retry_at: datetime | None
) -> WorkItem:
    """A passing fault: again after 15 minutes, then twice as long each time up to 6 hours.

    Not before `retry_at`, where the answer named a moment.

    What fails for 7 days settles as failed: some requests are refused for ever, a personal room's
    participants for one (docs/webex-api-notes.md T55).
    """
    wait = min(_FIRST_RETRY * 2 ** min(item.failures, 10), _LONGEST_RETRY)
    since = item.first_failed_at or now
    again_at = max(now + wait, retry_at or now)
    ends = now - since >= _LONGEST_FAILING
    return replace(
        item,
        status=Status.FAILED,
        reason=_PASSING[outcome],
        settled=ends,
        failures=item.failures + 1,
        first_failed_at=since,
        row_count=max(rows, item.row_count),
        next_attempt_at=None if ends else again_at,
    )


def _verdict(
    item: WorkItem, outcome: Outcome, *, is_last: bool, grows: bool, not_final_reason: Reason
) -> tuple[Status, Reason, bool]:
    """Status, reason and whether the pair settles, of a definite answer."""
    if outcome is Outcome.ROWS and grows:
        return Status.READY, Reason.MAY_GROW, False
    if outcome in (Outcome.FROM_VTT, Outcome.HELD_VTT):
        return Status.READY, Reason.FROM_VTT, not grows
    if outcome in (Outcome.EMPTY, Outcome.NO_LIST) and item.row_count:
        return Status.READY, Reason.NO_LONGER_LISTED, is_last
    simple = {
        Outcome.ROWS: (Status.READY, Reason.COMPLETE, True),
        Outcome.GONE: (Status.GONE, Reason.REMOVED, True),
        Outcome.FORBIDDEN: (Status.FORBIDDEN, Reason.REFUSED, True),
        Outcome.RULED_OUT: (Status.FORBIDDEN, Reason.TOKEN_KIND, True),
        Outcome.PREVENTED: (Status.FORBIDDEN, Reason.DOWNLOAD_PREVENTED, True),
        Outcome.UNWANTED: (Status.ABSENT, Reason.OUT_OF_BOUNDS, True),
        Outcome.DELETED: (Status.GONE, Reason.REMOVED, True),
    }
    if outcome in simple:
        return simple[outcome]
    not_last = {
        Outcome.UNFINISHED: (Status.READY, not_final_reason, False),
        Outcome.EMPTY: (Status.WAITING, Reason.NOTHING_YET, False),
        Outcome.NO_LIST: (Status.WAITING, Reason.NOT_FOUND_YET, False),
        Outcome.NOT_FOUND: (Status.WAITING, Reason.NOT_FOUND_YET, False),
        Outcome.NO_VTT: (Status.WAITING, Reason.NOT_FOUND_YET, False),
    }
    last = {
        Outcome.UNFINISHED: (Status.READY, not_final_reason, True),
        Outcome.EMPTY: (Status.ABSENT, Reason.DEADLINE_PASSED, True),
        Outcome.NO_LIST: (Status.ABSENT, Reason.DEADLINE_PASSED, True),
        Outcome.NOT_FOUND: (Status.GONE, Reason.NOT_FOUND, True),
        Outcome.NO_VTT: (Status.FORBIDDEN, Reason.REFUSED, True),
    }
    return last[outcome] if is_last else not_last[outcome]
