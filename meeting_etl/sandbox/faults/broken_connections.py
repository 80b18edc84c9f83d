"""Answers that break off below HTTP: reset, cut off, stalled.

Belongs here: what needs the connection itself. Does not: which request it hits (injection.py).
"""

import asyncio
import socket
import struct
from collections.abc import Callable, MutableMapping
from typing import Any, Literal

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

Connections = MutableMapping[Any, asyncio.Transport]
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

    reset: nothing is sent; cut: half of the body; stalled: the headers, and after `stall_seconds`
    (or when the client leaves, or the sandbox closes) the end.
    """

    def __init__(
        self,
        sound: Response,
        how: Literal["reset", "cut", "stalled"],
        connections: Connections,
        stall_seconds: float = 0.0,
        closing: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(status_code=sound.status_code)
        self._sound = sound
        self.how = how
        self._connections = connections
        self._stall_seconds = stall_seconds
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what is sent, break, and wait until the connection is gone."""
        transport = self._connections[tuple(scope["client"])]
        if self.how == "reset":
            # Lingering for zero seconds makes the kernel answer with RST instead of FIN.
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
            transport.abort()
        else:
            await self._begin(send)
        if self.how == "stalled":
            await hold(receive, self._stall_seconds, self._closing)
        if self.how != "reset":
            transport.close()
        await left(receive)

    async def _begin(self, send: Send) -> None:
        body = bytes(self._sound.body)
        start = {
            "type": "http.response.start",
            "status": self._sound.status_code,
            "headers": self._sound.raw_headers,
        }
        await send(start)
        half = body[: len(body) // 2] if self.how == "cut" else b""
        await send({"type": "http.response.body", "body": half, "more_body": True})


async def hold(receive: Receive, seconds: float, closing: Callable[[], bool]) -> None:
    """Do nothing for so long, or until the client leaves or the sandbox closes."""
    gone = asyncio.ensure_future(left(receive))
    waited = 0.0
    while waited < seconds and not gone.done() and not closing():
        await asyncio.wait({gone}, timeout=_TICK_SECONDS)
        waited += _TICK_SECONDS
    gone.cancel()


async def left(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
