from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Protocol

import pytest

from meeting_etl.files import Files
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.state import LocalState
from meeting_etl.times import Clock
from meeting_etl.webex.auth import Auth
from meeting_etl.webex.bucket import FileBucket
from meeting_etl.webex.client import Client
from meeting_etl.webex.credentials import Credentials, ServiceApp
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.rate_limit import RateLimiter
from meeting_etl.webex.token_kind import TokenKind
from meeting_etl.webex.transport import Limits
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.small import small_world
from meeting_etl_tests.webex.certificates import Authority
from meeting_etl_tests.webex.endpoint_calls import Build
from meeting_etl_tests.webex.granting import GrantingWebex
from meeting_etl_tests.webex.servers import Answering, Server, running
from meeting_etl_tests.webex.service_app_requests import StartWebex
from meeting_etl_tests.webex.webhook_calls import Start

Serve = Callable[[Answering], Server]


class Connect(Protocol):
    def __call__(
        self,
        url: str,
        *,
        credentials: Credentials | ServiceApp = ...,
        auth: Auth | None = None,
        clock: Clock | None = None,
        limits: Limits | None = None,
        random: Random | None = None,
        max_wait_seconds: float = 300,
        requests_per_minute: float = 0,
    ) -> Client: ...


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(running(answer))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def connect(files: Files, clock: ManualClock) -> Iterator[Connect]:
    manual = clock
    with ExitStack() as stack:

        def build(
            url: str,
            *,
            credentials: Credentials | ServiceApp = Credentials("given-token"),  # noqa: B008
            auth: Auth | None = None,
            clock: Clock | None = None,
            limits: Limits | None = None,
            random: Random | None = None,
            max_wait_seconds: float = 300,
            requests_per_minute: float = 0,
        ) -> Client:
            clock = clock or manual
            bucket = FileBucket(files, clock, requests_per_minute=requests_per_minute)
            rate_limiter = RateLimiter(bucket, clock, max_wait_seconds=max_wait_seconds)
            auth = auth or Auth(credentials, LocalState(files), clock, base_url=url)
            client = Client(url, auth, rate_limiter, clock, limits=limits, random=random)
            return stack.enter_context(closing(client))

        yield build


@pytest.fixture
def webex() -> GrantingWebex:
    return GrantingWebex()


@pytest.fixture
def server(serve: Serve, webex: GrantingWebex) -> Server:
    return serve(webex)


@pytest.fixture
def webex_of(clock: ManualClock) -> Iterator[StartWebex]:
    with ExitStack() as stack:
        yield lambda clock=clock, **faults: stack.enter_context(
            Sandbox(small_world(), clock, Faults(**faults))
        )


@pytest.fixture
def build(connect: Connect, serve: Serve, clock: ManualClock) -> Build:
    def made(answer: Answering, kind: TokenKind) -> tuple[Webex, Server]:
        server = serve(answer)
        return Webex(connect(server.url), kind, clock), server

    return made


@pytest.fixture
def start(connect: Connect, clock: ManualClock) -> Iterator[Start]:
    """A sandbox with these faults, and a token of that kind for it."""
    with ExitStack() as stack:

        def started(kind: TokenKind = TokenKind.ADMIN, **faults: Any) -> tuple[Sandbox, Webex]:
            injected = Faults(**faults)
            sandbox = stack.enter_context(Sandbox(small_world(), clock, injected))
            credentials = Credentials(access_token=sandbox.token(kind.value))
            client = connect(sandbox.base_url, credentials=credentials)
            return sandbox, Webex(client, kind, clock)

        yield started
