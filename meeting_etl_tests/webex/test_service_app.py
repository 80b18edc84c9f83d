"""A service app's token: an integration requests it, and it is kept as every other token is."""

import json
import logging
import stat
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.errors import AuthError
from meeting_etl.files import Files
from meeting_etl.sandbox.world.model import SECRET_MARK
from meeting_etl.state import LocalState
from meeting_etl.webex.auth import Auth
from meeting_etl.webex.credentials import Credentials
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.service_apps import INTEGRATION_NAMES, service_app
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.servers import Act, Reply, Seen
from meeting_etl_tests.webex.service_app_requests import ME, REFRESH, TOKEN, StartWebex, sent


def stored(folder: Path) -> dict[str, Path]:
    """The files of tokens: of the service app, and of the integration."""
    [integration] = (folder / "state").glob("tokens.integration-*.json")
    return {"app": folder / "state/tokens.json", "integration": integration}


def test_the_first_token_is_requested_by_the_integration(
    connect: Connect, webex_of: StartWebex
) -> None:
    webex = webex_of()
    client = connect(webex.base_url, credentials=service_app(webex))
    assert client.get("/people/me")["emails"] == [webex.world.admin.email]
    client.get("/people/me")
    assert sent(webex) == [(REFRESH, 200), (TOKEN, 200), (ME, 200), (ME, 200)]


def test_tokens_are_stored_privately_before_they_are_used(
    connect: Connect, serve: Serve, webex_of: StartWebex, tmp_path: Path
) -> None:
    webex = webex_of()
    seen_files = list[Path]()

    def answer(seen: Seen) -> Act:
        if seen.path == REFRESH:
            return Reply({"access_token": "bearer-1", "refresh_token": "r-1", "expires_in": 3600})
        if seen.path.startswith(TOKEN):
            assert "bearer-1" in stored(tmp_path)["integration"].read_text()
            return Reply({"access_token": "app-1", "refresh_token": "app-r", "expires_in": 3600})
        seen_files.extend(stored(tmp_path).values())
        assert "app-1" in stored(tmp_path)["app"].read_text()
        return Reply({"id": "me"})

    app = service_app(webex)
    server = serve(answer)
    assert connect(server.url, credentials=app).get("/people/me") == {"id": "me"}
    assert [stat.S_IMODE(file.stat().st_mode) for file in seen_files] == [0o600, 0o600]
    together = "".join(file.read_text() for file in seen_files)
    for secret in ("app-r", app.client_secret, *app.integration.secrets):
        assert secret
        assert secret not in together
    request = server.seen[1]
    assert (request.method, request.path) == ("POST", f"{TOKEN}{app.application_id}/token")
    assert request.headers["Authorization"] == "Bearer bearer-1"
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body) == {
        "clientId": app.client_id,
        "clientSecret": app.client_secret,
        "targetOrgId": app.target_org_id,
    }


def test_the_next_process_uses_the_stored_token(connect: Connect, webex_of: StartWebex) -> None:
    webex = webex_of()
    app = service_app(webex)
    for _ in range(3):
        connect(webex.base_url, credentials=app).get("/people/me")
    assert sent(webex).count((TOKEN, 200)) == 1


def test_a_token_that_is_due_is_replaced_with_the_stored_tokens_of_the_integration(
    connect: Connect, webex_of: StartWebex, clock: ManualClock
) -> None:
    webex = webex_of(access_token_seconds=3600)
    client = connect(webex.base_url, credentials=service_app(webex))
    client.get("/people/me")
    clock.advance(seconds=3300)
    client.get("/people/me")
    assert sent(webex).count((TOKEN, 200)) == 1
    clock.advance(seconds=1)
    client.get("/people/me")
    assert sent(webex)[-3:] == [(REFRESH, 200), (TOKEN, 200), (ME, 200)]
    assert sent(webex).count((REFRESH, 200)) == 2


def test_revoked_tokens_are_replaced_in_mid_run(connect: Connect, webex_of: StartWebex) -> None:
    webex = webex_of()
    client = connect(webex.base_url, credentials=service_app(webex))
    client.get("/people/me")
    webex.revoke(webex.world.admin.email)
    client.get("/people/me")
    assert sent(webex)[3:] == [(ME, 401), (TOKEN, 200), (ME, 200)]
    webex.revoke(webex.world.admin.email)
    webex.revoke(webex.world.owner.email)  # of the integration
    client.get("/people/me")
    assert sent(webex)[6:] == [(ME, 401), (TOKEN, 401), (REFRESH, 200), (TOKEN, 200), (ME, 200)]


def test_the_integrations_access_token_alone_is_enough_until_it_is_rejected(
    connect: Connect, webex_of: StartWebex, tmp_path: Path
) -> None:
    webex = webex_of()
    first = connect(webex.base_url, credentials=service_app(webex))
    first.get("/people/me")
    bearer = json.loads(stored(tmp_path)["integration"].read_text())["access_token"]
    given = Credentials(bearer, names=INTEGRATION_NAMES)
    app = service_app(webex, integration=given, client_id="A" + "0" * 64)
    with pytest.raises(AuthError, match=r"^Check APP_ID"):
        connect(webex.base_url, credentials=app).get("/people/me")
    webex.revoke(webex.world.admin.email)
    app = service_app(webex, integration=given)
    client = connect(webex.base_url, credentials=app)
    client.get("/people/me")
    webex.revoke(webex.world.admin.email)
    webex.revoke(webex.world.owner.email)
    with pytest.raises(AuthError, match=r"^Set a new TOKEN, and check APP_SECRET: .*401"):
        client.get("/people/me")
    assert sent(webex)[-2:] == [(ME, 401), (TOKEN, 401)]


def test_service_apps_of_one_integration_share_its_tokens(
    connect: Connect, webex_of: StartWebex, files: Files, clock: ManualClock
) -> None:
    webex = webex_of()
    grant = webex.integration_grant()
    state, url = LocalState(files), webex.base_url
    names = []
    for kind in ("admin", "compliance"):
        app = service_app(webex, kind, refresh_token=grant)
        auth = Auth(app, state, clock, base_url=url, stored_as=f"tokens-{kind}")
        client = connect(url, auth=auth)
        names.append(client.get("/people/me")["emails"][0])
    assert names == [webex.world.admin.email, webex.world.officer.email]
    assert sent(webex) == [(REFRESH, 200), (TOKEN, 200), (ME, 200), (TOKEN, 200), (ME, 200)]


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"client_secret": "new"}, True),
        ({"integration": Credentials("another")}, True),
        ({"application_id": "another"}, False),
        ({"target_org_id": "another"}, False),
        ({"client_id": "another"}, False),
    ],
)
def test_whose_token_it_is(
    webex_of: StartWebex, files: Files, clock: ManualClock, changed: dict[str, Any], same: bool
) -> None:
    webex = webex_of()
    first, other = (
        Auth(app, LocalState(files), clock, base_url=webex.base_url).token_identity
        for app in (service_app(webex), service_app(webex, **changed))
    )
    assert (first == other) is same


def test_no_secret_is_in_a_repr_or_a_log(
    connect: Connect, webex_of: StartWebex, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    webex = webex_of()
    app = service_app(webex)
    client = connect(webex.base_url, credentials=app)
    client.get("/people/me")
    webex.revoke(webex.world.admin.email)
    client.get("/people/me")
    shown = repr((app, webex.service_app("admin"), client)) + caplog.text
    assert SECRET_MARK in app.secrets[0]
    assert SECRET_MARK not in shown
