"""Sandbox: an embedded Webex, served over HTTP.

Belongs here: putting the healthy parts and the faults around them together, starting and stopping
the server. Does not: the API (sandbox/api/app.py), the download host (sandbox/media/host.py), the
faults (sandbox/faults/).
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from meeting_etl.sandbox.api.app import Api, Service
from meeting_etl.sandbox.api.changes import Changes
from meeting_etl.sandbox.api.oauth import ServiceApp, Tokens
from meeting_etl.sandbox.api.pagination import Pager
from meeting_etl.sandbox.api.rate_limit import RateLimit, RateLimits
from meeting_etl.sandbox.api.webhook_posting import Posted, Poster
from meeting_etl.sandbox.api.webhook_registry import Registry
from meeting_etl.sandbox.counters import Counters
from meeting_etl.sandbox.faults.broken_connections import Connections, reachable
from meeting_etl.sandbox.faults.damaged_vtt import faulty_vtt
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.faults.faulty_api import FaultyApi
from meeting_etl.sandbox.faults.faulty_deliveries import FaultyDeliveries
from meeting_etl.sandbox.faults.faulty_media import FaultyMedia
from meeting_etl.sandbox.media.files import Media
from meeting_etl.sandbox.media.host import MediaHost
from meeting_etl.sandbox.media.tickets import Ticket, Tickets
from meeting_etl.sandbox.world.index import Index
from meeting_etl.sandbox.world.model import Kind, Person, World
from meeting_etl.times import Clock


class Sandbox:
    """An embedded Webex with one world.

    As a context manager it serves on a free port of 127.0.0.1 from a thread of its own. Every
    request reads `clock`, so that tests can move the time. `webhooks` are the registered ones;
    `deliver` and `play` post to them. `changes` are those of scheduled meetings. `media` are the
    files of recordings, which the download host serves: the same port under the name localhost.
    `refresh_token` is the first one for the user token; it does not change when it is used up.
    """

    def __init__(
        self, world: World, clock: Clock | None = None, faults: Faults | None = None
    ) -> None:
        self.world = world
        self.clock = clock or Clock()
        self.faults = faults or Faults()
        self.counters = Counters(self.clock)
        self.base_url = ""
        self._tokens = Tokens(world.seed, self.faults.access_token_seconds)
        self.client_id = self._tokens.client_id
        self.client_secret = self._tokens.client_secret
        self.webhooks = Registry(world.seed, self.faults.webhook_lag_seconds)
        self.changes = Changes()
        self._index = Index(world)
        self.refresh_token = self.grant("user")
        self.media = Media(self._index, self.faults.media_bytes, faulty_vtt(self.faults))
        self._tickets = Tickets(self._index, self.faults.ticket_seconds)
        deliveries = FaultyDeliveries(self.faults, self.counters)
        self._poster = Poster(world, self.webhooks, self.clock, self.counters, deliveries.copies)
        self._connections: Connections = {}
        app = Starlette(routes=[self._media_host().route(), *self._api().routes()])
        self._server = uvicorn.Server(
            uvicorn.Config(
                _dated(app, self.clock),
                http=reachable(self._connections),
                log_config=None,
                log_level="warning",
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=1,
            )
        )

    def _api(self) -> Api:
        faults = self.faults
        faulty = FaultyApi(
            faults,
            self.counters,
            self.clock,
            self._tokens.revoke,
            self._index.meeting_of,
            self._connections,
            self._closing,
        )
        service = Service(
            self._index,
            self.clock,
            self._tokens,
            self.webhooks,
            self.changes,
            self.media,
            self._tickets,
            faults.longest_window_days,
        )
        limits = RateLimits(
            lambda: RateLimit(
                faults.requests_per_second,
                faults.burst,
                faults.retry_after_seconds,
                self.clock,
                self.counters,
            )
        )
        pager = Pager(self.world.seed, faults.empty_page_every, self.counters)
        return Api(
            service, pager, limits, self.counters, gateway=faulty.gateway, backend=faulty.backend
        )

    def _media_host(self) -> MediaHost:
        faulty = FaultyMedia(self.faults, self.counters, self._connections, self._closing)

        def version_of(ticket: Ticket) -> int:
            return ticket.issued_at_ms if self.faults.changed_media else 0

        return MediaHost(
            self._tickets,
            self.media,
            self.clock,
            self.counters,
            layer=faulty.layer,
            version_of=version_of,
        )

    def token(self, kind: Kind, owner: str | None = None) -> str:
        """A valid bearer token of that kind, of the world's owner of that kind or of a host."""
        return self._tokens.access(kind, self._owner(kind, owner), self.clock.now())

    def grant(self, kind: Kind, owner: str | None = None) -> str:
        """A new refresh token, good for one use, that leads to access tokens of that kind."""
        return self._tokens.grant(kind, self._owner(kind, owner), self.clock.now())

    def integration_grant(self, owner: str | None = None) -> str:
        """A new refresh token of an integration that may request tokens of service apps."""
        person, now = self._owner("user", owner), self.clock.now()
        return self._tokens.grant("user", person, now, is_integration=True)

    def service_app(self, kind: Kind, owner: str | None = None) -> ServiceApp:
        """A service app whose tokens are of that kind and owner; the same one each time."""
        return self._tokens.service_app(kind, self._owner(kind, owner), self.world.org_id)

    def revoke(self, owner: str) -> None:
        """Refuse the access tokens that one person has so far."""
        self._tokens.revoke(self._index.people[owner])

    def _owner(self, kind: Kind, owner: str | None) -> Person:
        world = self.world
        usual = {"user": world.owner, "admin": world.admin, "compliance": world.officer}
        return usual[kind] if owner is None else self._index.people[owner]

    def change_grants(self, kind: Kind) -> None:
        """Have the next renewal of every grant bring other scopes, as after a change of roles."""
        self._tokens.change(kind)

    def deliver(self, *payloads: Mapping[str, Any]) -> Posted:
        """Post these events to the registered webhooks that they are for, from this thread."""
        return self._poster.post(payloads)

    def play(self, since: datetime, until: datetime) -> Posted:
        """Post the world's events after `since` and up to `until` to its webhooks, in order.

        Consecutive calls post every event once. The clock is not moved.
        """
        return self._poster.play(since, until)

    def __enter__(self) -> Self:
        listener = self._listen(0)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="webex-sandbox", daemon=True
        )
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("The sandbox did not start.")
            Clock().sleep(0.005)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()

    def serve_forever(self, port: int, when_listening: Callable[[str], None]) -> None:
        """Serve on 127.0.0.1 in this thread until interrupted; port 0 picks a free one.

        `when_listening` is called with the base URL.
        """
        listener = self._listen(port)
        when_listening(self.base_url)
        # uvicorn ends well at Ctrl-C and then raises it once more.
        with contextlib.suppress(KeyboardInterrupt):
            self._server.run([listener])

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)  # from now on clients may connect, though the server still starts
        self.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        return listener

    def _closing(self) -> bool:
        return self._server.should_exit


def _dated(app: ASGIApp, clock: Clock) -> ASGIApp:
    """The application with the sandbox's own time as the Date of each answer."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(clock.now(), usegmt=True).encode()
                message["headers"] = [*message["headers"], (b"date", date)]
            await send(message)

        await app(scope, receive, send_dated)

    return serve
