"""Reconcile: find the meetings that Webex lists and that have no webhook event.

Belongs here: comparing a day's listing with the lake, and adding missing meetings. Does not:
windows (listing.py), whose meetings are added (own_meetings.py), events without an ended meeting
(events_without_meeting.py), opening and moving work items (pipeline/meetings/fold.py).

A meeting is added under its day's lock, in this order: its id goes to the index, so that later
events find its day; the day gets news; then the row is written, then the ledger. After a kill the
day has news, or is listed again.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.meeting_index import MeetingIndex, Mention
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.lake.partitions import NULL_PARTITION
from meeting_etl.lake.writers_locks import INDEX_LOCK
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.ledger.outcomes import Attempt, apply_outcome
from meeting_etl.pipeline.ledger.work_item import DETAILS, Outcome, WorkItem
from meeting_etl.pipeline.meetings.fold import fold
from meeting_etl.pipeline.meetings.meeting_row import with_listing
from meeting_etl.pipeline.meetings.merge import with_details, without_early_false_flags
from meeting_etl.pipeline.reconcile.listing import ListedDay, ListingWindows
from meeting_etl.pipeline.reconcile.own_meetings import OwnMeetings
from meeting_etl.pipeline.rows import Row
from meeting_etl.schemas import FETCH_LEDGER, MEETINGS, RECONCILED, WEBHOOK_EVENTS
from meeting_etl.webex.accounts import Account

# A meeting, and the account that lists it.
Found = tuple[Row, Account | None]
# Columns that differ in every run: a row that differs in nothing else is not written.
_RUN_COLUMNS = ("run_id", "fetched_at")


@dataclass(frozen=True)
class ReconcileReport:
    """The result of reconciling one day.

    Of the meetings `listed`, `known` were in the lake already, `added` are new, and `of_others` are
    hosted by others than the token's owner. `refreshed` counts known meetings whose details have
    changed. `not_listed` are in the lake but not listed, from which nothing follows.
    """

    day: date
    listed: int = 0
    known: int = 0
    added: int = 0
    of_others: int = 0
    refreshed: int = 0
    not_listed: int = 0


def can_list(context: FetchContext) -> bool:
    """Whether any account can list ended meetings; sends no request."""
    return bool(context.accounts.listing(DETAILS))


def reconcile(
    context: FetchContext, windows: ListingWindows, own: OwnMeetings, days: Collection[date]
) -> Iterator[ReconcileReport]:
    """Compare the listing of these days with the lake, oldest day first; yields a report for each.

    Pruned days are not listed, and their reports come first. Raises what `Webex.ended_meetings`
    raises, and SettingsError when the token's owner is unknown; what was committed before stays.
    """
    since = context.ledger.queue.floor()
    yield from (ReconcileReport(day) for day in days if day < since)
    kept = [day for day in days if day >= since]
    for number, listed in enumerate(windows.days(kept)):
        context.progress(f"ended meetings {listed.day}", number, len(kept))
        yield _reconcile_day(context, listed, own)


def _reconcile_day(context: FetchContext, listed: ListedDay, own: OwnMeetings) -> ReconcileReport:
    lake, day = context.lake, listed.day
    with lake.lock_days([day]):
        lake.sweep([MEETINGS, FETCH_LEDGER], [day])
        stored = {row["meeting_id"]: row for row in lake.read(MEETINGS, day).to_pylist()}
        # Without erased meetings, and comparable with what is stored.
        written = lake.as_written(MEETINGS, listed.rows.values())
        rows = {row["meeting_id"]: row for row in written}
        unknown = {key: listed.rows[key] for key in rows if key not in stored}
        owned_by = {key: _lister(own, row, listed.listed_by[key]) for key, row in unknown.items()}
        candidates = {key: row for key, row in unknown.items() if owned_by[key]}
        missing = _claim_missing(context, day, candidates)
        _write_new(context, day, [(candidates[key], owned_by[key]) for key in missing], own)
        changed = [
            row
            for key, item in rows.items()
            if key in stored
            and (row := _refreshed(stored[key], _without_early_flags(context, item)))
        ]
        moved = [row["meeting_id"] for row in changed if _has_other_end(stored, row)]
        if moved:
            context.ledger.announce({day: dict.fromkeys(moved, ())})
        lake.merge(MEETINGS, day, changed)
        refresh_metrics(lake, day)
    if missing or moved:
        _fold(context, day)
    return ReconcileReport(
        day,
        listed=len(listed.rows),
        known=len(listed.rows) - len(unknown) + len(candidates) - len(missing),
        added=len(missing),
        of_others=len(unknown) - len(candidates),
        refreshed=len(changed),
        not_listed=len(stored.keys() - listed.rows.keys()),
    )


def _lister(own: OwnMeetings, row: Row, listed_by: Iterable[Account]) -> Account | None:
    """The account whose listing makes a meeting one that is added; None if there is none."""
    return next((account for account in listed_by if own.includes(row, account)), None)


def add_meetings(
    context: FetchContext, day: date, found: Mapping[str, Found], own: OwnMeetings
) -> int:
    """Add those of these meetings, which ended on this day, that have no ended event.

    On a pruned day only the index learns of them, so that they are not looked up again.
    """
    with context.lake.lock_days([day]):
        context.lake.sweep([MEETINGS, FETCH_LEDGER], [day])
        missing = _claim_missing(context, day, found)
        if day < context.ledger.queue.floor():
            return 0
        _write_new(context, day, [found[key] for key in missing], own)
    _fold(context, day)
    return len(missing)


def _fold(context: FetchContext, day: date) -> None:
    for _ in fold(context.lake, context.ledger, [day]):
        pass


def _claim_missing(context: FetchContext, day: date, meeting_ids: Collection[str]) -> list[str]:
    """The meetings without an ended event, after noting in the index that they are on this day.

    A later event finds the meeting there. An earlier one is found here, and the fold of an event
    that arrives in between waits for the day's lock.
    """
    erasures = context.lake.privacy.erasures
    meeting_ids = [key for key in meeting_ids if not erasures.of_meeting(key)]
    if not meeting_ids:
        return []
    index = MeetingIndex(context.lake)
    with context.lake.state.lock(INDEX_LOCK):
        index.rebuild_if_incomplete()
        mentions = index.find(meeting_ids)
        missing = [key for key in meeting_ids if not _has_ended_event(mentions.get(key, ()))]
        index.add(Mention(key, None, day) for key in missing)
    return missing


def _has_ended_event(mentions: Collection[Mention]) -> bool:
    return any(mention.date and not mention.by_listing for mention in mentions)


def _write_new(
    context: FetchContext, day: date, found: Collection[Found], own: OwnMeetings
) -> None:
    """Write new meetings: news first, ledger last. Their details are fetched already."""
    if not found:
        return
    context.ledger.announce({day: {row["meeting_id"]: () for row, _ in found}})
    context.lake.merge(
        MEETINGS,
        day,
        [
            _without_early_flags(context, row)
            | {"org_id": row["org_id"] or (account and own.org_id(account))}
            for row, account in found
        ],
    )
    fetched = {item.meeting_id for item in context.ledger.items(day) if item.resource == DETAILS}
    # A meeting that was looked up by id can lack the flags that the listing has. Then its details
    # are fetched as usual.
    items = [
        _details(context, row, account)
        for row, account in found
        if row["meeting_id"] not in fetched and row["has_recording"] is not None
    ]
    if items:
        context.ledger.record(day, items)


def _details(context: FetchContext, row: Row, account: Account | None) -> WorkItem:
    """The work item of a meeting's details, after the response of a window."""
    item = WorkItem(row["meeting_id"], DETAILS, opened_at=row["ended_at"])
    attempt = Attempt(
        Outcome.ROWS,
        row["fetched_at"],
        context.run_id,
        rows=1,
        account=account.name if account else None,
        http_status=200,
        may_grow=True,
    )
    return apply_outcome(item, attempt, row["ended_at"], context.ledger.schedule)


