"""A work item: one row of fetch_ledger, with the values that its columns may have.

Belongs here: status, reason, outcome, and which resources there are. Does not: when a work item is
due (schedule.py), what an outcome makes of it (outcomes.py), where work items are stored
(ledger.py).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from meeting_etl.schemas import (
    INVITEES,
    MEETING_SUMMARIES,
    MEETINGS,
    PARTICIPANTS,
    RECORDING_FILES,
    RECORDINGS,
    TABLES,
    TRANSCRIPT_FILES,
    TRANSCRIPT_SNIPPETS,
    TRANSCRIPTS,
    Table,
)

# Title, names and flags of a meeting, which no event has.
DETAILS = "meeting"
# Words from the VTT file of a transcript, in the table of snippets.
VTT_SNIPPETS = "vtt_snippets"
# Each meeting has a work item of these from its end on, unless they are switched off.
LISTED = (
    DETAILS,
    RECORDINGS.name,
    PARTICIPANTS.name,
    INVITEES.name,
    TRANSCRIPTS.name,
    MEETING_SUMMARIES.name,
)

# Downloads that take hours: they have locks and runs of their own.
SLOW = frozenset({RECORDING_FILES.name})
# Resources that are files.
FILES = frozenset({RECORDING_FILES.name, TRANSCRIPT_FILES.name})
# Resources that are off unless they are switched on.
OPTIONAL = FILES | {INVITEES.name, MEETING_SUMMARIES.name}
# The table of a resource that has another name.
_TABLES = {DETAILS: MEETINGS, VTT_SNIPPETS: TRANSCRIPT_SNIPPETS}
# All, with those that recordings and transcripts open.
RESOURCES = (
    *LISTED,
    TRANSCRIPT_SNIPPETS.name,
    VTT_SNIPPETS,
    TRANSCRIPT_FILES.name,
    RECORDING_FILES.name,
)


def table_of(resource: str) -> Table:
    """The table of a resource's rows."""
    return _TABLES.get(resource) or TABLES[resource]


class Status(StrEnum):
    """What is known of a work item: never an empty result that looks like a fact."""

    READY = "ready"
    WAITING = "waiting"
    ABSENT = "absent"
    FORBIDDEN = "forbidden"
    GONE = "gone"
    FAILED = "failed"


class Reason(StrEnum):
    """Reasons in fetch_ledger.reason, a closed set."""

    NOT_ASKED_YET = "not_asked_yet"
    NOTHING_YET = "nothing_yet"
    NOT_FOUND_YET = "not_found_yet"
    TIMES_UNKNOWN = "times_unknown"
    MAY_GROW = "may_grow"
    COMPLETE = "complete"
    NOT_IN_WINDOW = "not_in_window"
    NO_LONGER_LISTED = "no_longer_listed"
    NOT_RECORDED = "not_recorded"
    DEADLINE_PASSED = "deadline_passed"
    NOT_FOUND = "not_found"
    REMOVED = "removed"
    REFUSED = "refused"
    TOKEN_KIND = "token_kind"  # noqa: S105 - a code, no secret
    BAD_REQUEST = "bad_request"
    FAULT = "fault"
    PARTIAL = "partial"
    SCOPE = "scope"
    ACCOUNT = "account_unavailable"
    NOT_THE_API = "not_the_api"
    LINKS_MISSING = "links_missing"
    DOWNLOAD_PREVENTED = "download_prevented"
    OUT_OF_BOUNDS = "out_of_bounds"
    PERSONAL_ROOM = "personal_room"
    PRUNED = "pruned"
    ERASED = "erased"


class Outcome(StrEnum):
    """What a response means for a work item, or why no request was made."""

    ROWS = "rows"  # complete and not empty
    NOT_FINAL = "not_final"  # rows that will change, as times that are not filled in yet
    EMPTY = "empty"
    LIST_NOT_FOUND = "list_not_found"  # 404 for a listing says nothing about the meeting (T52)
    NOT_FOUND = "not_found"
    GONE = "gone"
    FORBIDDEN = "forbidden"
    RULED_OUT = "ruled_out"  # the token kind cannot read it; no request was made
    PREVENTED = "prevented"  # the host does not allow downloads
    OUT_OF_BOUNDS = "out_of_bounds"  # of the settings; no request was made
    PERSONAL_ROOM = "personal_room"  # nobody is invited to one; no request was made
    PRUNED = "pruned"  # older than what is kept; no request was made
    ERASED = "erased"  # a file would show an erased person; no request was made
    DELETED = "deleted"  # proven before; no request was made
    REFUSED = "refused"  # another refusal, 400 and the like
    PARTIAL = "partial"  # some items came with errors
    FAULT = "fault"
    NOT_REQUESTED = "not_requested"  # all before were forbidden: the token lacks the scope
    SET_ASIDE = "set_aside"  # an account that may read it cannot be used now
    NOT_THE_API = "not_the_api"  # all before were not found: this does not look like Webex


NO_REQUEST = frozenset(
    {
        Outcome.RULED_OUT,
        Outcome.NOT_REQUESTED,
        Outcome.SET_ASIDE,
        Outcome.NOT_THE_API,
        Outcome.OUT_OF_BOUNDS,
        Outcome.PERSONAL_ROOM,
        Outcome.PRUNED,
        Outcome.ERASED,
        Outcome.DELETED,
    }
)


@dataclass(frozen=True)
class WorkItem:
    """One row of fetch_ledger; the names are those of its columns."""

    meeting_id: str
    resource: str
    resource_id: str = ""
    status: str = Status.WAITING
    settled: bool = False
    reason: str = Reason.NOT_ASKED_YET
    row_count: int = 0
    attempts: int = 0
    failures: int = 0
    first_failed_at: datetime | None = None
    events_seen: str | None = None
    opened_at: datetime | None = None
    opened_by: str = "end"
    first_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    covered_until: datetime | None = None
    next_attempt_at: datetime | None = None
    account: str | None = None
    http_status: int | None = None
    run_id: str | None = None
    extra: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Values of the columns that are the key of fetch_ledger."""
        return self.meeting_id, self.resource, self.resource_id
