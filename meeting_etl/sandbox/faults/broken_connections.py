"""Responses that break off below HTTP: reset, cut off, stalled.

Belongs here: what needs the connection itself. Does not: which request it hits (picking.py), file
downloads (faulty_media.py).
"""

import asyncio
import socket
import struct
from collections.abc import Callable, MutableMapping
from typing import Any, Literal

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from meeting_etl.sandbox.media.streaming import client_left

Connections = MutableMapping[Any, asyncio.Transport]
Breakage = Literal["reset", "cut", "stalled"]
_TICK_SECONDS = 0.05


def reachable(connections: Connections) -> type[asyncio.Protocol]:
    """Uvicorn's protocol, which notes the open connections by the address of the client."""

    class Reachable(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            connections[transport.get_extra_info("peername")] = transport

        def connection_lost(self, error: Exception | None) -> None:
            connections.pop(self.transport.get_extra_info("peername"), None)
            super().connection_lost(error)

    return Reachable


class Broken(Response):
    """Sends `sound` up to a point and then breaks the connection.

    reset: nothing is sent; cut: half of the body; stalled: the headers, and the connection is
    closed after `stall_seconds` (or when the client leaves, or the sandbox closes).
    """

    def __init__(
        self,
        sound: Response,
        how: Breakage,
        connections: Connections,
        stall_seconds: float = 0.0,
        closing: Callable[[], bool] = lambda: False,
    ) -> None:
        # Of a connection that was reset no status is ever received.
        super().__init__(status_code=0 if how == "reset" else sound.status_code)
        self._sound = sound
        self._how = how
        self._connections = connections
        self._stall_seconds = stall_seconds
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what is sent, break, and wait until the connection is gone."""
        transport = self._connections[tuple(scope["client"])]
        if self._how == "reset":
            # Lingering for zero seconds makes the kernel answer with RST instead of FIN.
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
            transport.abort()
        else:
            await self._begin(send)
        if self._how == "stalled":
            await stall(receive, self._stall_seconds, self._closing)
        if self._how != "reset":
            transport.close()
        await client_left(receive)

    async def _begin(self, send: Send) -> None:
        body = bytes(self._sound.body)
        start = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self._sound.raw_headers,
        }
        await send(start)
        half = body[: len(body) // 2] if self._how == "cut" else b""
        await send({"type": "http.response.body", "body": half, "more_body": True})


async def stall(receive: Receive, seconds: float, closing: Callable[[], bool]) -> None:
    """Do nothing for so long, or until the client leaves or the sandbox closes."""
    gone = asyncio.ensure_future(client_left(receive))
    waited = 0.0
    while waited < seconds and not gone.done() and not closing():
        await asyncio.wait({gone}, timeout=_TICK_SECONDS)
        waited += _TICK_SECONDS
    gone.cancel()