def _without_early_flags(context: FetchContext, row: Row) -> Row:
    last = timedelta(seconds=context.ledger.schedule.after_end_seconds[-1])
    return without_early_false_flags(row, row["ended_at"] + last)


def _refreshed(stored: Row, listed: Row) -> Row | None:
    """The stored row updated by the listing; None when nothing has changed."""
    reconciled = stored["origin"] == RECONCILED
    row = with_listing(stored, listed) if reconciled else with_details(stored, listed)
    same = all(row[name] == stored[name] for name in stored if name not in _RUN_COLUMNS)
    return None if same and stored["fetched_at"] else row


def _has_other_end(stored: Mapping[str, Row], row: Row) -> bool:
    differs: bool = row["ended_at"] != stored[row["meeting_id"]]["ended_at"]
    return differs


@dataclass(frozen=True)
class WebhookCoverage:
    """How many days and meetings there are, and how many meetings have no webhook event."""

    days: int
    meetings: int
    missed: int


def webhook_coverage(lake: Lake, days: Iterable[date]) -> WebhookCoverage:
    """Counts of these days in the lake, without days before the first webhook event."""
    names = (name for name in lake.partitions(WEBHOOK_EVENTS) if name != NULL_PARTITION)
    since = min(map(date.fromisoformat, names), default=date.max)
    origins = [
        lake.read(MEETINGS, day, columns=["origin"])["origin"].to_pylist()
        for day in days
        if day >= since
    ]
    missed = sum(day_origins.count(RECONCILED) for day_origins in origins)
    return WebhookCoverage(len(origins), sum(map(len, origins)), missed)
