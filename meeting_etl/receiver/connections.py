"""Connections to the receiver, bounded in what HTTP itself knows nothing of.

Belongs here: how many there may be, how long, how large and of how many headers the head of a
request may be, how many requests may wait on one connection, and what may follow an answer that
came early. Does not: bodies that are awaited (app.py).

The memory of all connections together (docs/decisions/0029-…): 128 × (16 KiB being read + 64 KiB
head + some 40 KiB of header objects + 64 KiB body, twice) < 33 MiB. Larger bodies are few at a
time: app.py.
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
# So much of a body that was refused may follow, so that its sender comes to read the answer.
_LEFTOVER_BYTES = 4 * 1024 * 1024


class _TooMuch(Exception):
    """Raised inside the parser, which then gives up the connection with 400."""


class Bounded(HttpToolsProtocol, asyncio.BufferedProtocol):
    """Uvicorn's protocol, less patient.

    Above `most` connections a new one is sent away; one that has not sent the head of its next
    request within `head_seconds` is closed. `refused` is called with "head" for each request that
    is refused before the application sees it.
    """

    most = 128
    head_seconds = 10.0

    def __init__(self, refused: Callable[[str], None], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._refused = refused
        # Small reads: no more than this can follow a request that is still being answered.
        self._read = bytearray(_READ_BYTES)
        self._deadline: asyncio.TimerHandle | None = None
        self._unanswered = 0
        self._in_body = False
        # Read since the parser last came on: the head or trailer that it is gathering.
        self._gathered_bytes = 0
        self._field_bytes = 0
        self._leftover_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head, unless there are too many who do."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.write(_BUSY)
            transport.close()
        else:
            self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._clear_deadline()
        super().connection_lost(exc)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Where asyncio puts the next bytes."""
        return self._read

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes came."""
        self.data_received(bytes(self._read[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Hand it on, and count what belongs to no request that is being answered."""
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
        """What cannot be a request is refused, and counted."""
        self._refused("head")
        super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """A head begins; so many requests may wait for the answers of others, and no more."""
        if self._unanswered > _PIPELINED:
            raise _TooMuch
        self._gathered_bytes = self._field_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._count_field(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; many small ones cost many times their length as objects."""
        self._count_field(len(name) + len(value) + 4)
        if len(self.headers) >= _HEADERS:
            raise _TooMuch
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: from here on the application decides how long it waits."""
        self._in_body, self._gathered_bytes = True, 0
        self._unanswered += 1
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._gathered_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._in_body, self._gathered_bytes = False, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """One request less; the next head is waited for, not longer than the first."""
        self._unanswered -= 1
        super().on_response_complete()
        if not self._unanswered and self._deadline is None and not self.transport.is_closing():
            self._set_deadline()

    def shutdown(self) -> None:
        """End well; for a body that is still coming, which nobody was promised, at once."""
        super().shutdown()
        if self._unanswered and self._in_body:
            self.transport.close()

    def _count_field(self, size_bytes: int) -> None:
        self._field_bytes += size_bytes
        if self._field_bytes > _HEAD_BYTES:
            raise _TooMuch

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self.transport.close)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None
