"""Connections to the receiver, with limits that HTTP does not have.

Belongs here: the number of connections, the time, size and number of headers of a request head, the
number of pipelined requests, and the bytes that may follow an early response. Does not: limits of
bodies (app.py).

The memory of all connections together (docs/decisions/0029-…): 128 × (16 KiB being read + 64 KiB
head + some 40 KiB of header objects + 64 KiB body, twice) < 33 MiB. The number of larger
bodies is bounded in app.py.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_READ_BYTES = 16 * 1024
_HEAD_BYTES = 64 * 1024
_HEADERS = 128
_PIPELINED = 8
# As much of a refused body may follow, so that its sender gets to read the response.
_LEFTOVER_BYTES = 4 * 1024 * 1024


class _LimitExceeded(Exception):
    """Raised inside the parser, which then closes the connection with 400."""


class BoundedProtocol(HttpToolsProtocol, asyncio.BufferedProtocol):
    """Uvicorn's protocol with limits.

    Above `max_connections` a new connection gets 503; one that has not sent the head of its next
    request within `head_seconds` is closed. `refused` is called with "head" for each request that
    is refused before the application sees it.
    """

    max_connections = 128
    head_seconds = 10.0

    def __init__(self, refused: Callable[[str], None], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._refused = refused
        # Small reads: no more can follow a request whose response is pending.
        self._read = bytearray(_READ_BYTES)
        self._deadline: asyncio.TimerHandle | None = None
        self._unanswered = 0
        self._in_body = False
        # Read since the parser's latest progress: the head or trailer that it is collecting.
        self._gathered_bytes = 0
        self._field_bytes = 0
        self._leftover_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head, unless there are too many connections."""
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            transport.write(_BUSY)
            transport.close()
        else:
            self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._clear_deadline()
        super().connection_lost(exc)

    def get_buffer(self, sizehint: int) -> bytearray:
        """The buffer for the next bytes."""
        return self._read

    def buffer_updated(self, nbytes: int) -> None:
        """The buffer has this many bytes."""
        self.data_received(bytes(self._read[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Parse the data, and count what does not belong to a request in progress."""
        self._gathered_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._gathered_bytes > _HEAD_BYTES:
            self.send_400_response("The head of the request is too large.")
            return
        if self._unanswered:
            self._clear_deadline()
            self._leftover_bytes = 0
            return
        if self._deadline is None:
            self._set_deadline()
        self._leftover_bytes += len(data) if self._in_body else 0
        if self._leftover_bytes > _LEFTOVER_BYTES:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be a request, and count it."""
        self._refused("head")
        super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """A head begins; the number of pipelined requests is bounded."""
        if self._unanswered > _PIPELINED:
            raise _LimitExceeded
        self._gathered_bytes = self._field_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._count_field(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; many small ones take many times their length as objects."""
        self._count_field(len(name) + len(value) + 4)
        if len(self.headers) >= _HEADERS:
            raise _LimitExceeded
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete: from here on the application's time limits hold."""
        self._in_body, self._gathered_bytes = True, 0
        self._unanswered += 1
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._gathered_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is complete."""
        self._in_body, self._gathered_bytes = False, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A request is done; the next head has the same time limit."""
        self._unanswered -= 1
        super().on_response_complete()
        if not self._unanswered and self._deadline is None and not self.transport.is_closing():
            self._set_deadline()

    def shutdown(self) -> None:
        """Shut down gracefully, but close immediately while a body is still being received."""
        super().shutdown()
        if self._unanswered and self._in_body:
            self.transport.close()

    def _count_field(self, size_bytes: int) -> None:
        self._field_bytes += size_bytes
        if self._field_bytes > _HEAD_BYTES:
            raise _LimitExceeded

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self.transport.close)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None
