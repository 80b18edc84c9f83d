"""Reconcile: meetings that Webex lists and that no webhook announced.

Belongs here: holding a day's listing against the lake, and adding what is missing. Does not:
windows and whose meetings count (listing.py), meetings that events tell of and nobody ended
(events_without_meeting.py), pairs and moves (pipeline/meetings/fold.py).

A meeting is added like a folded one, under the day's lock: its id goes to the index, so that every
later event finds its day; then the day is announced; then the row; then the ledger. A kill leaves a
day that is announced or is listed again.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.meeting_index import INDEX_LOCK, MeetingIndex, Mention
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.lake.partitions import NULL_PARTITION
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.ledger.outcomes import apply_outcome
from meeting_etl.pipeline.ledger.prune_floor import floor
from meeting_etl.pipeline.ledger.work_item import DETAILS, Outcome, WorkItem
from meeting_etl.pipeline.meetings.fold import fold
from meeting_etl.pipeline.meetings.meeting_row import with_listing
from meeting_etl.pipeline.meetings.merge import with_details, without_early_false_flags
from meeting_etl.pipeline.reconcile.listing import ListedDay, ListingWindows, OwnMeetings
from meeting_etl.pipeline.rows import Row
from meeting_etl.schemas import FETCH_LEDGER, MEETINGS, RECONCILED, WEBHOOK_EVENTS

# Differ from run to run, and alone are no reason to write.
_OF_THE_RUN = ("run_id", "fetched_at")


@dataclass(frozen=True)
class ReconcileReport:
    """What was found of one day.

    Of the meetings `listed`, `known` were told of by webhooks or reconciled before, `added` are new
    and `of_others` are not the token owner's own. `refreshed` meetings have other details now.
    `not_listed` are in the lake and were not listed; nothing is concluded from that.
    """

    day: date
    listed: int = 0
    known: int = 0
    added: int = 0
    of_others: int = 0
    refreshed: int = 0
    not_listed: int = 0


def can_list(context: FetchContext) -> bool:
    """Whether the kind of token can list ended meetings at all; costs no request."""
    return context.webex.listing_scope(DETAILS) is not None


def reconcile(
    context: FetchContext, windows: ListingWindows, ours: OwnMeetings, days: Collection[date]
) -> Iterator[ReconcileReport]:
    """Hold the listing of these days against the lake, oldest day first; yields a report a day.

    Pruned days are not listed, and their reports come first.
    Raises what `Webex.ended_meetings` raises, and SettingsError when it cannot be known whose a
    meeting is; what was committed before stays.
    """
    since = floor(context.lake.files)
    yield from (ReconcileReport(day) for day in days if day < since)
    kept = [day for day in days if day >= since]
    for number, listed in enumerate(windows.days(kept)):
        context.progress(f"ended meetings {listed.day}", number, len(kept))
        yield _day(context, listed, ours)


def _day(context: FetchContext, listed: ListedDay, ours: OwnMeetings) -> ReconcileReport:
    lake, day = context.lake, listed.day
    with lake.lock_days([day]):
        lake.sweep([MEETINGS, FETCH_LEDGER], [day])
        held = {row["meeting_id"]: row for row in lake.read(MEETINGS, day).to_pylist()}
        unknown = {key: row for key, row in listed.rows.items() if key not in held}
        own = {key: row for key, row in unknown.items() if ours.hosts(row)}
        missing = _claimed(context, day, own)
        _put(context, day, {key: own[key] for key in missing}, ours)
        changed = [
            row
            for key, told in listed.rows.items()
            if key in held and (row := _refreshed(held[key], _hedged(context, told))) is not None
        ]
        moved = [row["meeting_id"] for row in changed if _ends_otherwise(held, row)]
        if moved:
            context.ledger.announce({day: moved})
        lake.merge(MEETINGS, day, changed)
        refresh_metrics(lake, day)
    if missing or moved:
        list(fold(lake, context.ledger, [day]))
    return ReconcileReport(
        day,
        listed=len(listed.rows),
        known=len(listed.rows) - len(unknown) + len(own) - len(missing),
        added=len(missing),
        of_others=len(unknown) - len(own),
        refreshed=len(changed),
        not_listed=len(held.keys() - listed.rows.keys()),
    )


def add_meetings(
    context: FetchContext, day: date, rows: Mapping[str, Row], ours: OwnMeetings
) -> int:
    """Add those of the meetings, which ended on this day, that no webhook announced.

    Of a pruned day only the index learns, so that nobody asks for them again.
    """
    with context.lake.lock_days([day]):
        context.lake.sweep([MEETINGS, FETCH_LEDGER], [day])
        missing = _claimed(context, day, rows)
        if day < floor(context.lake.files):
            return 0
        _put(context, day, {key: rows[key] for key in missing}, ours)
    list(fold(context.lake, context.ledger, [day]))
    return len(missing)


def _claimed(context: FetchContext, day: date, meeting_ids: Collection[str]) -> list[str]:
    """Those whose end no event tells; from now on the index knows that they lie on this day.

    An event that comes later finds it there. One that came before is seen here, and if it comes
    meanwhile, its fold waits for the day's lock.
    """
    if not meeting_ids:
        return []
    index = MeetingIndex(context.lake)
    with context.lake.files.lock(INDEX_LOCK):
        index.rebuild_if_incomplete()
        mentions = index.find(meeting_ids)
        missing = [
            key
            for key in meeting_ids
            if all(one.date is None or one.by_listing for one in mentions.get(key, ()))
        ]
        index.add(Mention(key, None, day) for key in missing)
    return missing


def _put(context: FetchContext, day: date, rows: Mapping[str, Row], ours: OwnMeetings) -> None:
    """Write new meetings: announced first, ledger last. The listing answered for their details."""
    if not rows:
        return
    context.ledger.announce({day: [*rows]})
    filled = [
        _hedged(context, row) | {"org_id": row["org_id"] or ours.org_id} for row in rows.values()
    ]
    context.lake.merge(MEETINGS, day, filled)
    asked = {item.meeting_id for item in context.ledger.items(day) if item.resource == DETAILS}
    new = [row for row in rows.values() if row["meeting_id"] not in asked]
    # What was asked for by id may lack the flags that the listing has: that is asked for, then.
    told = [_details(context, row) for row in new if row["has_recording"] is not None]
    if told:
        context.ledger.record(day, told)


def _details(context: FetchContext, row: Row) -> WorkItem:
    """The pair of a meeting's details as an answer of a window leaves it."""
    return apply_outcome(
        WorkItem(row["meeting_id"], DETAILS, opened_at=row["ended_at"]),
        Outcome.ROWS,
        rows=1,
        grows=True,
        denied=False,
        now=row["fetched_at"],
        ended_at=row["ended_at"],
        schedule=context.ledger.schedule,
        http_status=200,
        run_id=context.run_id,
    )


