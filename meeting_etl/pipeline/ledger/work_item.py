"""A work item: one row of fetch_ledger, with the values that its columns may have.

Belongs here: status, reason, outcome, and which resources there are. Does not: when a work item is
due (schedule.py), what an outcome makes of it (outcomes.py), where work items are stored
(ledger.py).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from meeting_etl.schemas import (
    MEETING_SUMMARIES,
    PARTICIPANTS,
    RECORDING_FILES,
    RECORDINGS,
    TRANSCRIPT_FILES,
    TRANSCRIPT_SNIPPETS,
    TRANSCRIPTS,
)

# What fills title, names and flags of a meeting, which no event tells.
DETAILS = "meeting"
# What each meeting is asked for from its end on, unless it is switched off. Snippets follow from
# transcripts.
LISTED = (
    DETAILS,
    RECORDINGS.name,
    PARTICIPANTS.name,
    TRANSCRIPTS.name,
    MEETING_SUMMARIES.name,
)

# Downloads that take hours and have days and runs of their own.
SLOW = frozenset({RECORDING_FILES.name})
# What is kept as files, where that is switched on. Pairs follow from recordings and transcripts.
FILES = frozenset({RECORDING_FILES.name, TRANSCRIPT_FILES.name})
# What is asked for only where it is switched on.
OPTIONAL = FILES | {MEETING_SUMMARIES.name}
RESOURCES = (*LISTED, TRANSCRIPT_SNIPPETS.name, TRANSCRIPT_FILES.name, RECORDING_FILES.name)


class Status(StrEnum):
    """What is known of a pair; never an empty result that looks like a fact."""

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
    FROM_VTT = "from_vtt"
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
    NOT_THE_API = "not_the_api"
    LINKS_MISSING = "links_missing"
    DOWNLOAD_PREVENTED = "download_prevented"
    OUT_OF_BOUNDS = "out_of_bounds"


class Outcome(StrEnum):
    """What an answer was, as far as the rules go by it."""

    ROWS = "rows"  # complete and not empty
    UNFINISHED = "unfinished"  # rows, but not final ones
    EMPTY = "empty"
    NO_LIST = "no_list"  # 404 to a listing: no statement about the meeting (T52)
    NOT_FOUND = "not_found"
    GONE = "gone"
    FORBIDDEN = "forbidden"
    FROM_VTT = "from_vtt"  # refused, but read from the VTT file
    HELD_VTT = "held_vtt"  # refused or empty again, and what was read from the VTT file is here
    NO_VTT = "no_vtt"  # refused, and the VTT file is not there
    RULED_OUT = "ruled_out"  # the token kind cannot read it; no request was made
    PREVENTED = "prevented"  # the host does not let it be downloaded
    UNWANTED = "unwanted"  # out of the bounds of the settings; no request was made
    DELETED = "deleted"  # proven to be deleted already; no request was made
    REFUSED = "refused"  # another refusal, 400 and the like
    PARTIAL = "partial"  # some items came with errors
    FAULT = "fault"
    NOT_ASKED = "not_asked"  # everything before was forbidden: the token lacks the scope
    NOT_THE_API = "not_the_api"  # everything before was not found: this does not look like Webex


NO_REQUEST = frozenset(
    {Outcome.RULED_OUT, Outcome.NOT_ASKED, Outcome.NOT_THE_API, Outcome.UNWANTED, Outcome.DELETED}
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
    event_count: int = 0
    opened_at: datetime | None = None
    opened_by: str = "end"
    first_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    covered_until: datetime | None = None
    next_attempt_at: datetime | None = None
    http_status: int | None = None
    run_id: str | None = None
    extra: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Values of the columns that are the key of fetch_ledger."""
        return self.meeting_id, self.resource, self.resource_id
