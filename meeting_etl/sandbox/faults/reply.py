"""A response taken apart, so that faults can change it.

Belongs here: from a response to its parts and back. Does not: what is changed (damage.py,
damaged_pages.py).
"""

from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from meeting_etl.sandbox.api.responses import link
from meeting_etl.sandbox.json_values import Json

_REWRITTEN = ("content-length", "content-type", "link")


@dataclass(slots=True)
class Reply:
    """The parts of a response with a body.

    `document` is text or what becomes JSON; `next_query` leads to the next page, on `next_host` if
    that is another.
    """

    document: Json | str
    content_type: str
    status: int
    headers: dict[str, str]
    next_query: dict[str, str] | None = None
    next_host: str | None = None

    @classmethod
    def of(cls, response: Response) -> Self:
        """The parts of a sound response."""
        content_type = response.headers.get("Content-Type", "")
        is_json = content_type.startswith("application/json") and response.body
        text = bytes(response.body)
        target = response.headers.get("Link", "").partition("<")[2].partition(">")[0]
        return cls(
            msgspec.json.decode(text) if is_json else text.decode(),
            content_type,
            response.status_code,
            {name: value for name, value in response.headers.items() if name not in _REWRITTEN},
            dict(parse_qsl(urlsplit(target).query, keep_blank_values=True)) if target else None,
        )

    def response(self, request: Request) -> Response:
        """The response that the parts make."""
        headers = dict(self.headers)
        if self.next_query is not None:
            host = request.headers["Host"]
            if self.next_host is not None:
                host = host.replace(host.partition(":")[0], self.next_host)
            headers["Link"] = link(host, request, self.next_query)
        is_text = isinstance(self.document, str)
        body = str(self.document).encode() if is_text else msgspec.json.encode(self.document)
        return Response(body, self.status, headers, self.content_type)

    @property
    def listed(self) -> list[Json] | None:
        """Items of a listing; None where it is no listing."""
        return None if isinstance(self.document, str) else self.document.get("items")

    @property
    def items(self) -> list[Json]:
        """Items of a listing; the object itself where it is one."""
        if isinstance(self.document, str):
            return []
        items: list[Json] = self.document.get("items", [self.document])
        return items
