"""What auto-record decided on a meeting, and why: the closed sets of its results and reasons.

Belongs here: the two sets, and which results are final. Does not: deciding (auto_record.py), which
result an error response becomes (faults.py).
"""

from enum import StrEnum


class ActionResult(StrEnum):
    """The decision of a row. The last two are tried again; the others are final for the policy."""

    SWITCHED_ON = "switched_on"
    ALREADY_ON = "already_on"
    WOULD_SWITCH_ON = "would_switch_on"
    NO_MATCH = "no_match"
    OVER = "over"
    PERSONAL_ROOM = "personal_room"
    AD_HOC = "ad_hoc"
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    SWITCHING = "switching"
    FAILED = "failed"


class ActionReason(StrEnum):
    """Why a meeting is refused (the first five), or why it is tried again."""

    FORBIDDEN = "forbidden"
    IN_PROGRESS = "in_progress"
    NOT_ALLOWED = "not_allowed"
    NOT_TAKEN = "not_taken"
    OTHER = "other"
    NOT_THERE_YET = "not_there_yet"
    NO_ANSWER = "no_answer"


NOT_FINAL = frozenset({ActionResult.SWITCHING, ActionResult.FAILED})
REFUSALS = frozenset({ActionResult.REFUSED, ActionResult.PERSONAL_ROOM, ActionResult.AD_HOC})