def _hedged(context: FetchContext, row: Row) -> Row:
    last = timedelta(seconds=context.ledger.schedule.after_end_seconds[-1])
    return without_early_false_flags(row, row["ended_at"] + last)


def _refreshed(held: Row, listed: Row) -> Row | None:
    """The lake's row with what the listing says; None when that is nothing new."""
    reconciled = held["origin"] == RECONCILED
    row = with_listing(held, listed) if reconciled else with_details(held, listed)
    same = all(row[name] == held[name] for name in held if name not in _OF_THE_RUN)
    return None if same and held["fetched_at"] else row


def _ends_otherwise(held: Mapping[str, Row], row: Row) -> bool:
    ended: bool = row["ended_at"] != held[row["meeting_id"]]["ended_at"]
    return ended


@dataclass(frozen=True)
class WebhookCoverage:
    """Of how many days, how many meetings there are, and how many no webhook told of."""

    days: int
    meetings: int
    missed: int


def webhook_coverage(lake: Lake, days: Iterable[date]) -> WebhookCoverage:
    """What the lake holds of these days; those before the first webhook event are left out."""
    names = (name for name in lake.partitions(WEBHOOK_EVENTS) if name != NULL_PARTITION)
    since = min(map(date.fromisoformat, names), default=date.max)
    origins = [
        lake.read(MEETINGS, day, columns=["origin"])["origin"].to_pylist()
        for day in days
        if day >= since
    ]
    return WebhookCoverage(
        len(origins), sum(map(len, origins)), sum(some.count(RECONCILED) for some in origins)
    )
