"""Sandbox: a Webex of one's own over real HTTP.

Belongs here: the server, the routes, who may use which, and how an answer becomes bytes. Does not:
what an endpoint selects (meetings.py, assets.py) and what goes wrong on purpose (faults.py).
"""

import asyncio
import itertools
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from meeting_etl.sandbox import assets, meetings, oauth
from meeting_etl.sandbox.answers import Answer, Ask, Item, Listing, Refusal, Text, page_size
from meeting_etl.sandbox.faults import Counters, Faults, Seen
from meeting_etl.sandbox.index import Index
from meeting_etl.sandbox.model import Kind, World, dice
from meeting_etl.sandbox.oauth import Tokens
from meeting_etl.sandbox.paging import Cursors, next_link
from meeting_etl.times import Clock

_JSON = "application/json;charset=UTF-8"
_ALL: tuple[Kind, ...] = ("user", "admin", "compliance")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A GET route and the token kinds whose scopes allow it (webex-api.md 1.3)."""

    path: str
    handler: Callable[[Ask], Answer]
    kinds: tuple[Kind, ...] = _ALL


ENDPOINTS = (
    Endpoint("/meetings", meetings.list_meetings, ("user", "admin")),
    Endpoint("/meetings/{id}", meetings.get_meeting, ("user", "admin")),
    Endpoint("/admin/meetings/{id}", meetings.get_admin_meeting, ("admin", "compliance")),
    Endpoint("/meetingParticipants", meetings.list_participants),
    Endpoint("/recordings", assets.list_recordings),
    Endpoint("/recordings/{id}", assets.get_recording),
    Endpoint("/admin/recordings", assets.list_admin_recordings, ("admin", "compliance")),
    Endpoint("/meetingTranscripts", assets.list_transcripts),
    Endpoint("/admin/meetingTranscripts", assets.list_admin_transcripts, ("compliance",)),
    Endpoint("/meetingTranscripts/{id}/snippets", assets.list_snippets, ("user", "compliance")),
    Endpoint("/meetingTranscripts/{id}/download", assets.download_transcript),
    Endpoint("/authorizations/tokenExpiry", oauth.token_expiry),
)

NOTHING = Endpoint("", lambda _: Item({}))


class Sandbox:
    """A Webex that knows one world.

    As a context manager it serves on a free port of 127.0.0.1 from a thread of its own. The present
    is asked of `clock` at every request, so that tests can move it.
    """

    def __init__(
        self, world: World, clock: Clock | None = None, faults: Faults | None = None
    ) -> None:
        self.world = world
        self.clock = clock or Clock()
        self.faults = faults or Faults()
        self.counters = Counters()
        self.base_url = ""
        self._index = Index(world)
        self._cursors = Cursors(world.seed)
        self._tokens = Tokens(world.seed, self.faults.access_token_seconds)
        self._tracking = itertools.count(1)
        self.client_id = self._tokens.client_id
        self.client_secret = self._tokens.client_secret
        self.refresh_token = self.grant("user")

    def token(self, kind: Kind) -> str:
        """A valid bearer token of that kind."""
        return self._tokens.access(kind, self.clock.now())

    def grant(self, kind: Kind) -> str:
        """A new refresh token, good for one use, that leads to access tokens of that kind."""
        return self._tokens.grant(kind, self.clock.now())

    def __enter__(self) -> Self:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        self._server = uvicorn.Server(self._config())
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="webex-sandbox", daemon=True
        )
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("The sandbox did not start.")
            Clock().sleep(0.005)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()

    def serve_forever(self, port: int) -> None:
        """Serve on 127.0.0.1 in this thread until interrupted; port 0 picks a free one."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        self.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        uvicorn.Server(self._config()).run([listener])

    def _config(self) -> uvicorn.Config:
        return uvicorn.Config(
            Starlette(routes=self._routes()),
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=1,
        )

    def _routes(self) -> list[Route]:
        routes = [
            Route(f"/v1{endpoint.path}", self._serve(endpoint), methods=["GET"])
            for endpoint in ENDPOINTS
        ]
        return [
            *routes,
            Route("/v1/access_token", self._refresh, methods=["POST"]),
            Route("/{rest:path}", self._serve(NOTHING), methods=None),
        ]

    def _serve(self, endpoint: Endpoint) -> Callable[[Request], object]:
        async def serve(request: Request) -> Response:
            if self.faults.latency_ms:
                await asyncio.sleep(self.faults.latency_ms / 1000)
            try:
                response = self._answer(endpoint, request)
            except Refusal as refusal:
                response = self._refusal(refusal)
            return self._noted(request, endpoint.path, response)

        return serve

    def _noted(self, request: Request, route: str, response: Response) -> Response:
        url = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        seen = Seen(request.method, url, response.status_code)
        self.counters.note(seen, route, complete=response.status_code == 200)
        return response

    def _answer(self, endpoint: Endpoint, request: Request) -> Response:
        now = self.clock.now()
        if endpoint is NOTHING:
            raise Refusal(404 if request.method == "GET" else 405, "There is nothing of that kind.")
        token = self._tokens.check(request.headers.get("Authorization"), now)
        if token.kind not in endpoint.kinds:
            raise Refusal(403, "The token has none of the scopes that this needs.")
        callers = {
            "user": self.world.owner,
            "admin": self.world.admin,
            "compliance": self.world.officer,
        }
        query = dict(request.query_params)
        ask = Ask(
            index=self._index,
            kind=token.kind,
            caller=callers[token.kind],
            now=now,
            query=query,
            path_id=request.path_params.get("id", ""),
            token_expires_at=token.expires_at,
        )
        answer = endpoint.handler(ask)
        if isinstance(answer, Text):
            return self._response(200, answer.body.encode(), answer.content_type)
        if isinstance(answer, Item):
            return self._response(200, msgspec.json.encode(answer.body), _JSON)
        return self._page(ask, request.url.path, answer)

    def _page(self, ask: Ask, path: str, listing: Listing) -> Response:
        size = page_size(ask.query)
        place, empty = self._cursors.place(ask.query)
        url = f"{ask.kind} {path} {sorted(ask.query.items())}"
        if empty:
            items, following = [], self._cursors.issue(url, place)
        else:
            items = [listing.render(one) for one in listing.items[place : place + size]]
            following = None
            if place + size < len(listing.items):
                following = self._cursors.issue(
                    url, place + size, empty_before=self._empty_page(url, place + size)
                )
        response = self._response(200, msgspec.json.encode({"items": items}), _JSON)
        if following is not None:
            base = self.base_url.removesuffix("/v1") + path
            response.headers["Link"] = next_link(base, ask.query, following)
        return response

    def _empty_page(self, url: str, place: int) -> bool:
        every = self.faults.empty_page_every
        return bool(every) and dice(self.world.seed, "empty", url, place).randrange(every) == 0

    async def _refresh(self, request: Request) -> Response:
        body = (await request.body()).decode("utf-8", "replace")
        form = dict(parse_qsl(body, keep_blank_values=True))
        try:
            answer = self._tokens.refresh(form, self.clock.now())
            response = self._response(200, msgspec.json.encode(answer), _JSON)
        except Refusal as refusal:
            response = self._refusal(refusal)
        return self._noted(request, "/access_token", response)

    def _refusal(self, refusal: Refusal) -> Response:
        tracking_id = f"SANDBOX_{next(self._tracking):012d}"
        body = {
            "message": refusal.message,
            "errors": [{"description": refusal.message}],
            "trackingId": tracking_id,
        }
        return Response(
            msgspec.json.encode(body),
            refusal.status,
            {"trackingId": tracking_id, **refusal.headers},
            _JSON,
        )

    def _response(self, status: int, body: bytes, content_type: str) -> Response:
        headers = {"trackingId": f"SANDBOX_{next(self._tracking):012d}"}
        return Response(body, status, headers, content_type)
