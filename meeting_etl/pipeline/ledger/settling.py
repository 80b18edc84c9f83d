"""The rules of states and attempts: what each answer makes of a pair, and when it is asked next.

Belongs here: pure functions over a Pair, one row of fetch_ledger (rules 3, 4 and 6). Does
not: where pairs are kept and how due ones are found (ledger.py), nor asking
(pipeline/fetch/fetch.py).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from meeting_etl.schemas import (
    MEETING_SUMMARIES,
    PARTICIPANTS,
    RECORDING_FILES,
    RECORDINGS,
    TRANSCRIPT_FILES,
    TRANSCRIPTS,
)
from meeting_etl.times import round_up

_QUARTER = timedelta(minutes=15)
_FIRST_RETRY = timedelta(minutes=15)
_LONGEST_RETRY = timedelta(hours=6)
# What has failed for so long is not asked again by itself.
_LONGEST_FAILING = timedelta(days=7)

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
_PASSING = {
    Outcome.FAULT: Reason.FAULT,
    Outcome.PARTIAL: Reason.PARTIAL,
    Outcome.NOT_ASKED: Reason.SCOPE,
    Outcome.NOT_THE_API: Reason.NOT_THE_API,
    # 400, 405 and the like come from a wrong WEBEX_BASE_URL as well as from a wrong request.
    Outcome.REFUSED: Reason.BAD_REQUEST,
}


@dataclass(frozen=True)
class Settling:
    """When a pair is asked, in seconds after the meeting's end and after an event for the pair."""

    after_end_seconds: tuple[int, ...] = (900, 3_600, 21_600, 86_400, 259_200)
    after_event_seconds: tuple[int, ...] = (0, 900, 3_600, 21_600, 86_400)


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


def attempt_times(pair: WorkItem, ended_at: datetime, settling: Settling) -> list[datetime]:
    """All moments at which the pair is asked, oldest first, in full quarter hours.

    An event adds attempts of its own, the first of them at once. Nothing is asked before the first
    attempt after the end.
    """
    times = {
        round_up(ended_at + timedelta(seconds=seconds), _QUARTER)
        for seconds in settling.after_end_seconds
    }
    earliest = min(times)
    if pair.opened_by == "event" and pair.opened_at is not None:
        first, *later = settling.after_event_seconds
        times.add(pair.opened_at + timedelta(seconds=first))
        times |= {
            round_up(pair.opened_at + timedelta(seconds=seconds), _QUARTER) for seconds in later
        }
    return sorted({max(moment, earliest) for moment in times})


def next_attempt(pair: WorkItem, ended_at: datetime, settling: Settling) -> datetime | None:
    """The first attempt after the last one made; those missed meanwhile collapse into it."""
    for moment in attempt_times(pair, ended_at, settling):
        if pair.last_attempt_at is None or moment > pair.last_attempt_at:
            return moment
    return None


def reopened_by_event(
    pair: WorkItem, at: datetime, ended_at: datetime, settling: Settling
) -> WorkItem:
    """The pair with the attempts of an event; an event that earlier attempts cover adds none."""
    pair = replace(pair, opened_at=at, opened_by="event")
    asked = pair
    if pair.covered_until is not None and at >= pair.covered_until:
        # However late it was asked, the answer could not show what this event tells of.
        asked = replace(pair, last_attempt_at=pair.covered_until)
    moment = next_attempt(asked, ended_at, settling)
    if moment is None:
        return pair
    earlier = min(moment, pair.next_attempt_at) if pair.next_attempt_at else moment
    return replace(_with_a_new_week(pair), settled=False, next_attempt_at=earlier)


def reopened_by_list(
    new: WorkItem, known: WorkItem | None, ended_at: datetime, settling: Settling
) -> WorkItem:
    """What becomes of a pair when the list that it was found in shows it: `new`, as that opens it.

    A known one that has not all yet goes by the event that opened the list, if that is news: it may
    tell of just what is missing.
    """
    if known is None:
        return replace(new, next_attempt_at=next_attempt(new, ended_at, settling))
    at = new.opened_at
    if new.opened_by != "event" or at is None or _has_all(known):
        return known
    if known.opened_at is not None and known.opened_at >= at:
        return known
    return reopened_by_event(known, at, ended_at, settling)


def _has_all(pair: WorkItem) -> bool:
    """Whether its rows are here, and no stand-in for them nor a part of them."""
    lacking = (Reason.FROM_VTT, Reason.LINKS_MISSING)
    return pair.status == Status.READY and pair.reason not in lacking


def reopened(pair: WorkItem, now: datetime) -> WorkItem:
    """The pair asked once now, beside what its schedule holds (a refetch, a retry)."""
    return replace(_with_a_new_week(pair), settled=False, next_attempt_at=now)


def _with_a_new_week(pair: WorkItem) -> WorkItem:
    """A pair that had failed for too long, as if it had not failed yet."""
    return replace(pair, failures=0, first_failed_at=None) if pair.settled else pair


