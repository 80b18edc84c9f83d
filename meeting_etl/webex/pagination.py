"""Pagination: all pages of a listing, one by one, with smaller pages where large ones fail.

Belongs here: following next links to the end, loops, and the page size. Does not: reading the Link
header (next_link.py), sending (client.py).
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from meeting_etl.errors import BadResponse, Refused
from meeting_etl.webex.next_link import PageUrl, next_page, with_half_max
from meeting_etl.webex.retry import RetryState
from meeting_etl.webex.transport import Response

Page = list[dict[str, Any]]
GetPage = Callable[[str, RetryState, int | None], tuple[Page, Response]]
"""Fetches the page at a URL; raises PageTooLarge after more than so many faults that a smaller page
may avoid."""

_LOG = logging.getLogger(__name__)


class PageTooLarge(Exception):
    """A page with so many items fails; a smaller one may succeed."""


class Pagination:
    """Walks listings with the functions of one client."""

    def __init__(
        self,
        url_of: Callable[[str, Mapping[str, str]], str],
        get_page: GetPage,
        new_retry: Callable[[], RetryState],
        *,
        page_limit: int,
    ) -> None:
        self._url_of = url_of
        self._get_page = get_page
        self._new_retry = new_retry
        self._page_limit = page_limit

    def pages(self, path: str, params: Mapping[str, str], max_pages: int | None) -> list[Page]:
        """The items of each page, up to the last page or `max_pages` of them.

        When a page is too large for Webex (504) or for us, the listing starts again with half as
        many items a page: a cursor may be bound to the `max` that it was issued for. Where Webex
        refuses the smaller `max` with 400, the original one is used.
        """
        current, may_shrink = params, True
        retry = self._new_retry()
        while True:
            smaller = with_half_max(current) if may_shrink else None
            try:
                pages = self._walk(path, current, retry, shrinks=smaller is not None)
                return list(islice(pages, max_pages))
            except PageTooLarge:
                current = smaller or current
            except Refused as error:
                if error.http_status != 400 or current == params:
                    raise
                current, may_shrink = params, False

    def _walk(
        self, path: str, params: Mapping[str, str], retry: RetryState, *, shrinks: bool
    ) -> Iterator[Page]:
        """The pages one by one; raises PageTooLarge only if it `shrinks`.

        `retry` is that of the first page, however often the listing starts again.
        """
        page: PageUrl | None = PageUrl(self._url_of(path, params))
        seen: set[str] = set()
        while page:
            if page.url in seen or len(seen) >= self._page_limit:
                raise BadResponse(f"Pagination loop in GET {path}.")
            # One fault of a later page is not worth fetching all those before it again.
            too_large_allowed = (1 if seen else 0) if shrinks else None
            is_later = bool(seen)
            seen.add(page.url)
            try:
                items, response = self._get(page, retry, too_large_allowed)
            except Refused as error:
                # 400 may still be about a smaller `max`; the caller sees to that.
                if not is_later or error.http_status == 400:
                    raise
                # The first page was allowed and found: this is about the link, such as a cursor
                # that has expired, and says nothing of what is listed.
                raise BadResponse(f"A later page is missing. {error}", error.http_status) from error
            yield items
            retry = self._new_retry()
            page = next_page(response.headers.get("Link", ""), page.url, params)
            if not page and params.get("max") == str(len(items)):
                _LOG.info("%s: the last page is full; is a next link missing?", response.request)

    def _get(
        self, page: PageUrl, retry: RetryState, too_large_allowed: int | None
    ) -> tuple[Page, Response]:
        """One page; by its original link, where Webex refuses the corrected one."""
        try:
            return self._get_page(page.url, retry, too_large_allowed)
        except Refused as error:
            if error.http_status != 400 or page.original is None:
                raise
        return self._get_page(page.original, self._new_retry(), None)
