"""Error responses of Webex as rows of auto_record_actions.

Belongs here: which result and reason an error becomes, and when a transient error is retried. Does
not: sending requests (auto_record.py).
"""

from datetime import datetime, timedelta

from meeting_etl.errors import BadResponse, Forbidden, Gone, NotFound, Refused
from meeting_etl.pipeline.auto_record.created_meetings import CreatedMeeting
from meeting_etl.pipeline.auto_record.results import ActionReason, ActionResult
from meeting_etl.pipeline.rows import Row

# The API lags behind the webhook: a 404 is final only so long after the event, or, when the time of
# the event is unknown, after so many attempts.
API_LAG = timedelta(hours=1)
ATTEMPTS_BEFORE_NOT_FOUND = 3
FIRST_RETRY = timedelta(minutes=15)
LAST_RETRY = timedelta(hours=6)

# Only the message tells these refusals apart: their status codes are not documented (T23).
_MESSAGES: tuple[tuple[str, ActionResult, ActionReason | None], ...] = (
    ("in progress", ActionResult.REFUSED, ActionReason.IN_PROGRESS),
    ("personal room", ActionResult.PERSONAL_ROOM, None),
    ("ad-hoc", ActionResult.AD_HOC, None),
    ("ad hoc", ActionResult.AD_HOC, None),
    ("not allowed for this api", ActionResult.REFUSED, ActionReason.NOT_ALLOWED),
)


def refusal_row(error: Refused, created: CreatedMeeting, now: datetime) -> Row:
    """The columns that a refusal sets. A 404 is retried while the API may lag behind webhooks."""
    row: Row = {"http_status": error.http_status}
    if isinstance(error, NotFound | Gone):
        if isinstance(error, NotFound) and not _is_past_lag(created, now):
            return row | _retry(created, now, ActionReason.NOT_THERE_YET)
        return row | {"result": ActionResult.NOT_FOUND}
    message = str(error).lower()
    for phrase, result, reason in _MESSAGES:
        if phrase in message:
            return row | {"result": result, "reason": reason}
    reason = ActionReason.FORBIDDEN if isinstance(error, Forbidden) else ActionReason.OTHER
    return row | {"result": ActionResult.REFUSED, "reason": reason}


def fault_row(error: BadResponse, created: CreatedMeeting, now: datetime, *, sent: bool) -> Row:
    """The columns that a transient error sets; `sent`: Webex may have processed the PATCH."""
    row: Row = {"http_status": error.http_status}
    return row | _retry(created, now, ActionReason.NO_ANSWER, sent=sent)


def _retry(
    created: CreatedMeeting, now: datetime, reason: ActionReason, *, sent: bool = False
) -> Row:
    """Retry after 15 minutes, then at doubling intervals up to 6 hours."""
    delay = min(FIRST_RETRY * 2 ** min(created.failed_attempts, 8), LAST_RETRY)
    switching = sent or created.was_switching
    result = ActionResult.SWITCHING if switching else ActionResult.FAILED
    return {"result": result, "reason": reason, "next_attempt_at": now + delay}


def _is_past_lag(created: CreatedMeeting, now: datetime) -> bool:
    if created.failed_attempts + 1 >= ATTEMPTS_BEFORE_NOT_FOUND:
        return True
    return created.received_at is not None and now - created.received_at >= API_LAG
