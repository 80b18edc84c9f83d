"""Windows: one listing over a time range that answers for many meetings of a day.

Belongs here: for which targets a window is worth its while, which time range it has, and what it
proves about each of them. Does not: requests for one meeting (single_request.py), what an outcome
makes of the work item (pipeline/ledger/outcomes.py).

A window that ends now shows all that there is yet. One that ended days ago, of a day that is
fetched long afterwards, shows what appeared in the usual time: its items count, but an item that it
lacks proves nothing, and it cannot show what a later event is about.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from meeting_etl.errors import ApiUnavailable, AuthError, BadResponse, Forbidden, Refused
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.ownership import may_own, named_instance
from meeting_etl.pipeline.fetch.response_rows import with_rows
from meeting_etl.pipeline.fetch.single_request import FetchResult
from meeting_etl.pipeline.fetch.spec import FetchSpec, Item, Target, Window, WindowListing
from meeting_etl.pipeline.ledger.schedule import is_last
from meeting_etl.pipeline.ledger.work_item import Outcome, Reason
from meeting_etl.schemas import MEETINGS
from meeting_etl.times import Span, start_of, utc_day
from meeting_etl.webex.accounts import Account, Group
from meeting_etl.webex.listings import Listing
from meeting_etl.webex.token_kind import ListingScope

# What targets have that no listing shows.
_NO_LISTING: tuple[Group, str | None] = ((), None)
_PAGE_ITEMS = 100
_DAY = timedelta(days=1)
# Recordings and transcripts appear up to days after their meeting.
_DAYS_AFTER = timedelta(days=4)
# Ended meetings are listed by their start, or by any part of them: sources do not say.
_AROUND_MEETINGS = timedelta(hours=1)


@dataclass
class WindowResult:
    """The results of one window, and the targets that remain to be requested one by one.

    `listed`: the listing succeeded, so that repeating it would be of no use to those that remain.
    """

    results: list[FetchResult] = field(default_factory=list)
    remaining: list[Target] = field(default_factory=list)
    listed: bool = False


def plan_windows(
    context: FetchContext, spec: FetchSpec, day: date, targets: Sequence[Target]
) -> tuple[list["OpenWindow"], list[Target]]:
    """Windows for as many targets of a day as they can answer, and the targets that remain.

    There is one for each group of accounts, and for each site where listings are of one site; none
    where a window is not allowed or costs more requests than it saves.
    """
    if spec.windows is None or not context.windows:
        return [], list(targets)
    now = context.clock.now()
    by_listing: dict[tuple[Group, str | None], list[Target]] = defaultdict(list)
    for target in targets:
        by_listing[_listing_of(context, spec.resource, target)].append(target)
    remaining = by_listing.pop(_NO_LISTING, [])
    windows: list[OpenWindow] = []
    for (accounts, site), on_site in by_listing.items():
        window = _window(spec.windows, day, on_site, now, site)
        covered = [target for target in on_site if _covers(spec.windows, window, target, now)]
        share = len(covered) / len(targets)
        max_pages = _max_pages(context, spec.windows, window, len(covered), share)
        if max_pages:
            windows.append(
                OpenWindow(context, spec, spec.windows, window, now, covered, max_pages, accounts)
            )
            keys = {target.work_item.key for target in covered}
            remaining += [target for target in on_site if target.work_item.key not in keys]
        else:
            remaining += on_site
    return windows, remaining


def _listing_of(context: FetchContext, resource: str, target: Target) -> tuple[Group, str | None]:
    """The accounts whose listing shows the target, and the site that they must list if any."""
    accounts, meeting = context.accounts, target.meeting
    group = accounts.best(resource, meeting)
    scopes = {account.webex.listing_scope(resource) for account in group}
    if len(scopes) != 1 or None in scopes:
        return _NO_LISTING
    if len(accounts.all) > 1 and not group[0].sees_all_of(meeting):
        return _NO_LISTING
    if ListingScope.EVERYTHING in scopes:
        return group, None
    return (group, meeting["site_url"]) if meeting["site_url"] else _NO_LISTING


def _window(
    listing: WindowListing, day: date, targets: Sequence[Target], now: datetime, site: str | None
) -> Window:
    if listing.late:
        start = start_of(day) - _DAY
        return Window(start, min(start_of(day) + _DAY + _DAYS_AFTER, now), site)
    start = min(target.started_at for target in targets) - _AROUND_MEETINGS
    end = max(target.ended_at for target in targets) + _AROUND_MEETINGS
    return Window(start, max(start, min(end, now)), site)


def _covers(listing: WindowListing, window: Window, target: Target, now: datetime) -> bool:
    """Whether the window can show something of the target that was not known before."""
    item = target.work_item
    if item.reason == Reason.NOT_IN_WINDOW:
        return False
    if not listing.late:
        return target.ended_at - target.started_at <= _DAY  # a longer one would widen the window
    if window.end < now and _has_event_since(target, window.end):
        return False  # what the event is about appeared when the window was over
    is_new = item.last_attempt_at is None or item.last_attempt_at < window.end
    return window.start <= target.started_at and is_new


def _has_event_since(target: Target, moment: datetime) -> bool:
    """Whether an event opened the work item at this moment or later."""
    item = target.work_item
    return item.opened_by == "event" and item.opened_at is not None and item.opened_at >= moment


def _max_pages(
    context: FetchContext, listing: WindowListing, window: Window, targets: int, share: float
) -> int:
    """How many pages a window may have; 0 when it is expected to cost more than it saves.

    `share` is the part of the window's meetings that is on the site.
    """
    if targets < listing.min_targets:
        return 0
    if not listing.late:
        return max(2, targets)
    days = Span(utc_day(window.start), utc_day(window.end))
    meetings = sum(context.lake.count(MEETINGS, day) for day in days)
    max_pages = targets // 2
    return max_pages if math.ceil(meetings * share / _PAGE_ITEMS) <= max_pages else 0


class OpenWindow:
    """One window: its request, and what it says about each of its targets."""

    def __init__(
        self,
        context: FetchContext,
        spec: FetchSpec,
        listing: WindowListing,
        window: Window,
        now: datetime,
        targets: list[Target],
        max_pages: int,
        accounts: Group,
    ) -> None:
        self.targets = targets
        self.accounts = accounts
        self._context = context
        self._spec = spec
        self._listing = listing
        self._window = window
        self._now = now
        self._max_pages = max_pages
        # Where nothing appears late, a window that is over has shown all.
        self._covered_until = window.end if listing.late and window.end < now else None

    def answer(self, first: Account) -> WindowResult:
        """Request the listing, and make results of it.

        The other accounts are asked when `first` is refused or cannot be used. Raises AuthError and
        ApiUnavailable when no account is left.
        """
        others = [account for account in self.accounts if account is not first]
        for account in (first, *others):
            if not self._context.accounts.is_usable(account, self._spec.resource):
                continue
            try:
                listing = self._listing.request(account.webex, self._window, self._max_pages)
            except Forbidden:
                self._context.accounts.count(account, self._spec.resource, refused=True)
                continue
            except (Refused, BadResponse):
                return WindowResult(remaining=self.targets)
            except (AuthError, ApiUnavailable) as error:
                self._context.accounts.put_aside(account, error)
                continue
            if listing is None:
                return WindowResult(remaining=self.targets, listed=True)
            return self._results(account, listing, self.targets)
        return WindowResult(remaining=self.targets)

    def _results(self, account: Account, listing: Listing, targets: list[Target]) -> WindowResult:
        by_meeting: dict[str, list[Item]] = defaultdict(list)
        unassigned = list(listing.broken)
        for item in listing.items:
            meeting_id = named_instance(item, self._listing.key)
            (unassigned if meeting_id is None else by_meeting[meeting_id]).append(item)
        result = WindowResult(listed=True)
        for target in targets:
            items = by_meeting[target.meeting_id]
            if any(may_own(target, item, self._listing.key) for item in unassigned):
                result.remaining.append(target)
            elif items or self._proves_absence(target):
                outcome = Outcome.ROWS if items else Outcome.EMPTY
                found = self._result(account, target, outcome, items)
                result.results.append(with_rows(self._spec, found, self._context.run_id))
            else:
                result.remaining.append(target)
        return result

    def _result(
        self, account: Account, target: Target, outcome: Outcome, items: list[Item]
    ) -> FetchResult:
        until = self._covered_until
        return FetchResult(
            target, outcome, self._now, account, items, 200, from_window=True, covered_until=until
        )

    def _proves_absence(self, target: Target) -> bool:
        """Whether a target that is not listed counts as empty.

        Before the last attempt that settles nothing. At the last one it must be sure: the window
        ends now, or the flags say that there is nothing. Where flags say that there is something,
        the target is requested by itself.
        """
        schedule = self._context.ledger.schedule
        is_last_attempt = is_last(target.work_item, self._now, target.ended_at, schedule)
        if not self._listing.proves:
            return not is_last_attempt
        ends_now = self._window.end == self._now
        if not is_last_attempt:
            return ends_now
        return target.flagged is False or (ends_now and target.flagged is None)
