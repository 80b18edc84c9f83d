"""The faults of the API, as two layers around a healthy one (sandbox/api/app.py).

Belongs here: in which order the faults of a request take effect. Does not: which requests are hit
(picking.py), what damage looks like (damage.py, damaged_pages.py, broken_connections.py).
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.utils import format_datetime
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from meeting_etl.sandbox.api.pagination import LARGEST_PAGE, url_key
from meeting_etl.sandbox.api.responses import JSON_TYPE
from meeting_etl.sandbox.api.results import DEFAULT_PAGE
from meeting_etl.sandbox.api.routes import RENEWAL_PATH
from meeting_etl.sandbox.counters import Counters
from meeting_etl.sandbox.faults.broken_connections import Breakage, Broken, Connections
from meeting_etl.sandbox.faults.damage import CHANGES, DAMAGES, HTML, resize
from meeting_etl.sandbox.faults.damaged_pages import EmptyFirstPages, RepeatedItems
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.faults.picking import Picker
from meeting_etl.sandbox.faults.reply import Reply
from meeting_etl.sandbox.layers import Handler, Refusal
from meeting_etl.times import Clock

_STATUSES = {
    "locked": 423,
    "internal_error": 500,
    "unavailable": 503,
    "gateway_timeout": 504,
    "unauthorized": 401,
}
_BREAKAGES = {"connection_reset": "reset", "truncated_body": "cut", "stalled": "stalled"}


class FaultyApi:
    """`gateway` is around everything, `backend` between the token check and the endpoints.

    `revoke` revokes all access tokens; `meeting_of` returns the meeting of an id in a path.
    """

    def __init__(
        self,
        faults: Faults,
        counters: Counters,
        clock: Clock,
        revoke: Callable[[], None],
        meeting_of: Callable[[str], str | None],
        connections: Connections,
        closing: Callable[[], bool],
    ) -> None:
        self._faults = faults
        self._counters = counters
        self._clock = clock
        self._revoke = revoke
        self._meeting_of = meeting_of
        self._connections = connections
        self._closing = closing
        self._damages = faults.response_shares()
        self._changes = faults.change_shares()
        self._picker = Picker(faults)
        self._empty_first_pages = EmptyFirstPages()
        self._repeated_items = RepeatedItems()
        self._renewals = 0

    def gateway(self, handler: Handler) -> Handler:
        """Latency, revoked tokens, and other forms of Retry-After with a 429."""

        async def faulty(request: Request) -> Response:
            if self._faults.latency_ms:
                await asyncio.sleep(self._faults.latency_ms / 1000)
            if 0 < self._faults.revoke_after == self._counters.total and not _renews(request):
                self._counters.note_injected("revoked")
                self._revoke()
            response = await handler(request)
            return self._rephrased(response) if response.status_code == 429 else response

        return faulty

    def backend(self, handler: Handler) -> Handler:
        """All other faults."""

        async def faulty(request: Request) -> Response:
            if _renews(request):
                return await self._renewed(handler, request)
            if self._is_astray(request):
                self._counters.note_token_elsewhere()
                request.state.damaged = True
                return Response('{"items":[]}', media_type=JSON_TYPE)
            self._refuse_scope(request)
            key = _key(request)
            fault = self._picker.pick(key, self._damages)
            if fault == "bad_gateway":
                self._counters.note_injected(fault)
                return Response(HTML, 502, media_type="text/html")
            self._refuse(fault)
            self._refuse_meeting(request)
            response = await handler(self._empty_first_pages.resolved(request))
            return self._damaged(request, response, fault, self._picker.lasting(key, self._changes))

        return faulty

    def _rephrased(self, response: Response) -> Response:
        form, seconds = self._faults.retry_after, response.headers["Retry-After"]
        if form == "html":
            return Response(HTML, 429, {"Retry-After": seconds}, "text/html")
        if form == "nonsense":
            response.headers["Retry-After"] = "rand(30),add(30)"
        if form == "date":
            # One second more, because the date has no fractions.
            until = self._clock.now() + timedelta(seconds=int(seconds) + 1)
            response.headers["Retry-After"] = format_datetime(until, usegmt=True)
        return response

    async def _renewed(self, handler: Handler, request: Request) -> Response:
        if 0 <= self._faults.refuse_refresh_after <= self._renewals:
            self._counters.note_injected("refuse_refresh_after")
            raise Refusal(400, "The refresh token is refused on purpose.")
        response = await handler(request)
        self._renewals += 1
        return response

    def _is_astray(self, request: Request) -> bool:
        """Whether the client followed a link to another host, and sent its token there."""
        host = request.headers.get("Host", "")
        return self._faults.foreign_next_link > 0 and host.startswith("localhost")

    def _refuse_scope(self, request: Request) -> None:
        if self._faults.no_people_scope and request.url.path == "/v1/people/me":
            raise Refusal(403, "The token has none of the scopes that this needs.")

    def _refuse(self, fault: str | None) -> None:
        status = _STATUSES.get(fault or "")
        if fault is not None and status is not None:
            self._counters.note_injected(fault)
            raise Refusal(status, "On purpose.", retry_after="1" if status == 423 else None)

    def _refuse_meeting(self, request: Request) -> None:
        meeting_id = request.query_params.get("meetingId") or self._meeting_of(
            request.path_params.get("id", "")
        )
        status = self._faults.meeting_status.get(meeting_id or "")
        if status is not None:
            self._counters.note_injected(f"meeting_status {status}")
            raise Refusal(status, "This meeting is refused on purpose.")

    def _damaged(
        self, request: Request, response: Response, fault: str | None, changes: list[str]
    ) -> Response:
        reply = Reply.of(response)
        self._hide_refused_meetings(reply)
        self._refuse_slow_page(request.query_params, reply)
        if self._faults.wrong_sizes:
            resize(reply, self._faults.seed, self._faults.wrong_sizes)
        if self._repeated_items.repeat(request, reply, wanted="repeated_items" in changes):
            self._counters.note_injected("repeated_items")
        self._damage(request, reply, fault)
        for name in changes:
            if name in CHANGES:
                self._counters.note_injected(name)
                CHANGES[name](reply)
        return self._sent(request, reply.response(request), fault)

    def _damage(self, request: Request, reply: Reply, fault: str | None) -> None:
        if fault == "empty_first_page" and self._empty_first_pages.empty(request, reply):
            self._counters.note_injected(fault)
        damage = DAMAGES.get(fault or "")
        if fault and damage is not None and damage(reply, request.query_params):
            request.state.damaged = True
            self._counters.note_injected(fault)

    def _sent(self, request: Request, response: Response, fault: str | None) -> Response:
        if fault is None or fault not in _BREAKAGES:
            return response
        request.state.damaged = True
        self._counters.note_injected(fault)
        how = cast(Breakage, _BREAKAGES[fault])
        seconds = self._faults.stall_seconds
        return Broken(response, how, self._connections, seconds, self._closing)

    def _hide_refused_meetings(self, reply: Reply) -> None:
        hidden = self._faults.meeting_status
        if hidden and reply.listed is not None:
            reply.listed[:] = [
                item
                for item in reply.listed
                if item.get("meetingId") not in hidden and item.get("id") not in hidden
            ]

    def _refuse_slow_page(self, query: Mapping[str, str], reply: Reply) -> None:
        most = self._faults.slow_pages_above
        size = min(int(query.get("max", DEFAULT_PAGE)), LARGEST_PAGE) if reply.listed else 0
        if 0 < most < size:
            self._counters.note_injected("slow_page")
            raise Refusal(504, "The page takes too long; request fewer items.")


def _renews(request: Request) -> bool:
    return request.url.path == f"/v1{RENEWAL_PATH}"


def _key(request: Request) -> str:
    method = "" if request.method == "GET" else f"{request.method} "
    return url_key(method + request.url.path, request.query_params)
