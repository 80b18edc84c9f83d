import gzip
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from meeting_etl.errors import (
    ApiUnavailable,
    BadResponse,
    Forbidden,
    Gone,
    MeetingEtlError,
    NotFound,
    Refused,
)
from meeting_etl.times import Clock
from meeting_etl.webex.transport import Limits
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.granting import CONFIGURED, Webex
from meeting_etl_tests.webex.servers import (
    Act,
    Handler,
    Reply,
    Seen,
    broken_chunks,
    cut_short,
    hang_up,
    in_turn,
    nonsense_chunks,
    of_webex,
    reset,
)

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


def test_a_gateways_401_renews_no_token(connect: Connect, serve: Serve, webex: Webex) -> None:
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
        assert threads.submit(fail).result(10) is BadResponse
        looks = threads.submit(fail)
        assert looking.wait(10)
        try:
            assert threads.submit(fail).result(10) is BadResponse
        finally:
            seen_enough.set()
        assert looks.result(10) is ApiUnavailable


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
