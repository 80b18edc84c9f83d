"""Listings: all items of a listing, over as many time windows as it needs.

Belongs here: windows, page parameters, items that occur twice, and items that Webex sends with
errors. Does not: paths and filters (endpoints.py), pages and next links (pagination.py).
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from meeting_etl.errors import NotFound
from meeting_etl.times import Clock, format_timestamp

# requests is loaded when a client is made.
if TYPE_CHECKING:
    from meeting_etl.webex.client import Client

PAGE_SIZE = 100
# Documented for /admin/recordings; other listings are reported to refuse or truncate longer windows
# without notice (docs/webex-api-notes.md T51).
_MAX_WINDOW = timedelta(days=30)
_BEFORE_START = timedelta(days=1)
# Clocks differ, and an event may precede the listing of what it announces.
_AFTER_EVENT = timedelta(days=1)
# A year of windows: no meeting costs more requests, whatever time an event claims.
_MAX_WINDOWS = 12

Window = tuple[datetime, datetime]


@dataclass(frozen=True)
class Listing:
    """All pages of a listing, as raw items.

    `broken` are items that Webex sent with `errors`: it is unknown what they lack, so a listing
    with any is not complete.
    """

    items: list[dict[str, Any]]
    broken: list[dict[str, Any]]


class Listings:
    """Fetches listings with one client."""

    def __init__(self, client: "Client", clock: Clock) -> None:
        self._client = client
        self._clock = clock

    def all(self, path: str, params: Mapping[str, str], windows: Sequence[Window] = ()) -> Listing:
        """All items, of each window if there are any."""
        return listing_of(item for page in self._pages(path, params, windows) for item in page)

    def at_most(
        self, path: str, params: Mapping[str, str], windows: Sequence[Window], max_pages: int
    ) -> Listing | None:
        """All items; None when they are on more pages than `max_pages`."""
        items: list[dict[str, Any]] = []
        pages = self._pages(path, params, windows, max_pages + 1)
        for number, page in enumerate(pages, 1):
            if number > max_pages:
                return None
            items += page
        return listing_of(items)

    def of_meeting(
        self,
        path: str,
        params: Mapping[str, str],
        started_at: datetime,
        event_at: datetime | None,
        *,
        expected: bool,
    ) -> Listing:
        """What one meeting has, from one day before its start on.

        Artifacts are made within days of a meeting, so its first 30 days are listed: one window.
        `event_at` is when an event announced one; if that is later, the windows up to then are
        listed too. If an artifact is `expected`, because Webex's flags say so, and none of these
        windows has it, later windows are listed until one does.
        """
        start, now = started_at - _BEFORE_START, max(self._clock.now(), started_at)
        first = min(now, start + _MAX_WINDOW)
        end = min(now, max(first, (event_at or start) + _AFTER_EVENT))
        listing = self.all(path, params, _limited(windows_between(start, end)))
        if listing.items or listing.broken or not expected or end >= now:
            return listing
        for window in _limited(windows_between(end, now)):
            listing = self.all(path, params, [window])
            if listing.items or listing.broken:
                break
        return listing

    def _pages(
        self,
        path: str,
        params: Mapping[str, str],
        windows: Sequence[Window],
        max_pages: int | None = None,
    ) -> Iterator[list[dict[str, Any]]]:
        """The pages of all windows, up to `max_pages` of each, without items of earlier windows.

        Listings that ignore their window return the same items for each. Some respond with 404
        where a window has nothing (docs/webex-api-notes.md T52): it is one without items where
        others have a response.
        """
        params = {"max": str(PAGE_SIZE), **params}
        if not windows:
            yield from self._client.pages(path, params, max_pages=max_pages)
        seen: set[str | None] = set()
        not_found: list[NotFound] = []
        for start, end in windows:
            window = {"from": format_timestamp(start), "to": format_timestamp(end)}
            ids: set[str | None] = set()
            try:
                pages = self._client.pages(path, params | window, max_pages=max_pages)
            except NotFound as error:
                not_found.append(error)
                continue
            for page in pages:
                yield [item for item in page if _id(item) is None or _id(item) not in seen]
                ids |= {_id(item) for item in page}
            seen |= ids
        if not_found and len(not_found) == len(windows):
            raise not_found[0]


def listing_of(items: Iterable[dict[str, Any]]) -> Listing:
    """A listing of raw items."""
    complete: list[dict[str, Any]] = []
    broken: list[dict[str, Any]] = []
    for item in items:
        (broken if item.get("errors") else complete).append(item)
    return Listing(complete, broken)


def windows_between(start: datetime, end: datetime) -> list[Window]:
    """As few windows of 30 days at most as cover the time, oldest first; at least one."""
    width = _MAX_WINDOW
    return [
        (start + number * width, min(end, start + (number + 1) * width))
        for number in range(max(1, math.ceil((end - start) / width)))
    ]


def _limited(windows: list[Window]) -> list[Window]:
    """At most a year of windows: the first one and the last ones, which have the news."""
    return windows if len(windows) <= _MAX_WINDOWS else [windows[0], *windows[1 - _MAX_WINDOWS :]]


def _id(item: Mapping[str, Any]) -> str | None:
    identifier = item.get("id")
    return identifier if isinstance(identifier, str) else None
