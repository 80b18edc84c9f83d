from concurrent.futures import ThreadPoolExecutor

import pytest

from meeting_etl.errors import ApiUnavailable, AuthError
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.webex.broken_responses import TRANSIENT_FAULTS, reset
from meeting_etl_tests.webex.conftest import Connect
from meeting_etl_tests.webex.granting import CONFIGURED, GrantingWebex
from meeting_etl_tests.webex.servers import Act, Reply, Server


def requests_with_token(server: Server) -> int:
    return sum(seen.path != "/v1/access_token" for seen in server.seen)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_refresh_token_is_an_auth_error_that_says_what_to_do(
    connect: Connect, server: Server, webex: GrantingWebex, status: int
) -> None:
    webex.grant_acts = [Reply({"message": "The refresh token is expired"}, status)]
    client = connect(server.url, credentials=CONFIGURED)
    with pytest.raises(AuthError) as caught:
        client.get("/meetings")
    sentence = str(caught.value)
    assert "The refresh token is expired" in sentence
    assert sentence.startswith("Authorise the integration again and set WEBEX_REFRESH_TOKEN, and")
    assert "refresh-0" not in sentence
    assert "client-secret" not in sentence
    assert (webex.grants, requests_with_token(server)) == (1, 0)


def test_a_refused_grant_is_not_repeated(
    connect: Connect, server: Server, webex: GrantingWebex
) -> None:
    webex.grant_acts = [Reply({"message": "expired"}, 400)] * 50
    client = connect(server.url, credentials=CONFIGURED)

    def fails(number: int) -> bool:
        with pytest.raises(AuthError, match="WEBEX_REFRESH_TOKEN"):
            client.get("/meetings")
        return True

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(fails, range(20)))
    assert (webex.grants, requests_with_token(server)) == (1, 0)


@pytest.mark.parametrize("act", TRANSIENT_FAULTS)
def test_a_transient_fault_of_a_renewal_is_retried(
    connect: Connect, server: Server, webex: GrantingWebex, act: Act
) -> None:
    webex.grant_acts = [act, act]
    assert connect(server.url, credentials=CONFIGURED).get("/meetings") == {"you": "access-3"}


@pytest.mark.parametrize(
    "act",
    [
        Reply({"message": "busy"}, 500),
        Reply({"message": "later"}, 429, {"Retry-After": "5"}),
        Reply(b"<html>maintenance</html>"),
        Reply({"expires_in": 3600}),
        Reply({"access_token": "a b", "expires_in": 3600}),
        Reply({"access_token": "a", "expires_in": 3600, "refresh_token": None}),
        Reply({"access_token": "a", "refresh_token": "r"}),
        Reply({"access_token": "a", "refresh_token": "r", "expires_in": "soon"}),
        Reply({"access_token": "a", "refresh_token": "r", "expires_in": 1e30}),
        reset,
    ],
)
def test_a_renewal_that_keeps_failing_makes_the_api_unavailable(
    connect: Connect, server: Server, webex: GrantingWebex, act: Act
) -> None:
    webex.grant_acts = [act] * 100
    with pytest.raises(ApiUnavailable, match="Renewing the access token failed"):
        connect(server.url, credentials=CONFIGURED).get("/meetings")
    assert 1 <= webex.grants <= 20
    assert requests_with_token(server) == 0


def test_a_renewal_waits_for_a_running_retry_after(
    connect: Connect, server: Server, webex: GrantingWebex, clock: ManualClock
) -> None:
    started = clock.now()
    webex.grant_acts = [Reply({"message": "later"}, 429, {"Retry-After": "77"})]
    connect(server.url, credentials=CONFIGURED).get("/meetings")
    assert (clock.now() - started).total_seconds() == 77


def test_a_renewal_with_too_long_a_retry_after_reports_its_end(
    connect: Connect, server: Server, webex: GrantingWebex, clock: ManualClock
) -> None:
    webex.grant_acts = [Reply({"message": "later"}, 429, {"Retry-After": "3600"})]
    with pytest.raises(ApiUnavailable) as caught:
        connect(server.url, credentials=CONFIGURED).get("/meetings")
    assert caught.value.retry_at is not None
    assert (caught.value.retry_at - clock.now()).total_seconds() == 3600
