"""Sending a long body piece by piece.

Belongs here: pace, breaking off, counting what was sent. Does not: what is sent (files.py) and
which answer is to be slow or broken (host.py).
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from meeting_etl.sandbox.counters import MediaSeen
from meeting_etl.sandbox.faults.broken_connections import Connections, hold, left

_PIECES_PER_SECOND = 20


class Stream(Response):
    """Sends `pieces`; in the end it is well, or (`broken`) the connection is closed on the client.

    `stall_seconds` pass before it is; `bytes_per_second` 0 = as fast as it goes.
    """

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        pieces: Iterator[bytes],
        seen: MediaSeen,
        connections: Connections,
        closing: Callable[[], bool],
        *,
        broken: bool,
        stall_seconds: float,
        bytes_per_second: int,
    ) -> None:
        super().__init__(status_code=status)
        # Not through Response, which would tell the length of the body that it does not have.
        self.raw_headers = [(name.lower().encode(), _raw(text)) for name, text in headers.items()]
        self._pieces = pieces
        self._seen = seen
        self._connections = connections
        self._closing = closing
        self._broken = broken
        self._stall_seconds = stall_seconds
        self._bytes_per_second = bytes_per_second

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what is sent, at the pace, and end it well or not."""
        transport = self._connections[tuple(scope["client"])]
        head = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **head})
        gone = False
        for piece in self._portions():
            # Who sends to a client that has left is not told, and would go on to the end.
            gone = transport.is_closing() or self._closing()
            if gone:
                break
            # Counted first, because the client may have it before this goes on.
            self._seen.bytes_sent += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(self._seconds(piece))
        if self._broken and not gone:
            await hold(receive, self._stall_seconds, self._closing)
        if self._broken or gone:
            transport.close()
            await left(receive)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _portions(self) -> Iterator[bytes]:
        if not self._bytes_per_second:
            yield from self._pieces
            return
        most = max(1, self._bytes_per_second // _PIECES_PER_SECOND)
        for piece in self._pieces:
            for begin in range(0, len(piece), most):
                yield piece[begin : begin + most]

    def _seconds(self, piece: bytes) -> float:
        return len(piece) / self._bytes_per_second if self._bytes_per_second else 0.0


def _raw(text: str) -> bytes:
    return text.encode("latin-1")
