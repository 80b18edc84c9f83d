from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Protocol

import pytest

from meeting_etl.files import Files
from meeting_etl.times import Clock
from meeting_etl.webex.auth import Auth
from meeting_etl.webex.client import Client
from meeting_etl.webex.credentials import Credentials
from meeting_etl.webex.rate_limit import RateLimiter
from meeting_etl.webex.transport import Limits
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.webex.certificates import Authority
from meeting_etl_tests.webex.granting import Webex
from meeting_etl_tests.webex.servers import Answering, Server, running

Serve = Callable[[Answering], Server]


class Connect(Protocol):
    def __call__(
        self,
        url: str,
        *,
        credentials: Credentials = ...,
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
            credentials: Credentials = Credentials(access_token="given-token"),  # noqa: B008
            clock: Clock | None = None,
            limits: Limits | None = None,
            random: Random | None = None,
            max_wait_seconds: float = 300,
            requests_per_minute: float = 0,
        ) -> Client:
            clock = clock or manual
            rate_limiter = RateLimiter(
                files,
                clock,
                requests_per_minute=requests_per_minute,
                max_wait_seconds=max_wait_seconds,
            )
            auth = Auth(credentials, files, clock, base_url=url)
            client = Client(url, auth, rate_limiter, clock, limits=limits, random=random)
            return stack.enter_context(closing(client))

        yield build


@pytest.fixture
def webex() -> Webex:
    return Webex()


@pytest.fixture
def server(serve: Serve, webex: Webex) -> Server:
    return serve(webex)
