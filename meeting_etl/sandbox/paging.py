"""Pages: opaque cursors and Link headers (RFC 5988).

Belongs here: where a page begins and what the next link looks like. Does not: which items.
"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlencode

from meeting_etl.sandbox.answers import Refusal


class Cursors:
    """Cursors that say nothing to who does not keep the list: one for each page handed out.

    The same question has the same cursors. A cursor is a place in a list and nothing more: the
    filters are those of the URL, so that a client which drops them gets other people's items
    (webex-api.md 2.1).
    """

    def __init__(self, seed: int) -> None:
        self._key = f"cursor {seed}".encode()
        self._places: dict[str, tuple[int, bool]] = {}

    def issue(self, url: str, place: int, *, empty_before: bool = False) -> str:
        """A cursor for the page that begins at `place`; with an empty page in front of it."""
        text = f"{url} {place} {empty_before}".encode()
        cursor = hmac.new(self._key, text, hashlib.sha256).hexdigest()[:40]
        self._places[cursor] = (place, empty_before)
        return cursor

    def place(self, query: Mapping[str, str]) -> tuple[int, bool]:
        """Where the page begins, and whether an empty one comes first."""
        cursor = query.get("cursor")
        if cursor is None:
            return 0, False
        try:
            return self._places[cursor]
        except KeyError:
            raise Refusal(400, "The cursor is not one that was handed out.") from None


def next_link(base: str, query: Mapping[str, str], cursor: str) -> str:
    """The value of a Link header that leads to the page of the cursor."""
    parameters = {name: value for name, value in query.items() if name != "cursor"}
    return f'<{base}?{urlencode({**parameters, "cursor": cursor})}>; rel="next"'
