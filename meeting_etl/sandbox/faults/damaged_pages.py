"""Listings that begin with an empty page, and pages that repeat an item.

Belongs here: what has to be remembered from page to page. Does not: which listings are hit
(faulty_api.py), damage within one page (damage.py).
"""

import hashlib
from urllib.parse import urlencode

from starlette.requests import Request

from meeting_etl.sandbox.api.pagination import url_key
from meeting_etl.sandbox.faults.reply import Reply
from meeting_etl.sandbox.json_values import Json


class EmptyFirstPages:
    """Puts an empty page in front of a listing, whose next link has a cursor of its own."""

    def __init__(self) -> None:
        self._queries: dict[str, dict[str, str]] = {}

    def empty(self, request: Request, reply: Reply) -> bool:
        """Make the first page of a listing an empty one; False if it is not such a page."""
        query = dict(request.query_params)
        if reply.listed is None or "cursor" in query:
            return False
        key = f"{request.headers.get('Authorization')} {url_key(request.url.path, query)}"
        cursor = hashlib.sha256(key.encode()).hexdigest()[:40]
        self._queries[cursor] = query
        reply.document = {"items": []}
        reply.next_query = {**query, "cursor": cursor}
        return True

    def resolved(self, request: Request) -> Request:
        """The request for the real first page, where the cursor is one of these."""
        query = dict(request.query_params)
        cursor = query.pop("cursor", "")
        if self._queries.get(cursor) != query:
            return request
        scope = {**request.scope, "query_string": urlencode(query).encode()}
        return Request(scope, request.receive)


class RepeatedItems:
    """Puts the last item of a page also at the beginning of the page that follows."""

    def __init__(self) -> None:
        self._last: dict[str, Json] = {}

    def repeat(self, request: Request, reply: Reply, *, wanted: bool) -> bool:
        """Remember the page, and make it repeat an item if wanted; False if there is none."""
        before = self._last.get(request.query_params.get("cursor", ""))
        items = reply.listed
        if items is None:
            return False
        last = items[-1] if items else before
        if reply.next_query is not None and last is not None:
            self._last[reply.next_query["cursor"]] = dict(last)
        if not wanted or not items or before is None:
            return False
        items.insert(0, dict(before))
        return True
