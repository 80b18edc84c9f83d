"""The access token: where it is stored, when it is renewed, and to whom it is sent."""

import logging
import stat
from pathlib import Path

import pytest

from meeting_etl.errors import AuthError, SettingsError, StorageError
from meeting_etl.files import Files
from meeting_etl.state import LocalState
from meeting_etl.webex.auth import Auth
from meeting_etl.webex.credentials import Credentials
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.granting import CONFIGURED, DAY, GrantingWebex
from meeting_etl_tests.webex.servers import Reply, Seen, Server


def forms(server: Server) -> list[dict[str, str]]:
    return [seen.form for seen in server.seen if seen.path == "/v1/access_token"]


def requests_with_token(server: Server) -> int:
    return sum(seen.path != "/v1/access_token" for seen in server.seen)


# A configured access token


def test_a_configured_token_is_sent_unchanged(
    connect: Connect, server: Server, webex: GrantingWebex
) -> None:
    client = connect(server.url, credentials=Credentials(access_token="given-token"))
    assert client.get("/meetings") == {"you": "given-token"}
    assert webex.grants == 0


def test_a_configured_token_that_is_rejected_fails_immediately(
    connect: Connect, server: Server, webex: GrantingWebex
) -> None:
    webex.valid = lambda token: False
    client = connect(server.url, credentials=Credentials(access_token="given-token"))
    with pytest.raises(AuthError, match=r"^Set a new WEBEX_ACCESS_TOKEN: ") as caught:
        client.get("/meetings")
    assert "given-token" not in str(caught.value)
    assert len(server.seen) == 1


@pytest.mark.parametrize("token", ["given-token\n", "given token", "given-tökén", "", "\0"])
def test_a_token_that_is_not_valid_in_a_header_is_reported_without_its_text(
    files: Files, clock: ManualClock, token: str
) -> None:
    with pytest.raises(SettingsError, match="WEBEX_ACCESS_TOKEN") as caught:
        Auth(
            Credentials(access_token=token),
            LocalState(files),
            clock,
            base_url="https://webex.example/v1",
        )
    assert "given" not in str(caught.value)


# The refresh grant


def test_the_first_request_is_the_documented_refresh_grant(
    connect: Connect, server: Server
) -> None:
    client = connect(server.url, credentials=CONFIGURED)
    assert client.get("/meetings") == {"you": "access-1"}
    grant = server.seen[0]
    assert grant.method == "POST"
    assert grant.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert grant.headers["Authorization"] is None
    assert grant.params == {}
    assert grant.form == {
        "grant_type": "refresh_token",
        "client_id": "client-id",
        "client_secret": "client-secret",
        "refresh_token": "refresh-0",
    }


def test_both_tokens_are_stored_privately_before_the_new_one_is_used(
    connect: Connect, server: Server, webex: GrantingWebex, tmp_path: Path
) -> None:
    file = tmp_path / "state/tokens.json"
    kept = []

    def look(seen: Seen) -> None:
        kept.append((file.read_text(), stat.S_IMODE(file.stat().st_mode)))

    webex.before_answer = look
    connect(server.url, credentials=CONFIGURED).get("/meetings")
    [(text, mode)] = kept
    assert "access-1" in text
    assert "refresh-1" in text
    assert "client-secret" not in text
    assert "refresh-0" not in text
    assert mode == 0o600


def test_a_token_that_cannot_be_stored_is_not_used(
    connect: Connect, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "state/tokens.json/in the way").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"tokens\.json"):
        connect(server.url, credentials=CONFIGURED).get("/meetings")
    assert requests_with_token(server) == 0


def test_the_next_process_uses_the_stored_token(
    connect: Connect, server: Server, webex: GrantingWebex
) -> None:
    for _ in range(3):
        assert connect(server.url, credentials=CONFIGURED).get("/meetings") == {"you": "access-1"}
    assert webex.grants == 1


@pytest.mark.parametrize("expires_in", [14 * DAY, 3600, 301, "3600"])
def test_a_token_is_renewed_when_fewer_than_300_s_remain(
    connect: Connect,
    server: Server,
    webex: GrantingWebex,
    clock: ManualClock,
    expires_in: int | str,
) -> None:
    webex.expires_in = expires_in
    client = connect(server.url, credentials=CONFIGURED)
    client.get("/meetings")
    clock.advance(seconds=int(expires_in) - 300)
    assert client.get("/meetings") == {"you": "access-1"}
    clock.advance(seconds=1)
    assert client.get("/meetings") == {"you": "access-2"}
    assert webex.grants == 2