def is_last(pair: WorkItem, now: datetime, ended_at: datetime, settling: Settling) -> bool:
    """Whether no attempt of the pair's schedule is left after one made now."""
    return next_attempt(replace(pair, last_attempt_at=now), ended_at, settling) is None


def needs_own_request(pair: WorkItem) -> WorkItem:
    """The pair after a listing of many meetings that proved nothing of this one.

    Written down, so that a run that goes on after a kill does not ask for that listing again.
    """
    return replace(pair, reason=Reason.NOT_IN_WINDOW)


def apply_outcome(
    pair: WorkItem,
    came: Outcome,
    *,
    rows: int,
    grows: bool,
    denied: bool,
    now: datetime,
    ended_at: datetime,
    settling: Settling,
    http_status: int | None,
    run_id: str,
    unfinished: Reason = Reason.TIMES_UNKNOWN,
    covered_until: datetime | None = None,
    retry_at: datetime | None = None,
) -> WorkItem:
    """What an answer makes of a pair (rules 3 to 6). Pure.

    `grows`: more or better rows may come later, so that rows do not settle it before the last
    attempt. `unfinished`: what rows that are not final lack. `denied`: Webex's flags say that the
    meeting has nothing of the kind. `covered_until`: what came later the answer could not show.
    """
    pair = replace(
        pair,
        attempts=pair.attempts + (came not in NO_REQUEST),
        first_attempt_at=pair.first_attempt_at or now,
        last_attempt_at=now,
        covered_until=covered_until,
        http_status=http_status,
        run_id=run_id,
    )
    if came in _PASSING:
        return _failed(pair, came, rows, now, retry_at)
    pair = replace(pair, failures=0, first_failed_at=None)
    further = next_attempt(pair, ended_at, settling)
    # Asked ahead of time, by a refetch: nothing that came then is final.
    early = now < ended_at + timedelta(seconds=settling.after_end_seconds[0])
    status, reason, ends = _verdict(
        pair,
        came,
        is_last=further is None,
        grows=early or (grows and further is not None),
        unfinished=unfinished,
    )
    if denied and reason is Reason.DEADLINE_PASSED:
        reason = Reason.NOT_RECORDED
    if came in (Outcome.ROWS, Outcome.UNFINISHED, Outcome.FROM_VTT):
        pair = replace(pair, row_count=rows)
    return replace(
        pair,
        status=status,
        reason=reason,
        settled=ends,
        next_attempt_at=None if ends else further,
    )


def _failed(
    pair: WorkItem, came: Outcome, rows: int, now: datetime, retry_at: datetime | None
) -> WorkItem:
    """A passing fault: again after 15 minutes, then twice as long each time up to 6 hours.

    Not before `retry_at`, where the answer named a moment.

    What fails for 7 days settles as failed: some requests are refused for ever, a personal room's
    participants for one (docs/webex-api-notes.md T55).
    """
    wait = min(_FIRST_RETRY * 2 ** min(pair.failures, 10), _LONGEST_RETRY)
    since = pair.first_failed_at or now
    again_at = max(now + wait, retry_at or now)
    ends = now - since >= _LONGEST_FAILING
    return replace(
        pair,
        status=Status.FAILED,
        reason=_PASSING[came],
        settled=ends,
        failures=pair.failures + 1,
        first_failed_at=since,
        row_count=max(rows, pair.row_count),
        next_attempt_at=None if ends else again_at,
    )


def _verdict(
    pair: WorkItem, came: Outcome, *, is_last: bool, grows: bool, unfinished: Reason
) -> tuple[Status, Reason, bool]:
    """Status, reason and whether the pair settles, of a definite answer."""
    if came is Outcome.ROWS and grows:
        return Status.READY, Reason.MAY_GROW, False
    if came in (Outcome.FROM_VTT, Outcome.HELD_VTT):
        return Status.READY, Reason.FROM_VTT, not grows
    if came in (Outcome.EMPTY, Outcome.NO_LIST) and pair.row_count:
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
    if came in simple:
        return simple[came]
    not_last = {
        Outcome.UNFINISHED: (Status.READY, unfinished, False),
        Outcome.EMPTY: (Status.WAITING, Reason.NOTHING_YET, False),
        Outcome.NO_LIST: (Status.WAITING, Reason.NOT_FOUND_YET, False),
        Outcome.NOT_FOUND: (Status.WAITING, Reason.NOT_FOUND_YET, False),
        Outcome.NO_VTT: (Status.WAITING, Reason.NOT_FOUND_YET, False),
    }
    last = {
        Outcome.UNFINISHED: (Status.READY, unfinished, True),
        Outcome.EMPTY: (Status.ABSENT, Reason.DEADLINE_PASSED, True),
        Outcome.NO_LIST: (Status.ABSENT, Reason.DEADLINE_PASSED, True),
        Outcome.NOT_FOUND: (Status.GONE, Reason.NOT_FOUND, True),
        Outcome.NO_VTT: (Status.FORBIDDEN, Reason.REFUSED, True),
    }
    return last[came] if is_last else not_last[came]
