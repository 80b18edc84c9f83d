"""Retries, refusals and the clock of the client."""

import gzip

import pytest

from meeting_etl.errors import (
    ApiUnavailable,
    BadResponse,
    Forbidden,
    Gone,
    NotFound,
    Refused,
)
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.webex.broken_responses import (
    broken_chunks,
    cut_short,
    hang_up,
    nonsense_chunks,
    reset,
)
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.servers import Act, Handler, Reply, in_turn, of_webex

FINE = Reply({"id": "m1"})


# Transient faults

FAULTS: list[Act] = [
    Reply({"message": "oops"}, 500),
    Reply(b"<html>bad gateway</html>", 502),
    Reply({"message": "busy"}, 503),
    Reply(b"", 504),
    Reply({"message": "locked"}, 423),
    Reply({"message": "too slow"}, 408),
    Reply({"message": "too early"}, 425),
    reset,
    hang_up,
    cut_short,
    broken_chunks,
    nonsense_chunks,
    Reply(b""),
    Reply(b"<html>Login</html>", headers={"Content-Type": "text/html"}),
    Reply(b'{"id": "m1"'),
    Reply(b'{"id": "\xff"}'),
    Reply(b"[" * 100_000),
    Reply([{"id": "m1"}]),
    Reply("m1"),
    Reply(None),
    Reply(b"not gzip", headers={"Content-Encoding": "gzip"}),
    Reply(gzip.compress(b'{"id": "m1"}')[:-9], headers={"Content-Encoding": "gzip"}),
    # A partial response.
    Reply({"id": "m1"}, 206),
    Reply({"id": "m1"}, 202),
    Reply(b"", 204),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_transient_fault_is_retried(connect: Connect, serve: Serve, fault: Act) -> None:
    server = serve(in_turn(fault, fault, FINE))
    client = connect(server.url)
    assert client.get("/meetings/m1") == {"id": "m1"}
    assert client.requests_sent == 3


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lasting_fault_is_a_bad_response(connect: Connect, serve: Serve, fault: Act) -> None:
    server = serve(of_webex(lambda seen: fault))
    with pytest.raises(BadResponse, match=r"/v1/meetings/m1.*5 attempts") as caught:
        connect(server.url).get("/meetings/m1", {"hostEmail": "wilma@sales.example"})
    assert [seen.path for seen in server.seen].count("/v1/meetings/m1") == 5
    if isinstance(fault, Reply):
        assert caught.value.http_status == fault.status
    assert "wilma" not in str(caught.value)


# Refusals


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (403, Forbidden),
        (404, NotFound),
        (405, Refused),
        (409, Refused),
        (410, Gone),
        (415, Refused),
        (428, Refused),
    ],
)
def test_a_refusal_is_raised_immediately(
    connect: Connect, serve: Serve, clock: ManualClock, status: int, kind: type[Refused]
) -> None:
    refusal = Reply({"message": "No.", "trackingId": "ROUTER_1-2"}, status)
    server = serve(of_webex(lambda seen: refusal))
    with pytest.raises(kind) as caught:
        connect(server.url).get("/recordings", {"hostEmail": "wilma@sales.example"})
    assert type(caught.value) is kind
    assert caught.value.http_status == status
    sentence = str(caught.value)
    for part in (str(status), "GET /v1/recordings", "No.", "ROUTER_1-2"):
        assert part in sentence
    assert "wilma" not in sentence
    assert [seen.path for seen in server.seen] == ["/v1/recordings", "/v1/people/me"]
    assert clock.slept == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(connect: Connect, serve: Serve, status: int) -> None:
    thief = serve(lambda seen: FINE)
    server = serve(lambda seen: Reply(b"", status, {"Location": f"{thief.url}/meetings/m1"}))
    with pytest.raises(ApiUnavailable, match="WEBEX_BASE_URL"):
        connect(server.url).get("/meetings/m1")
    assert thief.seen == []
    assert [seen.path for seen in server.seen] == ["/v1/meetings/m1", "/v1/people/me"]


# The clock


def dated(date: str | None) -> Act:
    """A success with this Date, or without one."""

    def act(handler: Handler) -> None:
        head = f"Date: {date}\r\n" if date else ""
        handler.wfile.write(
            f"HTTP/1.1 200 OK\r\n{head}Connection: close\r\nContent-Length: 2\r\n\r\n{{}}".encode()
        )

    return act


def test_clock_ahead_is_measured_by_the_date_of_the_latest_response(
    connect: Connect, serve: Serve, clock: ManualClock
) -> None:
    server = serve(
        in_turn(
            dated(None),
            dated("Mon, 02 Mar 2026 08:58:00 GMT"),
            dated(None),
            dated("Mon, 02 Mar 2026 09:00:30 -0000"),
            dated("yesterday"),
        )
    )
    client = connect(server.url)
    assert client.clock_ahead is None
    found: list[float | None] = []
    for _ in range(5):
        client.get("/meetings/m1")
        found.append((ahead := client.clock_ahead) and ahead.total_seconds())
    assert found == [None, 120, None, -30, None]
