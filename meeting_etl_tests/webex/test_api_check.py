"""Whether it is Webex that responds, and whether it is down as a whole."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from meeting_etl.errors import (
    ApiUnavailable,
    BadResponse,
    Forbidden,
    MeetingEtlError,
    NotFound,
)
from meeting_etl.times import Clock
from meeting_etl.webex.transport import Limits
from meeting_etl_tests.webex.broken_responses import reset
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.granting import CONFIGURED, GrantingWebex
from meeting_etl_tests.webex.servers import Reply, Seen, in_turn, of_webex

FINE = Reply({"id": "m1"})


# Whether it is Webex that responds

PAGE = Reply(b"<html>Not here</html>", 404, {"Content-Type": "text/html"})
NO_SUCH_PATH = Reply({"message": "Not found.", "errors": [], "trackingId": "ROUTER_9"}, 404)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410])
@pytest.mark.parametrize("body", [b"<html>No</html>", b"", b"[]", b'{"error": "No", "status": 4}'])
def test_a_refusal_without_the_apis_error_body_is_a_transient_fault(
    connect: Connect, serve: Serve, status: int, body: bytes
) -> None:
    server = serve(in_turn(FINE, Reply(body, status), Reply(body, status), FINE))
    client = connect(server.url)
    client.get("/meetings/m0")
    assert client.get("/meetings/m1") == {"id": "m1"}
    assert len(server.seen) == 4


def test_an_empty_refusal_counts_with_the_apis_header(connect: Connect, serve: Serve) -> None:
    server = serve(of_webex(lambda seen: Reply(b"", 404, {"trackingId": "ROUTER_7"})))
    with pytest.raises(NotFound, match="ROUTER_7"):
        connect(server.url).get("/meetings/m1")


def test_a_gateways_401_renews_no_token(
    connect: Connect, serve: Serve, webex: GrantingWebex
) -> None:
    page = Reply(b"<html>Sign in</html>", 401, {"Content-Type": "text/html"})
    blocked = threading.Event()
    server = serve(
        lambda seen: page if blocked.is_set() and "access_token" not in seen.path else webex(seen)
    )
    client = connect(server.url, credentials=CONFIGURED)
    client.get("/meetings/m0")
    blocked.set()
    with pytest.raises(BadResponse, match="5 attempts"):
        client.get("/meetings/m1")
    assert webex.grants == 1
    blocked.clear()
    assert client.get("/meetings/m1") == {"you": "access-1"}
    assert webex.grants == 1


@pytest.mark.parametrize("everything", [PAGE, NO_SUCH_PATH, Reply(b"<html>Hello</html>")])
def test_refusals_of_a_host_that_is_not_webex_do_not_count(
    connect: Connect, serve: Serve, everything: Reply
) -> None:
    server = serve(lambda seen: everything)
    with pytest.raises(ApiUnavailable, match=r"not look like the Webex API: check WEBEX_BASE_URL"):
        connect(server.url).get("/meetings/m1")


# In JSON, as several gateways refuse whatever their rules do not let through.
@pytest.mark.parametrize("status", [401, 403])
def test_a_gateway_that_refuses_everything_is_not_webex(
    connect: Connect, serve: Serve, status: int
) -> None:
    def gateway(seen: Seen) -> Reply:
        return Reply({"message": "Forbidden"}, status if seen.path == "/v1/people/me" else 403)

    with pytest.raises(ApiUnavailable, match="not look like the Webex API"):
        connect(serve(gateway).url).get("/meetings/m1")


@pytest.mark.parametrize("tracking", [{"trackingId": "ROUTER_3"}, {}])
def test_webex_is_recognized_by_a_refusal_with_its_tracking_id(
    connect: Connect, serve: Serve, tracking: dict[str, str]
) -> None:
    header = {} if tracking else {"trackingId": "ROUTER_3"}
    server = serve(lambda seen: Reply({"message": "No scope."} | tracking, 403, header))
    with pytest.raises(Forbidden, match="No scope"):
        connect(server.url).get("/meetings/m1")


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_without_the_header_that_successes_have_is_not_webexs(
    connect: Connect, serve: Serve, status: int
) -> None:
    """A firewall that refuses one request in the middle of a run."""
    tracked = Reply({"id": "m1"}, headers={"trackingId": "ROUTER_1"})
    client = connect(serve(in_turn(tracked, Reply({"message": "Forbidden"}, status), tracked)).url)
    client.get("/meetings/m0")
    assert client.get("/meetings/m1") == {"id": "m1"}


def test_a_refusal_counts_without_tracking_ids_where_a_proxy_removes_them(
    connect: Connect, serve: Serve
) -> None:
    client = connect(serve(in_turn(FINE, Reply({"message": "No."}, 403))).url)
    client.get("/meetings/m0")
    with pytest.raises(Forbidden):
        client.get("/meetings/m1")


def test_the_first_refusal_alone_is_checked_and_a_success_needs_no_check(
    connect: Connect, serve: Serve
) -> None:
    server = serve(of_webex(lambda seen: NO_SUCH_PATH))
    client = connect(server.url)
    for _ in range(3):
        with pytest.raises(NotFound):
            client.get("/meetings/m1")
    assert [seen.path for seen in server.seen].count("/v1/people/me") == 1
    server = serve(in_turn(FINE, NO_SUCH_PATH))
    client = connect(server.url)
    client.get("/meetings/m1")
    with pytest.raises(NotFound):
        client.get("/meetings/m2")
    assert len(server.seen) == 2


def test_a_refusal_is_a_fault_while_webex_is_not_recognized(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: Reply(b"", 503) if seen.path == "/v1/people/me" else NO_SUCH_PATH)
    with pytest.raises(BadResponse, match="people/me failed, too"):
        connect(server.url).get("/meetings/m1")


def test_a_401_of_another_host_rejects_no_token(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: NO_SUCH_PATH)
    with pytest.raises(ApiUnavailable, match="check WEBEX_BASE_URL"):
        connect(server.url, credentials=CONFIGURED).get("/meetings/m1")
    assert [seen.path for seen in server.seen] == ["/v1/access_token"]


# An API that is down as a whole


def test_one_failing_meeting_stops_nothing(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: Reply(b"", 500) if "bad" in seen.path else FINE)
    client = connect(server.url)
    for _ in range(25):
        with pytest.raises(BadResponse):
            client.get("/meetings/bad")
        assert client.get("/meetings/m1") == {"id": "m1"}


def test_a_refusal_shows_that_webex_is_up(connect: Connect, serve: Serve) -> None:
    refusal = Reply({"message": "Not found."}, 404)
    server = serve(of_webex(lambda seen: Reply(b"", 500) if "bad" in seen.path else refusal))
    client = connect(server.url)
    for _ in range(25):
        with pytest.raises(BadResponse):
            client.get("/meetings/bad")
        with pytest.raises(NotFound):
            client.get("/meetings/m1")


def test_many_failing_meetings_are_not_an_outage(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: Reply(b"", 500) if "/meetings/" in seen.path else FINE)
    client = connect(server.url, limits=Limits(attempts=1))
    for number in range(35):
        with pytest.raises(BadResponse):
            client.get(f"/meetings/m{number}")
    # One check of another path for every ten.
    assert [seen.path for seen in server.seen].count("/v1/people/me") == 3


def test_many_failures_in_a_row_are_an_outage(connect: Connect, serve: Serve) -> None:
    working = threading.Event()
    server = serve(lambda seen: FINE if working.is_set() else Reply(b"", 500))
    client = connect(server.url)
    for _ in range(9):
        with pytest.raises(BadResponse):
            client.get("/meetings/m1")
    with pytest.raises(ApiUnavailable, match="10 requests failed"):
        client.get("/meetings/m1")
    # 10 x 5, and a check whether anything else responds.
    assert len(server.seen) == 51
    with pytest.raises(ApiUnavailable):
        client.get("/meetings/m1")
    assert len(server.seen) == 52
    working.set()
    assert client.get("/meetings/m1") == {"id": "m1"}
    working.clear()
    with pytest.raises(BadResponse):
        client.get("/meetings/m1")


def test_requests_that_fail_during_the_outage_check_do_not_wait_for_it(
    connect: Connect, serve: Serve
) -> None:
    looking, seen_enough = threading.Event(), threading.Event()

    def answer(seen: Seen) -> Reply:
        if seen.path == "/v1/people/me":
            looking.set()
            assert seen_enough.wait(60)
        return Reply(b"", 500)

    client = connect(serve(answer).url, limits=Limits(attempts=1, outage_after=2))

    def fail() -> type[BaseException]:
        with pytest.raises(MeetingEtlError) as caught:
            client.get("/meetings/m1")
        return caught.type

    with ThreadPoolExecutor(2) as threads:
        assert threads.submit(fail).result(60) is BadResponse
        looks = threads.submit(fail)
        assert looking.wait(60)
        try:
            assert threads.submit(fail).result(60) is BadResponse
        finally:
            seen_enough.set()
        assert looks.result(60) is ApiUnavailable


def test_all_threads_notice_an_outage(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: reset)
    client = connect(server.url, clock=Clock(), limits=Limits(backoff_seconds=0.01))

    def kind(number: int) -> type[BaseException]:
        try:
            client.get("/meetings/m1")
        except MeetingEtlError as error:
            return type(error)
        raise AssertionError

    with ThreadPoolExecutor(24) as threads:
        kinds = list(threads.map(kind, range(200)))
    # At least nine, and those that fail while one thread checks for an outage.
    assert kinds.count(BadResponse) >= 9
    assert kinds.count(ApiUnavailable) > 0
    assert kinds[-1] is ApiUnavailable
    assert client.requests_sent < 1000
