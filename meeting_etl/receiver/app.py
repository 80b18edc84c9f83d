"""The receiver's ASGI application: an event is answered with 200 once it is durable.

Belongs here: signatures, limits, responses, health and metrics. Does not: the server around it
(server.py), the form of a line (envelope.py), writing it (journal.py).

A body with a valid signature is stored whatever it contains: responses that are not 2xx make Webex
disable the webhook (T3), and ingest decides what a line is worth.
"""

import asyncio
import hmac
from collections.abc import Callable, Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from meeting_etl.errors import StorageError
from meeting_etl.receiver import metrics
from meeting_etl.receiver.envelope import envelope
from meeting_etl.receiver.journal import Journal
from meeting_etl.receiver.refusals import BAD_SIGNATURE, NO_SIGNATURE, Refusals
from meeting_etl.receiver.shipper import Shipper
from meeting_etl.times import Clock

PATH = "/webhooks/webex"
PROBE = "/probe"  # below PATH, so that a proxy that forwards PATH forwards this too
VERIFIED = "verified\n"
NOT_CHECKED = "not checked\n"
MAX_BODY_BYTES = 1024 * 1024
BODY_SECONDS = 10.0
# Webex posts a few kB. The number of concurrent larger bodies is bounded, and so is their memory.
_SMALL_BYTES = 64 * 1024
_MAX_LARGE_BODIES = 8
_BUSY = "Too many large bodies at once."
# By status: why the request is refused (see refusals.py), and the text for the sender.
_REFUSALS = {
    400: ("broken_off", "The body is incomplete."),
    401: ("signature", "The signature is missing or wrong."),
    404: ("path", f"Not found; post events to {PATH}."),
    405: ("method", "Method not allowed."),
    408: ("slow", "The body took too long."),
    413: ("too_large", "The body is too large."),
    503: ("storage", "The event could not be stored."),
}


