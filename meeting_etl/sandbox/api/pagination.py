"""Pages: where they begin, by opaque cursors, and how long they are.

Belongs here: cursors, `max`, and cutting a list. Does not: which items a list has.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import NamedTuple

from meeting_etl.sandbox.api.context import RequestContext
from meeting_etl.sandbox.api.results import Listing
from meeting_etl.sandbox.counters import Counters
from meeting_etl.sandbox.json_values import Json
from meeting_etl.sandbox.layers import Refusal
from meeting_etl.sandbox.world.model import seeded_rng

LARGEST_PAGE = 100


class Place(NamedTuple):
    """Where a page begins, and whether an empty page precedes it."""

    first: int
    empty_before: bool


class Cursors:
    """Opaque cursors, one for each next page.

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
            raise Refusal(400, "The cursor is unknown.")
        place, issued = self._issued[cursor]
        for name, value in query.items():
            if name != "cursor" and issued.get(name) != value:
                raise Refusal(400, f"The cursor belongs to a request with another {name}.")
        return place


class Page(NamedTuple):
    """A page, and the query that leads to the next one."""

    items: list[Json]
    next_query: dict[str, str] | None = None


class Pager:
    """Cuts listings into pages.

    About one in `empty_page_every` follow-up pages is preceded by an empty one; 0 = none.
    """

    def __init__(self, seed: int, empty_page_every: int, counters: Counters) -> None:
        self._seed = seed
        self._empty_page_every = empty_page_every
        self._counters = counters
        self._cursors = Cursors(seed)

    def page(self, context: RequestContext, path: str, listing: Listing) -> Page:
        """The requested page."""
        size = _size(context.query, listing.page)
        cursor = context.query.get("cursor")
        place = Place(0, False) if cursor is None else self._cursors.place(cursor, context.query)
        if place.empty_before:
            self._counters.note_injected("empty_page")
            return Page([], self._next(context, path, Place(place.first, False)))
        end = place.first + size
        items = [listing.render(item) for item in listing.items[place.first : end]]
        if end >= len(listing.items):
            return Page(items)
        return Page(
            items, self._next(context, path, Place(end, self._empty(path, context.query, end)))
        )

    def _next(self, context: RequestContext, path: str, place: Place) -> dict[str, str]:
        cursor = self._cursors.issue(f"{context.kind} {path}", context.query, place)
        return {**context.query, "cursor": cursor}

    def _empty(self, path: str, query: Mapping[str, str], first: int) -> bool:
        every = self._empty_page_every
        filters = {name: value for name, value in query.items() if name != "cursor"}
        key = url_key(path, filters)
        return bool(every) and seeded_rng(self._seed, "empty", key, first).randrange(every) == 0


def _size(query: Mapping[str, str], default: int) -> int:
    """`max`: silently 100 when larger, refused below 1."""
    text = query.get("max", str(default))
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise Refusal(400, "max must be a number of at least 1.")
    return min(int(text), LARGEST_PAGE)


def url_key(path: str, query: Mapping[str, str]) -> str:
    """What identifies a request whenever it is sent: path and query without the end."""
    parameters = sorted((name, value) for name, value in query.items() if name != "to")
    return f"{path} {parameters}"
