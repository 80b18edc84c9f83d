"""Sweeps: one listing over a window of time that answers for many meetings of a day.

Belongs here: which targets a sweep is worth its while for, which window it takes, and what it
proves of each of them. Does not: asking for one meeting (request_pool.py), what an answer means for
the pair (pipeline/ledger/outcomes.py).

A window that ends now shows all that has come so far. One that ended days ago, of a day that is
fetched long afterwards, shows what came in the usual time: what it holds is taken, but that it does
not hold something proves nothing by itself, and of what an event told later it knows nothing.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from meeting_etl.errors import BadResponse, Refused
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.request_pool import FetchResult
from meeting_etl.pipeline.fetch.spec import (
    FetchSpec,
    Item,
    Target,
    Window,
    WindowListing,
    named_instance,
    same_series,
)
from meeting_etl.pipeline.ledger.schedule import is_last
from meeting_etl.pipeline.ledger.work_item import Outcome, Reason
from meeting_etl.schemas import MEETINGS
from meeting_etl.times import Span, parse_timestamp, start_of, utc_day
from meeting_etl.webex.listings import Listing
from meeting_etl.webex.token_kind import ListingScope

_PAGE_ITEMS = 100
_DAY = timedelta(days=1)
# Recordings and transcripts come up to days after their meeting.
_DAYS_AFTER = timedelta(days=4)
# Ended meetings are listed by their start, or by any part of them: sources do not say.
_AROUND_MEETINGS = timedelta(hours=1)
# Somebody may press the button on the stroke, by another clock.
_AROUND_RECORDINGS = timedelta(minutes=15)


@dataclass
class WindowResult:
    """What one window gave: answers, and the targets that are to be asked singly.

    `listed`: they are left although the listing came; asking for it again would be of no use.
    """

    results: list[FetchResult] = field(default_factory=list)
    remaining: list[Target] = field(default_factory=list)
    listed: bool = False


def list_windows(
    context: FetchContext, spec: FetchSpec, day: date, targets: Sequence[Target]
) -> Iterator[WindowResult]:
    """Answer as many targets of a day as windows can, site by site where one is seen at a time.

    Where a window is not allowed, fails or costs more than it saves, its targets are
    left to be asked singly. Raises AuthError and ApiUnavailable.
    """
    listing_scope = context.webex.listing_scope(spec.resource)
    if spec.windows is None or listing_scope is None or not context.windows:
        yield WindowResult(remaining=list(targets))
        return
    now = context.clock.now()
    by_site: dict[str | None, list[Target]] = defaultdict(list)
    for target in targets:
        by_site[
            target.meeting["site_url"] if listing_scope is ListingScope.ONE_SITE else None
        ].append(target)
    for site, some in by_site.items():
        if listing_scope is ListingScope.ONE_SITE and not site:
            yield WindowResult(remaining=some)
            continue
        window = _window(spec.windows, day, some, now, site)
        fit: list[Target] = []
        unfit: list[Target] = []
        for one in some:
            (fit if _may_tell(spec.windows, window, one, now) else unfit).append(one)
        max_pages = _most_pages(context, spec.windows, window, len(fit), len(fit) / len(targets))
        if max_pages:
            yield WindowResult(remaining=unfit)
            yield _Listed(context, spec, spec.windows, window, now).answer(fit, max_pages)
        else:
            yield WindowResult(remaining=some)


def _window(
    kind: WindowListing, day: date, targets: Sequence[Target], now: datetime, site: str | None
) -> Window:
    if kind.late:
        start = start_of(day) - _DAY
        return Window(start, min(start_of(day) + _DAY + _DAYS_AFTER, now), site)
    start = min(target.started_at for target in targets) - _AROUND_MEETINGS
    end = max(target.ended_at for target in targets) + _AROUND_MEETINGS
    return Window(start, max(start, min(end, now)), site)


def _may_tell(kind: WindowListing, window: Window, target: Target, now: datetime) -> bool:
    """Whether the window can tell something of the target that was not known before."""
    work_item = target.work_item
    if work_item.reason == Reason.NOT_IN_WINDOW:
        return False
    if not kind.late:
        return target.ended_at - target.started_at <= _DAY  # a longer one would widen the window
    if window.end < now and _told_since(target, window.end):
        return False  # what the event is about came when the window was over
    reaches_back = window.start <= target.started_at
    return reaches_back and (
        work_item.last_attempt_at is None or work_item.last_attempt_at < window.end
    )


def _told_since(target: Target, moment: datetime) -> bool:
    """Whether an event told of the target at this moment or later."""
    work_item = target.work_item
    return (
        work_item.opened_by == "event"
        and work_item.opened_at is not None
        and work_item.opened_at >= moment
    )


def _most_pages(
    context: FetchContext, kind: WindowListing, window: Window, count: int, share: float
) -> int:
    """How many pages a window may have; 0 when it is expected to cost more than it saves.

    `share` is the part of the window's meetings that is on the site.
    """
    if count < kind.min_targets:
        return 0
    if not kind.late:
        return max(2, count)
    days = Span(utc_day(window.start), utc_day(window.end))
    meetings = sum(context.lake.count(MEETINGS, one) for one in days)
    most = count // 2
    return most if math.ceil(meetings * share / _PAGE_ITEMS) <= most else 0


class _Listed:
    """One window: asked for, and held against its targets."""

    def __init__(
        self,
        context: FetchContext,
        spec: FetchSpec,
        kind: WindowListing,
        window: Window,
        now: datetime,
    ) -> None:
        self._context = context
        self._spec = spec
        self._kind = kind
        self._window = window
        self._now = now
        # Where nothing comes late, a window that is over has shown all.
        self._until = window.end if kind.late and window.end < now else None

    def answer(self, targets: list[Target], max_pages: int) -> WindowResult:
        """What the window gives for these targets."""
        context, kind = self._context, self._kind
        context.progress(f"{self._spec.resource} {self._now:%H:%M}, listed", 0, len(targets))
        try:
            listing = kind.request(context.webex, self._window, max_pages)
        except (Refused, BadResponse):
            return WindowResult(remaining=targets)
        if listing is None:
            return WindowResult(remaining=targets, listed=True)
        return self._held_against(listing, targets)

    def _held_against(self, listing: Listing, targets: list[Target]) -> WindowResult:
        found: dict[str, list[Item]] = defaultdict(list)
        stray = list(listing.broken)
        for item in listing.items:
            owner = named_instance(item, self._kind.key)
            (stray if owner is None else found[owner]).append(item)
        result = WindowResult(listed=True)
        for target in targets:
            items = found[target.meeting_id]
            if any(may_own(target, item, self._kind.key) for item in stray):
                result.remaining.append(target)
            elif items or self._absence_is_an_answer(target):
                outcome = Outcome.ROWS if items else Outcome.EMPTY
                answer = FetchResult(
                    target,
                    outcome,
                    self._now,
                    items,
                    200,
                    from_window=True,
                    covered_until=self._until,
                )
                result.results.append(answer)
            else:
                result.remaining.append(target)
        return result

    def _absence_is_an_answer(self, target: Target) -> bool:
        """Whether its not being listed is an answer.

        Before the last attempt that settles nothing. At it, it must be sure: the window reaches to
        this moment, or the flags say that there is nothing; and flags that say there is something
        are looked into.
        """
        schedule = self._context.ledger.schedule
        last = is_last(target.work_item, self._now, target.ended_at, schedule)
        if not self._kind.proves:
            return not last
        reaches = self._window.end == self._now
        if not last:
            return reaches
        return target.flagged is False or (reaches and target.flagged is None)


def may_own(target: Target, item: Item, key: str) -> bool:
    """Whether an item that is broken or names no meeting could be of this one, for all it says."""
    owner = named_instance(item, key)
    if owner is not None:
        return owner == target.meeting_id
    if item.get("format") == "UPLOADED" or not same_series(item, target):
        return False
    host, ours = item.get("hostEmail"), target.meeting["host_email"]
    if isinstance(host, str) and ours and ours.lower() != host.lower():
        return False
    begun = _moment(item.get("timeRecorded")) or _moment(item.get("startTime"))
    if begun is not None:
        return (
            target.started_at - _AROUND_RECORDINGS <= begun <= target.ended_at + _AROUND_RECORDINGS
        )
    made = _moment(item.get("createTime"))
    return made is None or made >= target.started_at


def _moment(value: Any) -> datetime | None:
    try:
        return parse_timestamp(value) if isinstance(value, str) and value else None
    except ValueError:
        return None
