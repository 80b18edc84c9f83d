"""The test servers themselves: without the faults they claim, tests of faults show nothing."""

import http.client
import socket
import ssl

import pytest
import requests

from meeting_etl_tests.webex.broken_responses import in_chunks
from meeting_etl_tests.webex.certificates import Authority
from meeting_etl_tests.webex.servers import UNKNOWN_HOST, Reply, cutting, not_webex, running

FINE = Reply({"id": "m1"})


def test_a_tls_server_is_trusted_only_with_its_authority(authority: Authority) -> None:
    with running(lambda seen: FINE, tls=authority.context) as server:
        url = f"{server.url}/meetings/m1"
        assert requests.get(url, verify=str(authority.bundle), timeout=60).json() == {"id": "m1"}
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(url, timeout=60)
    assert [seen.path for seen in server.seen] == ["/v1/meetings/m1"]


def test_a_proxy_leads_to_a_server_with_tls_for_any_host_of_its_certificate(
    authority: Authority,
) -> None:
    with (
        running(lambda seen: FINE, tls=authority.context) as server,
        running(not_webex, tunnel_to=server) as proxy,
    ):
        host, port = proxy.server_address[:2]
        trusting = ssl.create_default_context(cafile=authority.bundle)
        connection = http.client.HTTPSConnection(str(host), port, timeout=60, context=trusting)
        connection.set_tunnel("webexapis.example", 443)
        connection.request("GET", "/v1/meetings/m1")
        assert connection.getresponse().read() == b'{"id": "m1"}'
        connection.close()
    assert [(seen.method, seen.path) for seen in proxy.seen] == [
        ("CONNECT", "webexapis.example:443")
    ]


def test_a_host_that_is_not_webex_answers_404_with_a_page_to_all() -> None:
    with running(not_webex) as server:
        for path in ("", "/people/me", "/access_token"):
            answer = requests.get(server.url + path, timeout=60)
            assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html")


def test_a_gateway_cuts_the_bodies_of_the_statuses_that_it_is_to_cut() -> None:
    statuses = {"/v1/good": 200, "/v1/bad": 403}
    with (
        running(lambda seen: Reply({"of": seen.path}, statuses[seen.path], {"X-A": "b"})) as behind,
        running(cutting(behind.url, cuts=lambda status: status == 403)) as gateway,
    ):
        good = requests.get(f"{gateway.url}/good", params={"a": "b"}, timeout=60)
        assert (good.json(), good.headers["X-A"]) == ({"of": "/v1/good"}, "b")
        assert behind.seen[0].params == {"a": "b"}
        bad = requests.get(f"{gateway.url}/bad", timeout=60, stream=True)
        assert (bad.status_code, bad.headers["X-A"]) == (403, "b")
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            bad.content  # noqa: B018 - reading it is what fails
    with (
        running(lambda seen: in_chunks) as behind,
        running(cutting(behind.url)) as gateway,
        pytest.raises(requests.exceptions.ChunkedEncodingError),
    ):
        requests.get(f"{gateway.url}/good", timeout=60)


def test_a_name_that_cannot_be_found() -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo(UNKNOWN_HOST, 443)
