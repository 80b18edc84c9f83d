"""Renewal after a 401: once, by one thread of one process."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from meeting_etl.errors import AuthError
from meeting_etl.times import Clock
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.webex.broken_responses import reset
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.granting import CONFIGURED, GrantingWebex
from meeting_etl_tests.webex.processes import run_at_once
from meeting_etl_tests.webex.servers import Act, Answering, Reply, Server


def forms(server: Server) -> list[dict[str, str]]:
    return [seen.form for seen in server.seen if seen.path == "/v1/access_token"]


def requests_with_token(server: Server) -> int:
    return sum(seen.path != "/v1/access_token" for seen in server.seen)


# After a 401


def test_a_rejected_token_is_renewed_once_and_the_request_repeated(
    connect: Connect, server: Server, webex: GrantingWebex
) -> None:
    webex.valid = lambda token: token == "access-2"
    assert connect(server.url, credentials=CONFIGURED).get("/meetings") == {"you": "access-2"}
    assert webex.grants == 2


def test_a_renewed_token_that_is_rejected_too_is_an_auth_error(
    connect: Connect, server: Server, webex: GrantingWebex
) -> None:
    webex.valid = lambda token: False
    with pytest.raises(AuthError, match=r"set WEBEX_REFRESH_TOKEN: .*401"):
        connect(server.url, credentials=CONFIGURED).get("/meetings")
    assert (webex.grants, requests_with_token(server)) == (2, 2)


def instead_of_answers(webex: GrantingWebex, *acts: Act) -> Answering:
    """A fake Webex that grants tokens, and responds to requests with these in turn."""
    turns = iter(acts)
    return lambda seen: webex(seen) if seen.path == "/v1/access_token" else next(turns)


REFUSED = Reply({"message": "expired"}, 401)


@pytest.mark.parametrize(
    "later",
    [
        Reply({"message": "later"}, 429, {"Retry-After": "200"}),
        Reply({"message": "too much"}, 504),
        Reply(b"<html>maintenance</html>"),
    ],
)
def test_a_renewed_token_that_expires_during_a_retry_after_is_renewed_again(
    connect: Connect, serve: Serve, webex: GrantingWebex, later: Reply
) -> None:
    acts = (REFUSED, later, REFUSED, later, later, REFUSED, Reply({"id": "m1"}))
    server = serve(instead_of_answers(webex, *acts))
    assert connect(server.url, credentials=CONFIGURED).get("/meetings/m1") == {"id": "m1"}
    assert webex.grants == 4


def test_a_broken_connection_does_not_show_that_the_token_was_accepted(
    connect: Connect, serve: Serve, webex: GrantingWebex
) -> None:
    server = serve(instead_of_answers(webex, REFUSED, reset, REFUSED))
    with pytest.raises(AuthError, match=r"set WEBEX_REFRESH_TOKEN: .*401"):
        connect(server.url, credentials=CONFIGURED).get("/meetings/m1")
    assert (webex.grants, requests_with_token(server)) == (2, 3)


def test_no_renewal_when_another_thread_has_done_it(
    connect: Connect, server: Server, webex: GrantingWebex, clock: ManualClock
) -> None:
    here, there = (connect(server.url, credentials=CONFIGURED) for _ in range(2))
    here.get("/meetings")
    webex.valid = lambda token: token == "access-2"
    there.get("/meetings")
    assert webex.grants == 2
    assert here.get("/meetings") == {"you": "access-2"}
    assert webex.grants == 2


@pytest.mark.parametrize("occasion", ["none is stored", "the current one is rejected"])
def test_many_threads_renew_once(
    connect: Connect, server: Server, webex: GrantingWebex, occasion: str
) -> None:
    client = connect(server.url, credentials=CONFIGURED, clock=Clock())
    expected = 1
    if occasion != "none is kept":
        client.get("/meetings")
        webex.valid = lambda token: token != "access-1"
        expected = 2
    with ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(lambda _: client.get("/meetings"), range(48)))
    assert answers == [{"you": f"access-{expected}"}] * 48
    assert webex.grants == expected


OTHER_PROCESS = """
import sys
from pathlib import Path
from meeting_etl.files import Files
from meeting_etl.state import LocalState
from meeting_etl.times import Clock
from meeting_etl.webex.auth import Auth
from meeting_etl.webex.credentials import Credentials
from meeting_etl.webex.client import Client
from meeting_etl.webex.bucket import FileBucket
from meeting_etl.webex.rate_limit import RateLimiter

files, clock, url = Files(Path(sys.argv[1])), Clock(), sys.argv[2]
credentials = Credentials(
    client_id="client-id", client_secret="client-secret", refresh_token="refresh-0"
)
bucket = FileBucket(files, clock, requests_per_minute=0)
rate_limiter = RateLimiter(bucket, clock, max_wait_seconds=9)
client = Client(url, Auth(credentials, LocalState(files), clock, base_url=url), rate_limiter, clock)
print("ready", flush=True)
sys.stdin.readline()
print(client.get("/meetings")["you"])
client.close()
"""


def test_many_processes_renew_once(server: Server, webex: GrantingWebex, tmp_path: Path) -> None:
    webex.grant_seconds = 0.2
    arguments = [str(tmp_path), server.url]
    assert run_at_once(OTHER_PROCESS, arguments, 3) == ["access-1\n"] * 3
    assert webex.grants == 1
