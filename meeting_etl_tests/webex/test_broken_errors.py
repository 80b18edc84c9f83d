"""Errors with a truncated, empty or undecodable body: their head says all that matters."""

import gzip
import json

import pytest

from meeting_etl.errors import BadResponse, Refused
from meeting_etl.webex.transport import Limits
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.granting import CONFIGURED, GrantingWebex
from meeting_etl_tests.webex.servers import Act, Handler, Reply, Seen, cut_off, in_turn

FINE = Reply({"id": "m1"})
BODY = json.dumps({"message": "No.", "trackingId": "ROUTER_1"}).encode()


def broken(how: str, status: int, **more: str) -> Act:
    """An error of the API with a truncated body or one that is not gzip."""
    headers = {"trackingId": "ROUTER_1"} | {
        name.replace("_", "-"): value for name, value in more.items()
    }
    zipped = headers | {"Content-Encoding": "gzip"}
    if how == "cut off":
        return cut_off(status, headers, BODY[:20])
    if how == "no chunk after the first":

        def act(handler: Handler) -> None:
            handler.start(status, headers | {"Transfer-Encoding": "chunked"})
            handler.wfile.write(b'5\r\n{"mes\r\n')

        return act
    if how == "gzip of nothing":
        return Reply(b"", status, zipped)
    if how == "gzip cut off":
        return Reply(gzip.compress(BODY)[:-9], status, zipped)
    assert how == "no gzip at all"
    return Reply(BODY, status, zipped)


WAYS = [
    "cut off",
    "no chunk after the first",
    "gzip of nothing",
    "gzip cut off",
    "no gzip at all",
]


@pytest.mark.parametrize("how", WAYS)
def test_429_pauses_all_requests(
    connect: Connect, serve: Serve, clock: ManualClock, how: str
) -> None:
    server = serve(in_turn(broken(how, 429, Retry_After="60"), FINE))
    started = clock.now()
    client = connect(server.url, limits=Limits(attempts=1))
    assert client.get("/meetings/m1") == {"id": "m1"}
    assert (clock.now() - started).total_seconds() == 60
    assert len(server.seen) == 2


@pytest.mark.parametrize("how", WAYS)
def test_401_renews_the_token_once(
    connect: Connect, serve: Serve, webex: GrantingWebex, how: str
) -> None:
    refused = iter([broken(how, 401)])

    def answer(seen: Seen) -> Act:
        if seen.path == "/v1/access_token":
            return webex(seen)
        return next(refused, FINE)

    server = serve(answer)
    assert connect(server.url, credentials=CONFIGURED).get("/meetings/m1") == {"id": "m1"}
    assert [seen.path for seen in server.seen].count("/v1/access_token") == 2


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_truncated_refusal_is_a_transient_fault(
    connect: Connect, serve: Serve, how: str, status: int
) -> None:
    client = connect(serve(in_turn(FINE, broken(how, status))).url)
    client.get("/meetings/m1")
    with pytest.raises(BadResponse, match="5 attempts") as caught:
        client.get("/meetings/m1")
    assert not isinstance(caught.value, Refused)
    assert caught.value.http_status == status


@pytest.mark.parametrize("how", WAYS)
def test_retry_after_of_a_single_request_is_obeyed(
    connect: Connect, serve: Serve, clock: ManualClock, how: str
) -> None:
    server = serve(in_turn(broken(how, 503, Retry_After="17"), FINE))
    started = clock.now()
    assert connect(server.url).get("/meetings/m1") == {"id": "m1"}
    assert (clock.now() - started).total_seconds() == 17
