"""The receiver: what Webex posts is answered with 200 once it is on disk.

Belongs here: the ASGI application: signatures, limits, answers, health and figures. Does not: the
server around it (cli/receive.py), the form of a line (envelopes.py), writing it (journal.py).

A body with a good signature is stored whatever it holds: an answer that is not 2xx counts towards
switching the webhook off (webex-api.md T3), and what a line is worth is for ingest to say.
"""

import asyncio
import hmac
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from meeting_etl.errors import StorageError
from meeting_etl.times import Clock
from meeting_etl.webhooks import metrics
from meeting_etl.webhooks.envelopes import envelope
from meeting_etl.webhooks.journal import Journal

PATH = "/webhooks/webex"
MAX_BODY_BYTES = 1024 * 1024
BODY_SECONDS = 10.0
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

    `secret` is that of the webhooks; None takes events of anybody. A body above `max_body_bytes` is
    not read to its end, one that takes longer than `body_seconds` neither.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        secret: str | None,
        *,
        max_body_bytes: int = MAX_BODY_BYTES,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self.accepted = 0
        self._journal = journal
        self._clock = clock
        self._key = secret.encode() if secret else None
        self._max_body_bytes = max_body_bytes
        self._body_seconds = body_seconds
        self._accepted_bytes = 0
        self._refused = {reason: 0 for reason, _ in _REFUSALS.values()}
        self._waits = metrics.Histogram()
        self._since = clock.monotonic()

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route(PATH, self._take, methods=["POST"]),
                Route("/healthz", self._tell_health, methods=["GET"]),
                Route("/metrics", self._tell_figures, methods=["GET"]),
            ],
            exception_handlers={
                status: partial(self._refuse, status, *told) for status, told in _REFUSALS.items()
            },
        )

    async def _take(self, request: Request) -> Response:
        signature = request.headers.get("x-spark-signature")
        if int(request.headers.get("content-length", 0)) > self._max_body_bytes:
            raise HTTPException(413)
        if self._key and signature is None:
            raise HTTPException(401)
        body = await self._body(request)
        if self._key and not _is_signed(body, self._key, signature or ""):
            raise HTTPException(401)
        began = self._clock.monotonic()
        try:
            await self._journal.append(envelope(body, request.headers, self._clock.now()))
        except StorageError as error:
            raise HTTPException(503, headers={"retry-after": "5"}) from error
        self._since = self._clock.monotonic()
        self._waits.add(self._since - began)
        self.accepted += 1
        self._accepted_bytes += len(body)
        return PlainTextResponse("stored\n")

    async def _body(self, request: Request) -> bytes:
        """The body, whatever its head said of its length."""
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_seconds):
                async for piece in request.stream():
                    body += piece
                    if len(body) > self._max_body_bytes:
                        raise HTTPException(413)
        except TimeoutError as error:
            raise HTTPException(408, headers={"connection": "close"}) from error
        except ClientDisconnect as error:
            raise HTTPException(400) from error
        return bytes(body)

    async def _refuse(
        self, status: int, reason: str, said: str, _: Request, error: Exception
    ) -> Response:
        self._refused[reason] += 1
        headers = error.headers if isinstance(error, HTTPException) else None
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
            metrics.counters("refused_total", "Other requests.", "reason", self._refused),
            self._journal.fsync_seconds.text("fsync_seconds", "Writes of waiting events to disk."),
            self._waits.text("wait_seconds", "From a whole body to its being on disk."),
            metrics.gauge(
                "lag_seconds",
                "Since the latest event was stored, or since the start.",
                self._clock.monotonic() - self._since,
            ),
            metrics.gauge(
                "healthy", "0 after a write that failed.", float(self._journal.trouble is None)
            ),
        )
        return Response("".join(figures), media_type=metrics.CONTENT_TYPE)


def _is_signed(body: bytes, key: bytes, signature: str) -> bool:
    """The header holds the HMAC-SHA1 of the body, in lowercase hex (webex-api.md section 5)."""
    right = hmac.digest(key, body, "sha1").hex()
    return hmac.compare_digest(right.encode(), signature.encode("latin-1"))
