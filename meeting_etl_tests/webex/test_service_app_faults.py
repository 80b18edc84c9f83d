"""A service app's token that cannot be obtained: who is to mend what, and what is retried."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from meeting_etl.errors import ApiUnavailable, AuthError
from meeting_etl.sandbox.world.model import SECRET_MARK, cisco_id
from meeting_etl.webex.credentials import Credentials
from meeting_etl_tests.service_apps import service_app
from meeting_etl_tests.webex.broken_responses import TRANSIENT_FAULTS, reset
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.servers import Act, Reply, Seen
from meeting_etl_tests.webex.service_app_requests import ME, REFRESH, TOKEN, StartWebex, sent


@pytest.mark.parametrize(
    ("changed", "status", "remedy"),
    [
        (
            {"client_secret": f"{SECRET_MARK}-old"},
            400,
            "Check APP_ID, APP_SECRET and [accounts.company] target_org_id: ",
        ),
        (
            {"target_org_id": cisco_id("ORGANIZATION", "another")},
            403,
            (
                "Check [accounts.company] target_org_id, that a full administrator of this "
                "organization has authorised the service app in Control Hub, and that the "
                "integration has the scope spark:applications_token: "
            ),
        ),
        (
            {"application_id": cisco_id("APPLICATION", "another")},
            404,
            "Check [accounts.company] application_id: ",
        ),
    ],
)
def test_a_refused_service_app_names_the_setting_and_is_requested_once(
    connect: Connect, webex_of: StartWebex, changed: dict[str, Any], status: int, remedy: str
) -> None:
    webex = webex_of()
    client = connect(webex.base_url, credentials=service_app(webex, **changed))

    def fails(_: int) -> str:
        with pytest.raises(AuthError) as caught:
            client.get("/people/me")
        return str(caught.value)

    with ThreadPoolExecutor(4) as threads:
        messages = set(threads.map(fails, range(8)))
    [message] = messages
    assert message.startswith(f"{remedy}Webex refused a token of the service app (")
    assert SECRET_MARK not in message
    assert sent(webex) == [(REFRESH, 200), (TOKEN, status)]


def test_a_refused_integration_names_its_own_settings(
    connect: Connect, webex_of: StartWebex
) -> None:
    webex = webex_of()
    client = connect(webex.base_url, credentials=service_app(webex, refresh_token="used-up"))
    for _ in range(2):
        with pytest.raises(
            AuthError,
            match=r"^Authorise the integration again and set TOKENS_REFRESH, and check TOKENS_ID",
        ) as caught:
            client.get("/people/me")
        assert "used-up" not in str(caught.value)
    assert sent(webex) == [(REFRESH, 400)]


def test_a_token_without_the_scope_is_refused(connect: Connect, webex_of: StartWebex) -> None:
    webex = webex_of()
    wrong = service_app(webex, integration=Credentials(webex.token("admin")))
    with pytest.raises(AuthError, match="scope spark:applications_token"):
        connect(webex.base_url, credentials=wrong).get("/people/me")


def answering(*acts: Act) -> tuple[list[str], Callable[[Seen], Act]]:
    """A fake Webex that responds to requests for the service app's token with these in turn."""
    paths, turns = list[str](), iter(acts)

    def answer(seen: Seen) -> Act:
        paths.append(seen.path)
        if seen.path == REFRESH:
            return Reply({"access_token": "bearer-1", "refresh_token": "r-1", "expires_in": 3600})
        return next(turns) if seen.path.startswith(TOKEN) else Reply({"id": "me"})

    return paths, answer


def test_a_repeated_401_may_be_the_integration_or_the_secret(
    connect: Connect, serve: Serve, webex_of: StartWebex
) -> None:
    refused = Reply({"message": "Invalid client credentials"}, 401)
    paths, answer = answering(*[refused] * 9)
    app = service_app(webex_of())
    client = connect(serve(answer).url, credentials=app)
    for _ in range(2):
        with pytest.raises(AuthError) as caught:
            client.get("/people/me")
        assert str(caught.value).startswith(
            "Authorise the integration again and set TOKENS_REFRESH, and check APP_SECRET: "
        )
    token = f"{TOKEN}{app.application_id}/token"
    assert paths == [REFRESH, token, REFRESH, token]


def test_a_new_token_that_is_rejected_too_is_an_auth_error(
    connect: Connect, serve: Serve, webex_of: StartWebex
) -> None:
    def answer(seen: Seen) -> Act:
        rejected = Reply({"message": "no"}, 401)
        return rejected if seen.path == ME else Reply({"access_token": "a", "expires_in": 3600})

    server = serve(answer)
    client = connect(server.url, credentials=service_app(webex_of()))
    with pytest.raises(AuthError, match=r"^Check the service app of \[accounts.company\] and its"):
        client.get("/people/me")
    assert [seen.path for seen in server.seen].count(ME) == 2


GRANTED = Reply({"access_token": "app-1", "expires_in": 3600})


@pytest.mark.parametrize("act", TRANSIENT_FAULTS)
def test_a_transient_fault_is_retried(
    connect: Connect, serve: Serve, webex_of: StartWebex, act: Act
) -> None:
    _, answer = answering(act, act, GRANTED)
    client = connect(serve(answer).url, credentials=service_app(webex_of()))
    assert client.get("/people/me") == {"id": "me"}


@pytest.mark.parametrize(
    "act",
    [
        Reply({"message": "busy"}, 500),
        Reply(b"<html>maintenance</html>"),
        Reply({"expires_in": 3600}),
        Reply({"access_token": "a b", "expires_in": 3600}),
        Reply({"access_token": "a"}),
        reset,
    ],
)
def test_what_keeps_failing_makes_the_api_unavailable(
    connect: Connect, serve: Serve, webex_of: StartWebex, act: Act
) -> None:
    paths, answer = answering(*[act] * 100)
    client = connect(serve(answer).url, credentials=service_app(webex_of()))
    with pytest.raises(ApiUnavailable, match="Renewing the access token failed"):
        client.get("/people/me")
    assert ME not in paths
    assert 2 <= len(paths) <= 20


def test_the_integrations_token_goes_to_no_other_host(
    connect: Connect, serve: Serve, webex_of: StartWebex
) -> None:
    elsewhere = serve(lambda seen: GRANTED)
    moved = Reply({}, 307, {"Location": f"{elsewhere.url}/applications/x/token"})
    _, answer = answering(*[moved] * 10)
    client = connect(serve(answer).url, credentials=service_app(webex_of()))
    with pytest.raises(ApiUnavailable):
        client.get("/people/me")
    assert elsewhere.seen == []
