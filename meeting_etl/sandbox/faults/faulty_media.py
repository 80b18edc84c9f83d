"""The faults of file downloads, as a layer around a healthy host (sandbox/media/host.py).

Belongs here: refused, slow, broken and stalled downloads, and Range that is ignored. Does not: what
the files hold (sandbox/media/files.py).
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from meeting_etl.sandbox.counters import Counters
from meeting_etl.sandbox.faults.broken_connections import Connections, stall
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.faults.picking import Picker
from meeting_etl.sandbox.layers import Handler, Refusal
from meeting_etl.sandbox.media.streaming import client_left
from meeting_etl.sandbox.world.model import seeded_rng

_PIECES_PER_SECOND = 20


class FaultyMedia:
    """Faults hit a file of a recording by attempt, whatever the ticket of its link is."""

    def __init__(
        self,
        faults: Faults,
        counters: Counters,
        connections: Connections,
        closing: Callable[[], bool],
    ) -> None:
        self._faults = faults
        self._counters = counters
        self._connections = connections
        self._closing = closing
        self._picker = Picker(faults)
        self._attempts: Counter[str] = Counter()

    def layer(self, handler: Handler) -> Handler:
        """The handler with the faults."""

        async def faulty(request: Request) -> Response:
            try:
                response = await handler(request)
            except Refusal as refusal:
                raise self._disguised(refusal) from None
            key = f"{request.state.seen.recording_id} {request.state.seen.kind}"
            self._attempts[key] += 1
            fault = self._picker.pick(key, self._faults.download_shares())
            if fault is not None:
                self._counters.note_injected(fault)
            if fault == "refused_media":
                raise Refusal(503, "The service is busy.", retry_after="1")
            if "Range" in request.headers and self._ignores_range(key):
                self._counters.note_injected("no_range")
                response = await handler(_without_range(request))
                del response.headers["Accept-Ranges"]
            return self._unsteady(response, key, fault)

        return faulty

    def _disguised(self, refusal: Refusal) -> Refusal:
        """As login pages are: in the eyes of HTTP all is well."""
        if refusal.status != 403 or not self._faults.media_html:
            return refusal
        self._counters.note_injected("media_html")
        return Refusal(200, "Please sign in to continue.")

    def _ignores_range(self, key: str) -> bool:
        rng = seeded_rng(self._faults.seed, key, "no_range", self._attempts[key])
        return rng.random() < self._faults.no_range

    def _unsteady(self, response: Response, key: str, fault: str | None) -> Response:
        length = int(response.headers.get("Content-Length", "0"))
        breaks = fault is not None and length > 0
        if not (breaks or self._faults.slow_media):
            return response
        rng = seeded_rng(self._faults.seed, key, "broken", self._attempts[key])
        return Unsteady(
            response,
            self._connections,
            self._closing,
            bytes_per_second=self._faults.slow_media,
            cut_after=rng.randrange(length) if breaks else None,
            stall_seconds=self._faults.stall_seconds if fault == "stalled_media" else 0.0,
        )


def _without_range(request: Request) -> Request:
    headers = [(name, value) for name, value in request.scope["headers"] if name != b"range"]
    return Request({**request.scope, "headers": headers}, request.receive)


class _EndedEarly(Exception):
    """The rest of the body is not sent."""


class Unsteady(Response):
    """Sends `sound` at a rate (0 = no limit), and only its first `cut_after` bytes (None = all).

    After those it stalls for so long and then closes the connection.
    """

    def __init__(
        self,
        sound: Response,
        connections: Connections,
        closing: Callable[[], bool],
        *,
        bytes_per_second: int,
        cut_after: int | None,
        stall_seconds: float,
    ) -> None:
        super().__init__(status_code=sound.status_code)
        self._sound = sound
        self._connections = connections
        self._closing = closing
        self._bytes_per_second = bytes_per_second
        self._left = cut_after
        self._stall_seconds = stall_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what is sent, and end well or not."""
        transport = self._connections[tuple(scope["client"])]

        async def send_some(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                return
            for piece in self._portions(message.get("body", b"")):
                await send({**message, "body": piece, "more_body": True})
                await asyncio.sleep(self._seconds(piece))
                if transport.is_closing() or self._closing():
                    raise _EndedEarly
            if self._left == 0:
                await stall(receive, self._stall_seconds, self._closing)
                raise _EndedEarly
            if not message.get("more_body"):
                await send({**message, "body": b""})

        try:
            await self._sound(scope, receive, send_some)
        except _EndedEarly:
            transport.close()
            await client_left(receive)

    def _portions(self, body: bytes) -> Iterator[bytes]:
        if self._left is not None:
            body = body[: self._left]
            self._left -= len(body)
        most = self._bytes_per_second // _PIECES_PER_SECOND if self._bytes_per_second else len(body)
        for begin in range(0, len(body), max(1, most)):
            yield body[begin : begin + most]

    def _seconds(self, piece: bytes) -> float:
        return len(piece) / self._bytes_per_second if self._bytes_per_second else 0.0
