"""Connections to the receiver, bounded in what HTTP itself knows nothing of.

Belongs here: how many there may be, how long and how large the head of a request may be, and what
may follow an answer that came early. Does not: bodies that are awaited (webhooks/receiver.py).
"""

import asyncio

from uvicorn.protocols.http.auto import AutoHTTPProtocol

_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_HEAD_BYTES = 64 * 1024
# So much of a body that was refused may follow, so that its sender comes to read the answer.
_LEFTOVER_BYTES = 4 * 1024 * 1024


class Bounded(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
    """Uvicorn's protocol, less patient.

    Above `most` connections a new one is sent away; one that has not sent the head of its next
    request within `head_seconds` is closed.
    """

    most = 256
    head_seconds = 10.0
    _deadline: asyncio.TimerHandle | None = None
    _unasked = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for a head, unless there are too many who do."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.write(_BUSY)
            transport.close()
        else:
            self._set_deadline()

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._clear_deadline()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Hand it on, and count what belongs to no request that is being answered."""
        super().data_received(data)
        if self._is_answering():
            self._clear_deadline()
            self._unasked = 0
            return
        if self._deadline is None:
            self._set_deadline()
        self._unasked += len(data)
        if self._unasked > (_HEAD_BYTES if self.cycle is None else _LEFTOVER_BYTES):
            self.transport.close()

    def shutdown(self) -> None:
        """End well; for a body that is still coming, which nobody was promised, at once."""
        super().shutdown()
        if self._is_answering() and self.cycle.more_body:
            self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self.transport.close)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None
