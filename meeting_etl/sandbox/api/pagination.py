"""Pages: where they begin, by opaque cursors, and how long they are.

Belongs here: cursors, `max`, and cutting a list. Does not: which items a list has.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import NamedTuple

from meeting_etl.sandbox.api.answers import Listing, Refusal, Reply, RequestContext
from meeting_etl.sandbox.counters import Counters
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.faults.injection import url_key
from meeting_etl.sandbox.world.model import dice

LARGEST_PAGE = 100
_JSON = "application/json;charset=UTF-8"


class Place(NamedTuple):
    """Where a page begins, and whether an empty page is handed out in front of it."""

    first: int
    empty_before: bool


class Cursors:
    """Cursors that say nothing to who does not keep the list: one for each page handed out.

    The same question has the same cursors. A cursor is bound to its question: with another `max` or
    filter than that had, it is refused. It does not hold the filters, though: those are what the
    URL says, so that a client which drops them gets other people's items (docs/webex-api-notes.md).
    """

    def __init__(self, seed: int) -> None:
        self._key = f"cursor {seed}".encode()
        self._issued: dict[str, tuple[Place, dict[str, str]]] = {}

    def issue(self, about: str, query: Mapping[str, str], place: Place) -> str:
        """A cursor for that place in what the query selects."""
        text = f"{about} {sorted(query.items())} {place}".encode()
        cursor = hmac.new(self._key, text, hashlib.sha256).hexdigest()[:40]
        self._issued[cursor] = place, {k: v for k, v in query.items() if k != "cursor"}
        return cursor

    def place(self, cursor: str, query: Mapping[str, str]) -> Place:
        """The place that the cursor was issued for; refuses it in a query that has changed."""
        if cursor not in self._issued:
            raise Refusal(400, "The cursor is not one that was handed out.")
        place, issued = self._issued[cursor]
        for name, value in query.items():
            if name != "cursor" and issued.get(name) != value:
                raise Refusal(400, f"The cursor was not handed out for this {name}.")
        return place


class Pager:
    """Cuts lists into pages, with the oddities that Faults asks for."""

    def __init__(self, seed: int, faults: Faults, counters: Counters) -> None:
        self._seed = seed
        self._faults = faults
        self._counters = counters
        self._cursors = Cursors(seed)

    def cut(
        self, ask: RequestContext, path: str, listing: Listing, *, first_empty: bool, repeat: bool
    ) -> Reply:
        """The page that is asked for.

        `first_empty`: a first page is empty and leads on; `repeat`: a follow-up page begins with
        the last item of the one before.
        """
        size = self._size(ask.query, listing.page)
        cursor = ask.query.get("cursor")
        place = Place(0, first_empty) if cursor is None else self._cursors.place(cursor, ask.query)
        if place.empty_before:
            self._counters.note_injected("empty_first_page" if cursor is None else "empty_page")
            return self._page(ask, path, listing, slice(0, 0), Place(place.first, False))
        if repeat and place.first:
            self._counters.note_injected("repeated_items")
        end = place.first + size
        more = end < len(listing.items)
        after = Place(end, self._empty(path, ask.query, end)) if more else None
        return self._page(ask, path, listing, slice(max(0, place.first - repeat), end), after)

    def _page(
        self, ask: RequestContext, path: str, listing: Listing, shown: slice, after: Place | None
    ) -> Reply:
        reply = Reply({"items": [listing.render(one) for one in listing.items[shown]]}, _JSON)
        if after is not None:
            cursor = self._cursors.issue(f"{ask.kind} {path}", ask.query, after)
            reply.next_query = {**ask.query, "cursor": cursor}
        return reply

    def _empty(self, path: str, query: Mapping[str, str], first: int) -> bool:
        every = self._faults.empty_page_every
        filters = {name: value for name, value in query.items() if name != "cursor"}
        key = url_key(path, filters)
        return bool(every) and dice(self._seed, "empty", key, first).randrange(every) == 0

    def _size(self, query: Mapping[str, str], default: int) -> int:
        """`max`: silently 100 when larger, refused below 1 (docs/webex-api-notes.md)."""
        text = query.get("max", str(default))
        if not (text.isascii() and text.isdigit()) or int(text) < 1:
            raise Refusal(400, "max must be a number of at least 1.")
        size = min(int(text), LARGEST_PAGE)
        if 0 < self._faults.slow_pages_above < size:
            self._counters.note_injected("slow_page")
            raise Refusal(504, "The page takes too long; ask for fewer items.")
        return size