class Receiver:
    """Accepts events and appends them to a journal.

    A signature by any of `secrets` is valid, the current one and the previous one; without secrets
    every event is accepted. `notify` is called with sentences about refused requests, see Refusals.
    A body above `max_body_bytes`, or one that takes longer than `body_seconds`, is not read to its
    end.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        secrets: Sequence[str],
        *,
        notify: Callable[[str], None] = lambda _: None,
        max_body_bytes: int = MAX_BODY_BYTES,
        body_seconds: float = BODY_SECONDS,
        shipper: Shipper | None = None,
    ) -> None:
        self.accepted = 0
        self._journal = journal
        self._shipper = shipper
        self._clock = clock
        self._keys = [secret.encode() for secret in secrets]
        self._max_body_bytes = max_body_bytes
        self._body_seconds = body_seconds
        self._accepted_bytes = 0
        self.refusals = Refusals(clock, notify)
        self._large = 0
        self._waiting = 0
        self._waits = metrics.Histogram()
        self._since = clock.monotonic()

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = (
            (PATH, self._receive, "POST"),
            (PATH + PROBE, self._verify, "POST"),
            ("/healthz", self._health, "GET"),
            ("/metrics", self._metrics, "GET"),
        )
        app = Starlette(
            routes=[
                Route(path + slash, endpoint, methods=[method])
                for path, endpoint, method in routes
                for slash in ("", "/")
            ],
            exception_handlers={
                status: partial(self._refuse, status, reason, text)
                for status, (reason, text) in _REFUSALS.items()
            },
        )
        # Webex counts a redirect as a failed delivery.
        app.router.redirect_slashes = False
        return app

    async def _receive(self, request: Request) -> Response:
        body = await self._signed_body(request)
        started = self._clock.monotonic()
        self._waiting += 1
        try:
            await self._journal.append(envelope(body, request.headers, self._clock.now()))
        except StorageError as error:
            raise HTTPException(503, headers={"retry-after": "5"}) from error
        finally:
            self._waiting -= 1
        self._since = self._clock.monotonic()
        self._waits.add(self._since - started)
        self.accepted += 1
        self._accepted_bytes += len(body)
        return PlainTextResponse("stored\n")

    async def _verify(self, request: Request) -> Response:
        """Check a request of the doctor like an event, without storing it."""
        await self._signed_body(request)
        if self._journal.last_error is not None:
            raise HTTPException(503)
        return PlainTextResponse(VERIFIED if self._keys else NOT_CHECKED)

    async def _signed_body(self, request: Request) -> bytes:
        signature = request.headers.get("x-spark-signature")
        if int(request.headers.get("content-length", 0)) > self._max_body_bytes:
            raise HTTPException(413)
        if self._keys and signature is None:
            raise HTTPException(401, NO_SIGNATURE)
        body = await self._body(request)
        if self._keys and not _is_signed(body, self._keys, signature or ""):
            raise HTTPException(401, BAD_SIGNATURE)
        return body

    async def _body(self, request: Request) -> bytes:
        """The body, limited in size and time whatever its Content-Length."""
        body = bytearray()
        is_large = False
        try:
            async with asyncio.timeout(self._body_seconds):
                async for piece in request.stream():
                    body += piece
                    if len(body) > self._max_body_bytes:
                        raise HTTPException(413)
                    if len(body) > _SMALL_BYTES and not is_large:
                        self._reserve_large_body()
                        is_large = True
        except TimeoutError as error:
            raise HTTPException(408, headers={"connection": "close"}) from error
        except ClientDisconnect as error:
            raise HTTPException(400) from error
        finally:
            self._large -= is_large
        return bytes(body)

    def _reserve_large_body(self) -> None:
        if self._large >= _MAX_LARGE_BODIES:
            raise HTTPException(503, _BUSY, headers={"retry-after": "5", "connection": "close"})
        self._large += 1

    async def _refuse(
        self, status: int, reason: str, text: str, _: Request, error: Exception
    ) -> Response:
        headers = error.headers if isinstance(error, HTTPException) else None
        detail = error.detail if isinstance(error, HTTPException) else ""
        if detail == _BUSY:
            reason, text = "busy", _BUSY
        self.refusals.add(reason, detail if detail in (NO_SIGNATURE, BAD_SIGNATURE) else None)
        return PlainTextResponse(f"{text}\n", status, headers)

    async def _health(self, _: Request) -> Response:
        """Not why a write failed: that has paths and is for the terminal only."""
        if self._journal.last_error is None:
            return PlainTextResponse("ok\n")
        return PlainTextResponse("The latest write failed.\n", 503)

    async def _metrics(self, _: Request) -> Response:
        samples = [
            metrics.counter(
                "accepted_total", "Events stored and answered with 200.", self.accepted
            ),
            metrics.counter(
                "accepted_bytes_total",
                "Bytes of the bodies of accepted events.",
                self._accepted_bytes,
            ),
            metrics.counters(
                "refused_total", "Refused requests, by reason.", "reason", self.refusals.counts
            ),
            self._journal.fsync_seconds.text(
                "fsync_seconds", "Time of writing waiting events to disk, fsync included."
            ),
            self._waits.text("wait_seconds", "Time from a complete body until it is on disk."),
            metrics.gauge(
                "lag_seconds",
                "Time since the latest event was stored, or since the start.",
                self._clock.monotonic() - self._since,
            ),
            metrics.gauge(
                "waiting_events", "Events that are not yet on disk.", float(self._waiting)
            ),
            metrics.gauge(
                "healthy",
                "1, or 0 after a write that failed.",
                float(self._journal.last_error is None),
            ),
        ]
        if self._shipper is not None:
            samples += (
                metrics.gauge(
                    "unshipped_bytes",
                    "Bytes on the disk that are not in the bucket yet, as of the latest look.",
                    float(self._shipper.waiting_bytes),
                ),
                metrics.gauge(
                    "unshipped_seconds",
                    "Time since all that was on the disk was in the bucket, too.",
                    self._shipper.lag_seconds,
                ),
            )
        return Response("".join(samples), media_type=metrics.CONTENT_TYPE)


def _is_signed(body: bytes, keys: Sequence[bytes], signature: str) -> bool:
    """Whether the header has the HMAC-SHA1 of the body, in hex (docs/webex-api-notes.md).

    A proxy may add white space or change the case. Every key is tried, so that the time does not
    reveal which one matches.
    """
    given = signature.strip(" \t").lower().encode("latin-1", "replace")
    expected = [hmac.digest(key, body, "sha1").hex().encode() for key in keys]
    return sum(hmac.compare_digest(digest, given) for digest in expected) > 0
