"""The front: from a request to an answer in bytes.

Belongs here: the order in which a request is judged, and the forms of answers and errors. Does not:
which endpoints there are (routes.py), what one selects or does (meetings.py,
recordings_and_transcripts.py, webhooks.py), and the download host (sandbox/media/host.py).
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal, cast
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from meeting_etl.sandbox.api import oauth
from meeting_etl.sandbox.api.answers import (
    Answer,
    Item,
    Nothing,
    Refusal,
    Reply,
    RequestContext,
    Text,
)
from meeting_etl.sandbox.api.json_values import Json
from meeting_etl.sandbox.api.pagination import Pager
from meeting_etl.sandbox.api.rate_limit import RateLimit
from meeting_etl.sandbox.api.routes import ENDPOINTS, Endpoint
from meeting_etl.sandbox.api.webhook_registry import Registry
from meeting_etl.sandbox.counters import Counters, Seen
from meeting_etl.sandbox.faults.broken_connections import Broken, Connections
from meeting_etl.sandbox.faults.corruption import HTML
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.faults.injection import Injector
from meeting_etl.sandbox.media.files import Media
from meeting_etl.sandbox.media.host import Downloads
from meeting_etl.sandbox.media.tickets import Tickets
from meeting_etl.sandbox.world.changes import Changes
from meeting_etl.sandbox.world.index import Index
from meeting_etl.sandbox.world.model import World
from meeting_etl.times import Clock

_JSON = "application/json;charset=UTF-8"
_SENDING = ("POST", "PUT", "PATCH")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_BREAKING = {"connection_reset": "reset", "truncated_body": "cut", "stalled": "stalled"}


class Front:
    """Everything between HTTP and the endpoints, for one sandbox."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        faults: Faults,
        counters: Counters,
        tokens: oauth.Tokens,
        registry: Registry,
        changes: Changes,
        closing: Callable[[], bool],
    ) -> None:
        self.connections: Connections = {}
        self._callers = {"user": world.owner, "admin": world.admin, "compliance": world.officer}
        self._index = Index(world)
        self._clock = clock
        self._faults = faults
        self._counters = counters
        self._tokens = tokens
        self._registry = registry
        self._changes = changes
        self._closing = closing
        self._pager = Pager(world.seed, faults, counters)
        self._injector = Injector(faults, counters)
        self._limit = RateLimit(faults, clock, counters)
        self._tracking = itertools.count(1)
        self._renewals = 0
        self.media = Media(self._index, faults)
        self._tickets = Tickets(self._index, faults)
        self._downloads = Downloads(
            self._tickets, self.media, clock, faults, counters, self.connections, closing
        )

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route(f"/v1{endpoint.path}", self._serve(endpoint), methods=[endpoint.method])
            for endpoint in ENDPOINTS
        ]
        token = Route(
            "/v1/access_token", self._noted("/access_token", self._token), methods=["POST"]
        )
        files = Route("/nbr/{rest:path}", self._downloads.serve, methods=list(_METHODS))
        rest = Route("/{rest:path}", self._noted("", self._nothing), methods=list(_METHODS))
        return Starlette(routes=[*routes, token, files, rest])

    def _serve(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> tuple[Response, bool]:
            return self._judge(endpoint, request, await request.body())

        return self._noted(endpoint.path, serve)

    def _noted(
        self, route: str, serve: Callable[[Request], Awaitable[tuple[Response, bool]]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """What every request meets: latency, rate limit, error bodies, counting."""

        async def noted(request: Request) -> Response:
            if self._faults.latency_ms:
                await asyncio.sleep(self._faults.latency_ms / 1000)
            try:
                self._limit.admit()
                response, complete = await serve(request)
            except Refusal as refusal:
                response, complete = self._refusal(refusal), False
            url = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            status = 0 if isinstance(response, Broken) and response.how == "reset" else None
            seen = Seen(request.method, url, response.status_code if status is None else status)
            self._counters.note(seen, route, complete=complete)
            return response

        return noted

    def _judge(self, endpoint: Endpoint, request: Request, body: bytes) -> tuple[Response, bool]:
        """The answer, and whether it is sound."""
        path, query = request.url.path, dict(request.query_params)
        if 0 < self._faults.revoke_after == self._counters.total:
            self._counters.note_injected("revoked")
            self._tokens.revoke()
        ask = self._ask(endpoint, request, query, body)
        if self._led_astray(request):
            return self._response(request, Reply({"items": []}, _JSON)), False
        method = "" if endpoint.method == "GET" else f"{endpoint.method} "
        fault = self._injector.choose(method + path, query)
        self._injector.refuse(fault)
        self._injector.refuse_meeting(query.get("meetingId") or self._index.meeting_of(ask.path_id))
        changes = self._injector.changes(path, query)
        reply = self._reply(ask, path, endpoint.handler(ask), fault, changes)
        spoilt = self._injector.spoil(fault, reply, query)
        for name in changes:
            self._injector.change(name, reply)
        response = self._response(request, reply)
        if fault in _BREAKING:
            self._counters.note_injected(fault)
            return self._broken(response, _BREAKING[fault]), False
        return response, not spoilt

    def _ask(
        self, endpoint: Endpoint, request: Request, query: dict[str, str], body: bytes
    ) -> RequestContext:
        now = self._clock.now()
        token = self._tokens.check(request.headers.get("Authorization"), now)
        unscoped = self._faults.no_people_scope and endpoint.path == "/people/me"
        if token.kind not in endpoint.kinds or unscoped:
            raise Refusal(403, "The token has none of the scopes that this needs.")
        return RequestContext(
            index=self._index,
            kind=token.kind,
            caller=self._callers[token.kind],
            now=now,
            query=query,
            path_id=request.path_params.get("id", ""),
            token_expires_at=token.expires_at,
            webhooks=self._registry,
            changes=self._changes,
            media=self.media,
            tickets=self._tickets,
            port=request.headers.get("Host", "").partition(":")[2],
            longest_window_days=self._faults.longest_window_days,
            body=_document(request, body, endpoint.takes) if endpoint.method in _SENDING else {},
        )

    def _led_astray(self, request: Request) -> bool:
        """Whether the client followed a link to another host, with the token at that."""
        host = request.headers.get("Host", "")
        astray = self._faults.foreign_next_link > 0 and host.startswith("localhost")
        if astray:
            self._counters.note_token_elsewhere()
        return astray

    def _reply(
        self, ask: RequestContext, path: str, answer: Answer, fault: str | None, changes: list[str]
    ) -> Reply:
        if isinstance(answer, Text):
            return Reply(answer.body, answer.content_type)
        if isinstance(answer, Item):
            return Reply(answer.body, _JSON)
        if isinstance(answer, Nothing):
            return Reply("", _JSON, status=204)
        shown = replace(answer, items=self._injector.without_refused(answer.items))
        return self._pager.cut(
            ask,
            path,
            shown,
            first_empty=fault == "empty_first_page",
            repeat="repeated_items" in changes,
        )

    def _response(self, request: Request, reply: Reply) -> Response:
        headers = {"trackingId": f"SANDBOX_{next(self._tracking):012d}"}
        if reply.next_query is not None:
            host = request.headers["Host"]
            if reply.next_host is not None:
                host = host.replace(host.partition(":")[0], reply.next_host)
            link = f"http://{host}{request.url.path}?{urlencode(reply.next_query)}"
            headers["Link"] = f'<{link}>; rel="next"'
        text = isinstance(reply.document, str)
        body = str(reply.document).encode() if text else msgspec.json.encode(reply.document)
        return Response(body, reply.status, headers, reply.content_type)

    def _broken(self, sound: Response, how: str) -> Broken:
        return Broken(
            sound,
            cast(Literal["reset", "cut", "stalled"], how),
            self.connections,
            self._faults.stall_seconds,
            self._closing,
        )

    async def _token(self, request: Request) -> tuple[Response, bool]:
        """POST /access_token; its body is a form."""
        body = (await request.body()).decode("utf-8", "replace")
        if 0 <= self._faults.refuse_refresh_after <= self._renewals:
            self._counters.note_injected("refuse_refresh_after")
            raise Refusal(400, "The refresh token is refused on purpose.")
        document = self._tokens.refresh(dict(parse_qsl(body)), self._clock.now())
        self._renewals += 1
        return self._response(request, Reply(document, _JSON)), True

    async def _nothing(self, request: Request) -> tuple[Response, bool]:
        # Without the version the real host answers 404 in the API's own words, too.
        head, version, path = request.url.path.partition("/v1")
        known = version and not head and any(endpoint.matches(path) for endpoint in ENDPOINTS)
        raise Refusal(405 if known else 404, "There is nothing of that kind.")

    def _refusal(self, refusal: Refusal) -> Response:
        tracking_id = f"SANDBOX_{next(self._tracking):012d}"
        headers = {"trackingId": tracking_id}
        if refusal.retry_after is not None:
            headers["Retry-After"] = refusal.retry_after
        if refusal.html:
            return Response(HTML, refusal.status, headers, "text/html")
        body = {
            "message": refusal.message,
            "errors": [{"description": refusal.message}],
            "trackingId": tracking_id,
        }
        return Response(msgspec.json.encode(body), refusal.status, headers, _JSON)


def _document(request: Request, body: bytes, takes: str) -> Json:
    """The JSON object of a request."""
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != takes:
        raise Refusal(415, f"The body must be {takes}.")
    try:
        return msgspec.json.decode(body, type=Json)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal(400, "The body must be a JSON object.") from None
