"""How responses are written: JSON, pages with their next link, errors.

Belongs here: bodies and headers. Does not: what a response says (app.py and the endpoints).
"""

import itertools
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from meeting_etl.sandbox.api.pagination import Page
from meeting_etl.sandbox.json_values import Json
from meeting_etl.sandbox.layers import Refusal

JSON_TYPE = "application/json;charset=UTF-8"


class Responses:
    """Makes the responses of one API, each with a tracking id of its own."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def json(self, document: Json) -> Response:
        """One JSON object."""
        return Response(msgspec.json.encode(document), 200, self._headers(), JSON_TYPE)

    def text(self, text: str, content_type: str, status: int = 200) -> Response:
        """A file, or nothing at all."""
        return Response(text.encode(), status, self._headers(), content_type)

    def page(self, request: Request, page: Page) -> Response:
        """A page of a listing; its Link header leads to the next one."""
        response = self.json({"items": page.items})
        if page.next_query is not None:
            response.headers["Link"] = link(request.headers["Host"], request, page.next_query)
        return response

    def error(self, refusal: Refusal) -> Response:
        """An error in the API's own form."""
        headers = self._headers()
        body = {
            "message": refusal.message,
            "errors": [{"description": refusal.message}],
            "trackingId": headers["trackingId"],
        }
        if refusal.retry_after is not None:
            headers["Retry-After"] = refusal.retry_after
        return Response(msgspec.json.encode(body), refusal.status, headers, JSON_TYPE)

    def _headers(self) -> dict[str, str]:
        return {"trackingId": f"SANDBOX_{next(self._numbers):012d}"}


def link(host: str, request: Request, query: dict[str, str]) -> str:
    """The value of a Link header that leads to another page of a request's listing."""
    return f'<http://{host}{request.url.path}?{urlencode(query)}>; rel="next"'