def test_a_new_process_renews_a_stored_token_that_is_due(
    connect: Connect, server: Server, webex: GrantingWebex, clock: ManualClock
) -> None:
    connect(server.url, credentials=CONFIGURED).get("/meetings")
    clock.advance(days=15)
    assert connect(server.url, credentials=CONFIGURED).get("/meetings") == {"you": "access-2"}


def test_a_short_lived_token_is_not_renewed_for_every_request(
    connect: Connect, server: Server, webex: GrantingWebex, clock: ManualClock
) -> None:
    webex.expires_in = 200
    client = connect(server.url, credentials=CONFIGURED)
    for _ in range(5):
        client.get("/meetings")
    assert webex.grants == 1
    clock.advance(seconds=101)
    client.get("/meetings")
    assert webex.grants == 2


def test_each_renewal_uses_the_newest_refresh_token(
    connect: Connect, server: Server, clock: ManualClock
) -> None:
    for _ in range(3):
        connect(server.url, credentials=CONFIGURED).get("/meetings")
        clock.advance(days=15)
    assert [form["refresh_token"] for form in forms(server)] == [
        "refresh-0",
        "refresh-1",
        "refresh-2",
    ]


def test_a_refresh_token_that_is_not_replaced_stays(
    connect: Connect, server: Server, webex: GrantingWebex, clock: ManualClock
) -> None:
    webex.rotating = False
    client = connect(server.url, credentials=CONFIGURED)
    client.get("/meetings")
    clock.advance(days=15)
    client.get("/meetings")
    assert [form["refresh_token"] for form in forms(server)] == ["refresh-0", "refresh-0"]


@pytest.mark.parametrize(
    "changed",
    [
        Credentials(client_id="client-id", client_secret="client-secret", refresh_token="new"),
        Credentials(client_id="other-id", client_secret="client-secret", refresh_token="refresh-0"),
    ],
)
def test_new_settings_override_stored_tokens(
    connect: Connect, server: Server, changed: Credentials
) -> None:
    connect(server.url, credentials=CONFIGURED).get("/meetings")
    assert connect(server.url, credentials=changed).get("/meetings") == {"you": "access-2"}
    assert forms(server)[1]["refresh_token"] == changed.refresh_token


def test_a_token_of_one_host_is_not_sent_to_another(
    connect: Connect, server: Server, serve: Serve
) -> None:
    connect(server.url, credentials=CONFIGURED).get("/meetings")
    other = serve(GrantingWebex())
    connect(other.url, credentials=CONFIGURED).get("/meetings")
    assert forms(other)[0]["refresh_token"] == "refresh-0"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b"{}", b'{"owner": 1}', b"null"],
)
def test_a_damaged_file_counts_as_none(
    connect: Connect, server: Server, files: Files, content: bytes
) -> None:
    files.replace_bytes("state/tokens.json", content)
    assert connect(server.url, credentials=CONFIGURED).get("/meetings") == {"you": "access-1"}
    assert forms(server)[0]["refresh_token"] == "refresh-0"


# The token goes to the API and nowhere else


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://webex.example/v1/recordings?max=100", True),
        ("https://WEBEX.example:443/other", True),
        ("http://webex.example/v1/recordings", False),
        ("https://webex.example:8443/v1/recordings", False),
        ("https://api.webex.example/v1/recordings", False),
        ("https://webex.example.evil.example/v1/recordings", False),
        ("https://webex.example@evil.example/v1/recordings", False),
        (r"https://webex.example\@evil.example/v1/recordings", False),
        ("/v1/recordings", False),
    ],
)
def test_only_the_scheme_host_and_port_of_the_api_get_the_token(
    files: Files, clock: ManualClock, url: str, sent: bool
) -> None:
    auth = Auth(CONFIGURED, LocalState(files), clock, base_url="https://webex.example/v1")
    assert auth.headers(url, "t") == ({"Authorization": "Bearer t"} if sent else {})


def test_no_secret_is_in_a_repr_or_a_log(
    connect: Connect, server: Server, webex: GrantingWebex, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    webex.grant_acts = [Reply({"message": "busy"}, 500)]
    webex.valid = lambda token: token == "access-3"
    client = connect(server.url, credentials=CONFIGURED)
    client.get("/meetings", {"hostEmail": "wilma@sales.example"})
    shown = repr((CONFIGURED, Credentials(access_token="access-9"), client)) + caplog.text
    for secret in ("access-", "refresh-", "client-secret", "wilma@"):
        assert secret not in shown
    assert "503" in caplog.text or "500" in caplog.text
