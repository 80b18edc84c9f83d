"""The receiver: what Webex posts is answered with 200 once it is on disk.

Belongs here: the ASGI application: signatures, limits, answers, health and figures. Does not: the
server around it (server.py), the form of a line (envelope.py), writing it (journal.py).

A body with a good signature is stored whatever it holds: an answer that is not 2xx counts towards
switching the webhook off (T3), and what a line is worth is for ingest to say.
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
from meeting_etl.receiver.refusals import MISSIGNED, UNSIGNED, Refusals
from meeting_etl.times import Clock

PATH = "/webhooks/webex"
PROBE = "/probe"  # below PATH, so that a proxy that passes the one on passes the other on
VERIFIED = "verified\n"
NOT_CHECKED = "not checked\n"
MAX_BODY_BYTES = 1024 * 1024
BODY_SECONDS = 10.0
# Webex posts a few kB. Larger bodies are few at a time, so that their senders fill no memory.
_SMALL_BYTES = 64 * 1024
_LARGE_AT_ONCE = 8
_BUSY = "Too many large bodies at once."
# Why a request is refused, by the status of the answer; the second is for the sender.
_REFUSALS = {
    400: ("broken_off", "The body broke off."),
    401: ("signature", "The signature is missing or wrong."),
    404: ("path", f"There is nothing here; events go to {PATH}."),
    405: ("method", "This method is not for this path."),
    408: ("slow", "The body did not come in time."),
    413: ("too_large", "The body is too large."),
    503: ("storage", "The event could not be stored."),
}


class Receiver:
    """Takes events for a journal.

    A signature with any of `secrets` is good, the webhooks' own and the one before it; without any
    secret events of anybody are taken. `tell` is called with what was refused, see Refusals. A body
    above `max_body_bytes` is not read to its end, nor one that takes longer than `body_seconds`.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        secrets: Sequence[str],
        *,
        tell: Callable[[str], None] = lambda _: None,
        max_body_bytes: int = MAX_BODY_BYTES,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self.accepted = 0
        self._journal = journal
        self._clock = clock
        self._keys = [secret.encode() for secret in secrets]
        self._max_body_bytes = max_body_bytes
        self._body_seconds = body_seconds
        self._accepted_bytes = 0
        self.refusals = Refusals(clock, tell)
        self._large = 0
        self._waiting = 0
        self._waits = metrics.Histogram()
        self._since = clock.monotonic()

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = (
            (PATH, self._take, "POST"),
            (PATH + PROBE, self._verify, "POST"),
            ("/healthz", self._tell_health, "GET"),
            ("/metrics", self._tell_figures, "GET"),
        )
        app = Starlette(
            routes=[
                Route(path + slash, endpoint, methods=[method])
                for path, endpoint, method in routes
                for slash in ("", "/")
            ],
            exception_handlers={
                status: partial(self._refuse, status, *told) for status, told in _REFUSALS.items()
            },
        )
        # Webex counts a redirect as a failed delivery.
        app.router.redirect_slashes = False
        return app

    async def _take(self, request: Request) -> Response:
        body = await self._signed_body(request)
        began = self._clock.monotonic()
        self._waiting += 1
        try:
            await self._journal.append(envelope(body, request.headers, self._clock.now()))
        except StorageError as error:
            raise HTTPException(503, headers={"retry-after": "5"}) from error
        finally:
            self._waiting -= 1
        self._since = self._clock.monotonic()
        self._waits.add(self._since - began)
        self.accepted += 1
        self._accepted_bytes += len(body)
        return PlainTextResponse("stored\n")

    async def _verify(self, request: Request) -> Response:
        """What the doctor posts: checked as an event is, and not kept."""
        await self._signed_body(request)
        if self._journal.trouble is not None:
            raise HTTPException(503)
        return PlainTextResponse(VERIFIED if self._keys else NOT_CHECKED)

    async def _signed_body(self, request: Request) -> bytes:
        signature = request.headers.get("x-spark-signature")
        if int(request.headers.get("content-length", 0)) > self._max_body_bytes:
            raise HTTPException(413)
        if self._keys and signature is None:
            raise HTTPException(401, UNSIGNED)
        body = await self._body(request)
        if self._keys and not _is_signed(body, self._keys, signature or ""):
            raise HTTPException(401, MISSIGNED)
        return body

    async def _body(self, request: Request) -> bytes:
        """The body, whatever its head said of its length."""
        body = bytearray()
        is_large = False
        try:
            async with asyncio.timeout(self._body_seconds):
                async for piece in request.stream():
                    body += piece
                    if len(body) > self._max_body_bytes:
                        raise HTTPException(413)
                    if len(body) > _SMALL_BYTES and not is_large:
                        self._take_room()
                        is_large = True
        except TimeoutError as error:
            raise HTTPException(408, headers={"connection": "close"}) from error
        except ClientDisconnect as error:
            raise HTTPException(400) from error
        finally:
            self._large -= is_large
        return bytes(body)

    def _take_room(self) -> None:
        if self._large >= _LARGE_AT_ONCE:
            raise HTTPException(503, _BUSY, headers={"retry-after": "5", "connection": "close"})
        self._large += 1

    async def _refuse(
        self, status: int, reason: str, said: str, _: Request, error: Exception
    ) -> Response:
        headers = error.headers if isinstance(error, HTTPException) else None
        detail = error.detail if isinstance(error, HTTPException) else ""
        if detail == _BUSY:
            reason, said = "busy", _BUSY
        self.refusals.add(reason, detail if detail in (UNSIGNED, MISSIGNED) else None)
        return PlainTextResponse(f"{said}\n", status, headers)

    async def _tell_health(self, _: Request) -> Response:
        """Why a write failed is told on the terminal: it names paths."""
        if self._journal.trouble is None:
            return PlainTextResponse("ok\n")
        return PlainTextResponse("The latest write failed.\n", 503)

    async def _tell_figures(self, _: Request) -> Response:
        figures = (
            metrics.counter("accepted_total", "Events stored and answered 200.", self.accepted),
            metrics.counter("accepted_bytes_total", "Their bodies.", self._accepted_bytes),
            metrics.counters("refused_total", "Other requests.", "reason", self.refusals.counts),
            self._journal.fsync_seconds.text("fsync_seconds", "Writes of waiting events to disk."),
            self._waits.text("wait_seconds", "From a whole body to its being on disk."),
            metrics.gauge(
                "lag_seconds",
                "Since the latest event was stored, or since the start.",
                self._clock.monotonic() - self._since,
            ),
            metrics.gauge("waiting_events", "Not yet on disk.", float(self._waiting)),
            metrics.gauge(
                "healthy", "0 after a write that failed.", float(self._journal.trouble is None)
            ),
        )
        return Response("".join(figures), media_type=metrics.CONTENT_TYPE)


def _is_signed(body: bytes, keys: Sequence[bytes], signature: str) -> bool:
    """The header holds the HMAC-SHA1 of the body, in hex (docs/webex-api-notes.md).

    White space around it and upper case are what a proxy may have made of it. Every key is tried,
    so that the time does not tell which one fits.
    """
    given = signature.strip(" \t").lower().encode("latin-1", "replace")
    right = [hmac.digest(key, body, "sha1").hex().encode() for key in keys]
    return sum(hmac.compare_digest(one, given) for one in right) > 0
