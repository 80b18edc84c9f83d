from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest

from meeting_etl.errors import ApiUnavailable, BadResponse
from meeting_etl.webex.transport import Limits
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.servers import Reply, in_turn

FINE = Reply({"id": "m1"})


class Longest(Random):
    """Always takes the longest delay that jitter allows."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


def test_backoff_doubles_up_to_a_limit(connect: Connect, serve: Serve, clock: ManualClock) -> None:
    server = serve(lambda seen: Reply(b"", 500))
    limits = Limits(attempts=8, backoff_seconds=1, longest_backoff_seconds=10)
    with pytest.raises(BadResponse):
        connect(server.url, limits=limits, random=Longest()).get("/meetings/m1")
    assert clock.slept == [1, 2, 4, 8, 10, 10, 10]


def test_backoff_has_full_jitter(connect: Connect, serve: Serve, clock: ManualClock) -> None:
    server = serve(lambda seen: Reply(b"", 500))
    limits = Limits(attempts=201, backoff_seconds=1, longest_backoff_seconds=1, outage_after=9)
    with pytest.raises(BadResponse):
        connect(server.url, limits=limits, random=Random(5)).get("/meetings/m1")
    assert len(clock.slept) == 200
    assert min(clock.slept) < 0.05
    assert max(clock.slept) > 0.95
    assert max(clock.slept) <= 1


# Retry-After


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("17", 17),
        (" 17 ", 17),
        ("0", 1),
        ("1", 1),
        ("-5", 30),
        ("17.5", 17.5),
        ("0.5", 1),
        ("100.25", 100.25),
        ("1.", 30),
        (".5", 30),
        ("1.5.0", 30),
        ("rand(30),add(30)", 30),
        ("soon", 30),
        ("²", 30),
        (format_datetime(datetime(2026, 3, 2, 9, 1, 40, tzinfo=UTC), usegmt=True), 100),
        ("Mon, 02 Mar 2026 10:01:40 +0100", 100),
        ("Mon, 02 Mar 2026 09:01:40 -0000", 100),
        ("Monday, 02-Mar-26 09:01:40 GMT", 100),
        (format_datetime(datetime(2026, 3, 2, 8, 0, tzinfo=UTC), usegmt=True), 1),
    ],
)
def test_retry_after_in_every_form(
    connect: Connect, serve: Serve, clock: ManualClock, retry_after: str, seconds: float
) -> None:
    started = clock.now()
    sent_at = format_datetime(started, usegmt=True)
    later = Reply(b"<html>later</html>", 429, {"Retry-After": retry_after, "Date": sent_at})
    server = serve(in_turn(later, FINE))
    assert connect(server.url).get("/meetings/m1") == {"id": "m1"}
    assert (clock.now() - started).total_seconds() == pytest.approx(seconds, abs=0.001)


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_a_retry_after_date_is_relative_to_the_response_date(
    connect: Connect, serve: Serve, clock: ManualClock, minutes: int
) -> None:
    started = clock.now()
    theirs = started + timedelta(minutes=minutes)
    when = format_datetime(theirs + timedelta(seconds=60), usegmt=True)
    dates = {"Retry-After": when, "Date": format_datetime(theirs, usegmt=True)}
    server = serve(in_turn(Reply(b"", 429, dates), FINE))
    connect(server.url).get("/meetings/m1")
    assert (clock.now() - started).total_seconds() == 60


@pytest.mark.parametrize("date", ["", "today"])
def test_a_retry_after_date_without_response_date_is_relative_to_our_clock(
    connect: Connect, serve: Serve, clock: ManualClock, date: str
) -> None:
    started = clock.now()
    when = format_datetime(started + timedelta(seconds=60), usegmt=True)
    server = serve(in_turn(Reply(b"", 429, {"Retry-After": when, "Date": date}), FINE))
    connect(server.url).get("/meetings/m1")
    assert (clock.now() - started).total_seconds() == 60


@pytest.mark.parametrize("status", [423, 503])
def test_retry_after_other_than_429_pauses_no_other_request(
    connect: Connect, serve: Serve, clock: ManualClock, status: int
) -> None:
    later = Reply({"message": "locked"}, status, {"Retry-After": "3600"})
    server = serve(lambda seen: later if "locked" in seen.path else FINE)
    client = connect(server.url, max_wait_seconds=300)
    for _ in range(2):
        with pytest.raises(BadResponse, match=f"{status}.*gave up after 1 attempt") as caught:
            client.get("/meetings/locked")
        assert caught.value.retry_at == clock.now() + timedelta(seconds=3600)
        assert client.get("/meetings/m1") == {"id": "m1"}
    assert clock.slept == []
    assert len(server.seen) == 4


def test_a_single_request_waits_no_longer_than_the_maximum_wait(
    connect: Connect, serve: Serve, clock: ManualClock
) -> None:
    server = serve(lambda seen: Reply({"message": "locked"}, 423, {"Retry-After": "40"}))
    started = clock.now()
    with pytest.raises(BadResponse, match="gave up after 3 attempts"):
        connect(server.url, max_wait_seconds=100).get("/meetings/m1")
    assert (clock.now() - started).total_seconds() == 80


@pytest.mark.parametrize("status", [423, 503])
@pytest.mark.parametrize(("retry_after", "seconds"), [("17", 17), ("0", 1), ("soon", 30)])
def test_retry_after_is_obeyed_with_any_status(
    connect: Connect,
    serve: Serve,
    clock: ManualClock,
    status: int,
    retry_after: str,
    seconds: float,
) -> None:
    started = clock.now()
    server = serve(in_turn(Reply({"message": "later"}, status, {"Retry-After": retry_after}), FINE))
    assert connect(server.url).get("/meetings/m1") == {"id": "m1"}
    assert (clock.now() - started).total_seconds() == seconds


def test_429_without_retry_after_waits_30_s(
    connect: Connect, serve: Serve, clock: ManualClock
) -> None:
    started = clock.now()
    server = serve(in_turn(Reply({"message": "slow down"}, 429), FINE))
    connect(server.url).get("/meetings/m1")
    assert (clock.now() - started).total_seconds() == 30


@pytest.mark.parametrize("status", [423, 503])
def test_other_statuses_without_retry_after_pause_nothing(
    connect: Connect, serve: Serve, clock: ManualClock, status: int
) -> None:
    started = clock.now()
    server = serve(in_turn(Reply({"message": "locked"}, status), FINE))
    connect(server.url).get("/meetings/m1")
    assert (clock.now() - started).total_seconds() <= 1


def test_a_pause_applies_to_all_threads_and_clients(
    connect: Connect, serve: Serve, clock: ManualClock
) -> None:
    first = serve(in_turn(Reply(b"", 429, {"Retry-After": "60"}), Reply(b"", 403)))
    second = serve(lambda seen: FINE)
    patient = connect(first.url, max_wait_seconds=10)
    with pytest.raises(ApiUnavailable):
        patient.get("/meetings/m1")
    started = clock.now()
    connect(second.url).get("/meetings/m1")
    assert (clock.now() - started).total_seconds() == 60


@pytest.mark.parametrize("retry_after", ["301", "86400", "9" * 30])
def test_a_longer_wait_than_allowed_is_an_error_without_sleeping(
    connect: Connect, serve: Serve, clock: ManualClock, retry_after: str
) -> None:
    server = serve(lambda seen: Reply(b"", 429, {"Retry-After": retry_after}))
    client = connect(server.url, max_wait_seconds=300)
    for _ in range(3):
        with pytest.raises(ApiUnavailable) as caught:
            client.get("/meetings/m1")
        assert caught.value.retry_at is not None
        assert (caught.value.retry_at - clock.now()).total_seconds() >= 301
    assert clock.slept == []
    assert len(server.seen) == 1


def test_429_consumes_no_attempt_but_is_limited(connect: Connect, serve: Serve) -> None:
    later = Reply(b"", 429, {"Retry-After": "1"})
    server = serve(in_turn(*[later] * 15, *[Reply(b"", 500)] * 4, FINE))
    assert connect(server.url).get("/meetings/m1") == {"id": "m1"}
    stubborn = serve(lambda seen: later)
    with pytest.raises(BadResponse, match="429") as caught:
        connect(stubborn.url).get("/meetings/m1")
    assert caught.value.http_status == 429
    assert len(stubborn.seen) == 20
