"""Events without meeting: looking up, by id, the meetings that have events but no ended event.

Belongs here: finding them at a cost that follows the requested days, a few attempts for each, the
table `orphans`. Does not: listings (listing.py), adding a meeting (reconcile.py).
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
from meeting_etl.pipeline.fetch.refusal_guard import RefusalGuards
from meeting_etl.pipeline.fetch.request_pool import request_all
from meeting_etl.pipeline.fetch.single_request import FetchResult
from meeting_etl.pipeline.fetch.spec import Target
from meeting_etl.pipeline.ledger.work_item import DETAILS, Outcome, WorkItem
from meeting_etl.pipeline.meetings.meeting_row import row_from_api
from meeting_etl.pipeline.reconcile.own_meetings import OwnMeetings
from meeting_etl.pipeline.reconcile.reconcile import Found, add_meetings
from meeting_etl.pipeline.resources.details import MEETING_DETAILS
from meeting_etl.pipeline.rows import Row, SchemaDrift
from meeting_etl.schemas import MEETINGS, ORPHANS, WEBHOOK_EVENTS
from meeting_etl.times import utc_day

# An ended event may still arrive within this time.
_WAIT_FOR_END = timedelta(hours=1)
# Delays before the next attempts after one that failed; then the meeting is given up.
_RETRY_DELAYS = (timedelta(hours=6), timedelta(hours=24))


@dataclass
class LookupReport:
    """How many meetings were requested by id, and how many of them had ended and were added.

    `unusable` are those that ended at an implausible time, such as 1970.
    """

    requested: int = 0
    found: int = 0
    unusable: int = 0


def look_up_meetings(
    context: FetchContext, own: OwnMeetings, days: Collection[date]
) -> LookupReport:
    """Look up the meetings that the events of these days mention, and those due for a retry.

    A meeting that has ended is added to its day; the outcome of each is recorded in `orphans`.
    Raises AuthError and ApiUnavailable, after committing what was received.
    """
    report = LookupReport()
    with context.lake.lock("orphans"):
        orphans = {row["meeting_id"]: row for row in context.lake.read(ORPHANS).to_pylist()}
        due, settled = _due(context, orphans, days)
        received: list[FetchResult] = []
        try:
            targets = [Target(WorkItem(key, DETAILS), {}) for key in due]
            guards = RefusalGuards(context.accounts, [MEETING_DETAILS])
            guard = guards.of(DETAILS, tuple(context.accounts.all))
            with closing(request_all(context, MEETING_DETAILS, targets, guard)) as results:
                for result in results:
                    received.append(result)
                    context.progress("meetings without an end", len(received), len(due))
        finally:
            # Also after an error: what was received is kept.
            _commit(context, own, orphans, received, settled, report)
    return report


def _due(
    context: FetchContext, orphans: dict[str, Row], days: Collection[date]
) -> tuple[list[str], list[Row]]:
    """Ids to look up now, and the settled rows of meetings whose end has become known meanwhile."""
    now = context.clock.now()
    waiting = {key for key, row in orphans.items() if not row["settled"]}
    # Events without a date can belong to any day.
    mentioned = {
        key for day in [*days, None] for key in _mentioned(context, day, now - _WAIT_FOR_END)
    }
    endless = _without_end(context, mentioned | orphans.keys())
    settled = [
        orphans[key] | {"settled": True, "next_attempt_at": None, "outcome": "found"}
        for key in waiting - endless
    ]
    # A meeting that was found before and is missing again was lost with its table.
    new = mentioned - {key for key, row in orphans.items() if row["outcome"] != "found"}
    due = new | {key for key in waiting if orphans[key]["next_attempt_at"] <= now}
    return sorted(due & endless), settled


def _without_end(context: FetchContext, meeting_ids: Collection[str]) -> set[str]:
    """The meetings that have no ended event and no row in the lake.

    A day in the index is not enough if an earlier look-up put it there: its row may not have been
    written. But if that day was pruned, the meeting is left out.
    """
    first_kept = context.ledger.queue.floor()
    endless = set(meeting_ids)
    reconciled: dict[date, set[str]] = defaultdict(set)
    for key, mentions in MeetingIndex(context.lake).find(meeting_ids).items():
        for mention in mentions:
            if mention.by_listing and mention.date and mention.date >= first_kept:
                reconciled[mention.date].add(key)
            elif mention.date:
                endless.discard(key)
    for day, keys in reconciled.items():
        rows = context.lake.read(MEETINGS, day, columns=["meeting_id"], where={"meeting_id": keys})
        endless.difference_update(rows["meeting_id"].to_pylist())
    return endless


def _mentioned(context: FetchContext, day: date | None, before: datetime) -> Iterator[str]:
    """Ids of the meetings in the events of a received date, None for events without a date."""
    rows: Any = context.lake.read(WEBHOOK_EVENTS, day, columns=["meeting_id", "received_at"])
    old = pc.fill_null(pc.less_equal(rows["received_at"], before), True)
    yield from pc.unique(rows.filter(old)["meeting_id"].drop_null()).to_pylist()


def _commit(
    context: FetchContext,
    own: OwnMeetings,
    orphans: dict[str, Row],
    received: list[FetchResult],
    settled: list[Row],
    report: LookupReport,
) -> None:
    """Add the meetings first, then write the outcomes to `orphans`."""
    found: dict[date, dict[str, Found]] = defaultdict(dict)
    rows = list(settled)
    for result in received:
        if result.outcome in (Outcome.NOT_REQUESTED, Outcome.NOT_THE_API, Outcome.SET_ASIDE):
            continue
        report.requested += 1
        meeting = _meeting(context, result)
        if meeting is None and any(item.get("state") == "ended" for item in result.items):
            report.unusable += 1
        outcome = _outcome(context, result, meeting, own)
        if meeting is not None and outcome == "found":
            day = utc_day(meeting["ended_at"])
            found[day][meeting["meeting_id"]] = meeting, result.account
        rows.append(_row(context, orphans.get(result.target.meeting_id), result, outcome))
    for day, meetings in found.items():
        report.found += add_meetings(context, day, meetings, own)
    context.lake.merge(ORPHANS, None, rows)


def _meeting(context: FetchContext, result: FetchResult) -> Row | None:
    """The row of the meeting, if the response is about the requested one and it has ended."""
    for item in result.items:
        if item.get("id") == result.target.meeting_id:
            return row_from_api(item, SchemaDrift(), run_id=context.run_id, fetched_at=result.at)
    return None


def _outcome(
    context: FetchContext, result: FetchResult, meeting: Row | None, own: OwnMeetings
) -> str:
    if result.outcome in (Outcome.FAULT, Outcome.PARTIAL):
        return "fault"
    if result.outcome is not Outcome.ROWS:
        return "refused"
    if meeting is None:
        return "not_ended"
    account, accounts = result.account, context.accounts
    is_own = account is not None and own.includes_for_any(meeting, accounts, account)
    return "found" if is_own else "not_own"


def _row(context: FetchContext, before: Row | None, result: FetchResult, outcome: str) -> Row:
    attempts = (before["attempts"] if before else 0) + 1
    given_up = attempts > len(_RETRY_DELAYS) or result.outcome is Outcome.GONE
    settled = given_up or outcome in ("found", "not_own")
    return {
        "meeting_id": result.target.meeting_id,
        "first_seen_at": before["first_seen_at"] if before else result.at,
        "asked_at": result.at,
        "attempts": attempts,
        "http_status": result.http_status,
        "next_attempt_at": None if settled else result.at + _RETRY_DELAYS[attempts - 1],
        "settled": settled,
        "outcome": outcome,
        "run_id": context.run_id,
    }
