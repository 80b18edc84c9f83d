"""Orphans: meetings that events tell of and whose end nobody told, asked for by id.

Belongs here: finding them at a cost that follows the days asked for, asking a few times, table
`orphans`. Does not: listings (listing.py), adding a meeting (reconcile.py).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow.compute as pc

from meeting_etl.lake.meeting_index import MeetingIndex
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.request_pool import FetchResult, RefusalGuard, request_all
from meeting_etl.pipeline.fetch.spec import Target
from meeting_etl.pipeline.ledger.prune_floor import floor
from meeting_etl.pipeline.ledger.work_item import DETAILS, Outcome, WorkItem
from meeting_etl.pipeline.meetings.meeting_row import row_from_api
from meeting_etl.pipeline.reconcile.listing import OwnMeetings
from meeting_etl.pipeline.reconcile.reconcile import add_meetings
from meeting_etl.pipeline.resources.details import MEETING_DETAILS
from meeting_etl.pipeline.rows import Row, SchemaDrift
from meeting_etl.schemas import MEETINGS, ORPHANS, WEBHOOK_EVENTS
from meeting_etl.times import utc_day

# The ended event may still be on its way.
_PATIENCE = timedelta(hours=1)
# Asked again so long after each answer that was none; then it is given up.
_AGAIN = (timedelta(hours=6), timedelta(hours=24))


@dataclass
class LookupReport:
    """How many were asked for, and how many of them were meetings that had ended.

    `unusable` are ended ones whose end cannot be, as of the year 1970.
    """

    asked: int = 0
    found: int = 0
    unusable: int = 0


def look_up_meetings(
    context: FetchContext, ours: OwnMeetings, days: Collection[date]
) -> LookupReport:
    """Ask for those that events received on these days tell of, and for those that wait.

    An ended one becomes a meeting on its day; what comes of the others is remembered in `orphans`.
    Raises AuthError and ApiUnavailable, after the commit of what came.
    """
    report = LookupReport()
    with context.lake.files.lock("orphans"):
        known = {row["meeting_id"]: row for row in context.lake.read(ORPHANS).to_pylist()}
        due, settled = _due(context, known, days)
        came: list[FetchResult] = []
        try:
            targets = [Target(WorkItem(key, DETAILS), {}) for key in due]
            guard = RefusalGuard(lambda: context.ledger.was_allowed(DETAILS, context.reading_since))
            with closing(request_all(context, MEETING_DETAILS, targets, guard)) as asked:
                for answer in asked:
                    came.append(answer)
                    context.progress("meetings without an end", len(came), len(due))
        finally:
            # Also when the token is refused: what came is kept.
            _commit(context, ours, known, came, settled, report)
    return report


def _due(
    context: FetchContext, known: dict[str, Row], days: Collection[date]
) -> tuple[list[str], list[Row]]:
    """Ids to ask for now, and rows of those whose end was told meanwhile."""
    now = context.clock.now()
    waiting = {key for key, row in known.items() if not row["settled"]}
    # Undated events are of any day.
    seen = {key for day in [*days, None] for key in _seen(context, day, now - _PATIENCE)}
    endless = _without_end(context, seen | known.keys())
    settled = [
        known[key] | {"settled": True, "next_attempt_at": None, "outcome": "found"}
        for key in waiting - endless
    ]
    # What was found and is not here any more was lost with its table.
    new = seen - {key for key, row in known.items() if row["outcome"] != "found"}
    due = new | {key for key in waiting if known[key]["next_attempt_at"] <= now}
    return sorted(due & endless), settled


def _without_end(context: FetchContext, meeting_ids: Collection[str]) -> set[str]:
    """Those whose end no event tells and that are not in the lake.

    That the index knows a day from an earlier answer is not enough: the row may not be there yet,
    unless the day was pruned.
    """
    since = floor(context.lake.files)
    found = set(meeting_ids)
    listed: dict[date, set[str]] = defaultdict(set)
    for key, some in MeetingIndex(context.lake).find(meeting_ids).items():
        for one in some:
            if one.by_listing and one.date and one.date >= since:
                listed[one.date].add(key)
            elif one.date:
                found.discard(key)
    for day, keys in listed.items():
        here = context.lake.read(MEETINGS, day, columns=["meeting_id"], where={"meeting_id": keys})
        found.difference_update(here["meeting_id"].to_pylist())
    return found


def _seen(context: FetchContext, day: date | None, before: datetime) -> Iterator[str]:
    """Ids of the meetings that the day's events, or those without a day, tell of."""
    rows: Any = context.lake.read(WEBHOOK_EVENTS, day, columns=["meeting_id", "received_at"])
    old = pc.fill_null(pc.less_equal(rows["received_at"], before), True)
    yield from pc.unique(rows.filter(old)["meeting_id"].drop_null()).to_pylist()


def _commit(
    context: FetchContext,
    ours: OwnMeetings,
    known: dict[str, Row],
    came: list[FetchResult],
    settled: list[Row],
    report: LookupReport,
) -> None:
    """The meetings first, then what was made of the questions."""
    found: dict[date, dict[str, Row]] = defaultdict(dict)
    rows = list(settled)
    for answer in came:
        if answer.outcome in (Outcome.NOT_ASKED, Outcome.NOT_THE_API):
            continue
        report.requested += 1
        meeting = _meeting(context, answer)
        if meeting is None and any(item.get("state") == "ended" for item in answer.items):
            report.unusable += 1
        outcome = _outcome(answer, meeting, ours)
        if meeting is not None and outcome == "found":
            found[utc_day(meeting["ended_at"])][meeting["meeting_id"]] = meeting
        rows.append(_row(context, known.get(answer.target.meeting_id), answer, outcome))
    for day, meetings in found.items():
        report.found += add_meetings(context, day, meetings, ours)
    context.lake.merge(ORPHANS, None, rows)


def _meeting(context: FetchContext, answer: FetchResult) -> Row | None:
    """The row of the meeting, if it is the one that was asked for and has ended."""
    for item in answer.items:
        if item.get("id") == answer.target.meeting_id:
            return row_from_api(item, SchemaDrift(), run_id=context.run_id, fetched_at=answer.at)
    return None


def _outcome(answer: FetchResult, meeting: Row | None, ours: OwnMeetings) -> str:
    if answer.outcome in (Outcome.FAULT, Outcome.PARTIAL):
        return "fault"
    if answer.outcome is not Outcome.ROWS:
        return "refused"
    if meeting is None:
        return "not_ended"
    return "found" if ours.hosts(meeting) else "not_own"


def _row(context: FetchContext, before: Row | None, answer: FetchResult, outcome: str) -> Row:
    attempts = (before["attempts"] if before else 0) + 1
    given_up = attempts > len(_AGAIN) or answer.outcome is Outcome.GONE
    settled = given_up or outcome in ("found", "not_own")
    return {
        "meeting_id": answer.target.meeting_id,
        "first_seen_at": before["first_seen_at"] if before else answer.at,
        "asked_at": answer.at,
        "attempts": attempts,
        "http_status": answer.http_status,
        "next_attempt_at": None if settled else answer.at + _AGAIN[attempts - 1],
        "settled": settled,
        "outcome": outcome,
        "run_id": context.run_id,
    }
