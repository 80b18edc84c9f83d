"""Network faults: each kind has its own sentence, and wrong settings have others."""

from pathlib import Path

import pytest

from meeting_etl.errors import BadResponse, MeetingEtlError, SettingsError
from meeting_etl.webex.transport import Limits
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.webex.broken_responses import cut_short, hang_up, reset
from meeting_etl_tests.webex.certificates import Authority
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.servers import UNKNOWN_HOST, Act, Reply, not_webex, running

FINE = Reply({"id": "m1"})
API = "https://webexapis.example/v1"
ONCE = Limits(attempts=2)


def refusal(connect: Connect, url: str) -> MeetingEtlError:
    with pytest.raises(MeetingEtlError) as caught:
        connect(url, limits=ONCE).get("/meetings/m1", {"hostEmail": "wilma@sales.example"})
    assert "wilma" not in str(caught.value)
    return caught.value


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Proxies and certificates as a user sets them, without those of this machine."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


# Transient faults


def test_a_host_name_that_cannot_be_resolved(
    connect: Connect, environment: pytest.MonkeyPatch
) -> None:
    error = refusal(connect, f"https://{UNKNOWN_HOST}/v1")
    assert isinstance(error, BadResponse)
    assert "cannot resolve the host name (DNS); gave up after 2 attempts" in str(error)


def test_connection_refused(connect: Connect) -> None:
    with running(lambda seen: FINE) as server:
        url = server.url
    error = refusal(connect, url)
    assert isinstance(error, BadResponse)
    assert "connection refused; gave up after 2 attempts" in str(error)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (reset, "connection closed before the response was complete"),
        (hang_up, "connection closed before the response was complete"),
        (cut_short, "response body truncated"),
        (Reply(b"x", headers={"Content-Encoding": "gzip"}), "response body cannot be decompressed"),
    ],
)
def test_a_broken_connection(connect: Connect, serve: Serve, act: Act, words: str) -> None:
    error = refusal(connect, serve(lambda seen: act).url)
    assert isinstance(error, BadResponse)
    assert words in str(error)


def test_a_certificate_of_an_unknown_authority(
    connect: Connect, authority: Authority, environment: pytest.MonkeyPatch
) -> None:
    with running(lambda seen: FINE, tls=authority.context) as server:
        error = refusal(connect, server.url)
    assert isinstance(error, BadResponse)
    assert "the certificate is not trusted" in str(error)
    assert "REQUESTS_CA_BUNDLE" in str(error)
    assert server.seen == []


def test_a_server_that_speaks_no_tls(
    connect: Connect, serve: Serve, environment: pytest.MonkeyPatch
) -> None:
    error = refusal(connect, serve(lambda seen: FINE).url.replace("http:", "https:"))
    assert isinstance(error, BadResponse)
    assert "TLS handshake failed" in str(error)


def test_a_proxy_that_refuses(
    connect: Connect, serve: Serve, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("HTTPS_PROXY", serve(not_webex).url.removesuffix("/v1"))
    error = refusal(connect, API)
    assert isinstance(error, BadResponse)
    assert "the proxy refused the connection" in str(error)


# Successes


def test_the_authority_of_the_environment_is_trusted(
    connect: Connect, authority: Authority, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    with running(lambda seen: FINE, tls=authority.context) as server:
        assert connect(server.url).get("/meetings/m1") == {"id": "m1"}


def test_a_proxy_leads_to_the_api_and_sees_no_token(
    connect: Connect, authority: Authority, environment: pytest.MonkeyPatch
) -> None:
    with (
        running(lambda seen: FINE, tls=authority.context) as server,
        running(not_webex, tunnel_to=server) as proxy,
    ):
        environment.setenv("HTTPS_PROXY", proxy.url.removesuffix("/v1"))
        environment.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
        client = connect(API)
        assert client.get("/meetings/m1") == {"id": "m1"}
        client.close()
    assert server.seen[0].headers["Authorization"] == "Bearer given-token"
    (connecting,) = proxy.seen
    assert connecting.path == "webexapis.example:443"
    assert connecting.headers["Authorization"] is None


# Wrong settings of the environment: reported immediately, without a retry


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("socks5://127.0.0.1:9", "PySocks"),
        ("http://[bad", "the proxy's URL is not valid"),
        ("http://127.0.0.1:99999", "the proxy's URL is not valid"),
        ("http://127.0.0.1:port", "the proxy's URL is not valid"),
        ("ftp://127.0.0.1:1", "the proxy's URL is not valid"),
        ("http://", "the proxy's URL is not valid"),
    ],
)
def test_a_proxy_that_cannot_be_used(
    connect: Connect,
    clock: ManualClock,
    environment: pytest.MonkeyPatch,
    proxy: str,
    words: str,
) -> None:
    environment.setenv("HTTPS_PROXY", proxy)
    error = refusal(connect, API)
    assert isinstance(error, SettingsError)
    assert words in str(error)
    assert "HTTPS_PROXY" in str(error)
    assert clock.slept == []


def test_a_missing_certificate_bundle(
    connect: Connect, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    error = refusal(connect, API)
    assert isinstance(error, SettingsError)
    assert "REQUESTS_CA_BUNDLE" in str(error)
    assert "none.pem" in str(error)


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\x00\xff"])
def test_an_invalid_certificate_bundle(
    connect: Connect, environment: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "some.pem"
    file.write_bytes(content)
    environment.setenv("REQUESTS_CA_BUNDLE", str(file))
    error = refusal(connect, API)
    assert isinstance(error, SettingsError)
    assert f"names {file}, which has no certificates in PEM format; set it to" in str(error)
