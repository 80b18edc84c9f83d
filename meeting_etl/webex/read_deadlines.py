"""Read deadlines: a response that arrives in drips is given up.

Belongs here: an adapter that lets a Watch see each read of a response, its status line and headers
too, and the two kinds of Watch. Does not: what follows from a response that is too slow
(transport.py, media.py). The timeouts of requests limit each read, however few bytes it returns.
"""

import http.client
import io
import socket
from collections.abc import Callable
from typing import Any, Protocol

from requests.adapters import HTTPAdapter

from meeting_etl.times import Clock


class TooSlow(TimeoutError):
    """A response, or a part of it, takes too long."""


class Watch(Protocol):
    """Sees the reads of one response; both methods may raise TooSlow."""

    def before(self) -> None:
        """A read begins."""

    def after(self, received_bytes: int) -> None:
        """A read returned so many bytes; 0 at the end."""


class Deadline:
    """The whole response arrives within `seconds` of sending its request."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._ends_at = clock.monotonic() + seconds
        self._received_bytes = 0

    def before(self) -> None:
        """Limits a response that has begun; one that never begins is up to the read timeout."""
        if self._received_bytes and self._clock.monotonic() > self._ends_at:
            raise TooSlow

    def after(self, received_bytes: int) -> None:
        """Count what arrived."""
        self._received_bytes += received_bytes


class MinimumRate:
    """At least `min_bytes` arrive in every `seconds` of waiting for them.

    Time spent between reads does not count: a slow disk is not a slow host.
    """

    def __init__(self, clock: Clock, min_bytes: int, seconds: float) -> None:
        self._clock = clock
        self._min_bytes = min_bytes
        self._seconds = seconds
        self._began_at = 0.0
        self._waited_seconds = 0.0
        self._received_bytes = 0

    def before(self) -> None:
        """Start the clock."""
        self._began_at = self._clock.monotonic()

    def after(self, received_bytes: int) -> None:
        """Check the rate once the waiting adds up to `seconds`."""
        self._waited_seconds += self._clock.monotonic() - self._began_at
        self._received_bytes += received_bytes
        if not received_bytes or self._waited_seconds < self._seconds:
            return
        if self._received_bytes < self._min_bytes:
            raise TooSlow
        self._waited_seconds, self._received_bytes = 0.0, 0


class WatchedAdapter(HTTPAdapter):
    """Sends as HTTPAdapter does; `watch` makes the Watch of each response."""

    def __init__(self, watch: Callable[[], Watch], *, pool_maxsize: int) -> None:
        self._watch = watch
        super().__init__(pool_connections=1, pool_maxsize=pool_maxsize)

    def get_connection_with_tls_context(self, *args: Any, **keywords: Any) -> Any:
        """The pool for a request, with connections whose responses are watched."""
        pool: Any = super().get_connection_with_tls_context(*args, **keywords)
        kind = pool.ConnectionCls
        if not getattr(kind, "is_watched", False):
            more = {"is_watched": True, "response_class": staticmethod(self._response)}
            pool.ConnectionCls = type(kind.__name__, (kind,), more)
        return pool

    def _response(self, sock: socket.socket, **keywords: Any) -> http.client.HTTPResponse:
        response = http.client.HTTPResponse(sock, **keywords)
        raw = response.fp.detach()
        response.fp = io.BufferedReader(_WatchedReads(raw, self._watch()))
        return response


class _WatchedReads(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, watch: Watch) -> None:
        self._raw = raw
        self._watch = watch

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: Any) -> int | None:
        self._watch.before()
        count = self._raw.readinto(buffer)
        self._watch.after(count or 0)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
