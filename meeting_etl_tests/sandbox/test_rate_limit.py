"""The rate limit, and the forms of Retry-After."""

from datetime import UTC
from email.utils import parsedate_to_datetime

import pytest
import requests

from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import UNTIL, OpenWalker, Serve
from meeting_etl_tests.sandbox.walker import Walker


@pytest.fixture(scope="module")
def world() -> World:
    return sized_world(1, UNTIL, meetings=3, participants=25, snippets=4)


def statuses(walker: Walker, count: int) -> list[int]:
    return [walker.status("/recordings", max=number + 1) for number in range(count)]


def test_the_rate_limit_lets_a_burst_pass_and_then_asks_for_quiet(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    webex = serve(
        world,
        requests_per_second=2,
        burst=3,
        retry_after_seconds=4,
    )
    walker = open_walker(webex)
    assert isinstance(webex.clock, ManualClock)
    assert statuses(walker, 3) == [200, 200, 200]
    refused = walker.get("/recordings")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "4")
    webex.clock.advance(seconds=3)
    again = walker.get("/recordings")
    assert (again.status_code, again.headers["Retry-After"]) == (429, "1")
    assert webex.counters.during_retry_after == 1
    webex.clock.advance(seconds=1)
    assert statuses(walker, 4) == [200, 200, 200, 429]
    assert webex.counters.during_retry_after == 1
    assert webex.counters.injected["rate_limit"] == 3


def test_the_bucket_fills_at_the_rate(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    webex = serve(world, requests_per_second=2, burst=3)
    walker = open_walker(webex)
    assert isinstance(webex.clock, ManualClock)
    assert statuses(walker, 3) == [200] * 3
    webex.clock.advance(seconds=1)
    assert statuses(walker, 2) == [200] * 2
    assert walker.status("/recordings") == 429


def test_requests_under_way_are_refused_but_not_blamed(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    webex = serve(world, requests_per_second=1, burst=1, retry_after_seconds=5)
    walker = open_walker(webex)
    assert isinstance(webex.clock, ManualClock)
    assert statuses(walker, 3) == [200, 429, 429]
    assert webex.counters.during_retry_after == 0
    webex.clock.advance(milliseconds=50)
    assert walker.status("/recordings") == 429
    assert webex.counters.during_retry_after == 1


def test_the_forms_of_retry_after(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    def refusal(form: str) -> requests.Response:
        webex = serve(
            world,
            requests_per_second=1,
            burst=0,
            retry_after=form,
            retry_after_seconds=30,
        )
        answer = open_walker(webex).get("/recordings")
        assert answer.status_code == 429
        return answer

    assert refusal("nonsense").headers["Retry-After"] == "rand(30),add(30)"
    date = parsedate_to_datetime(refusal("date").headers["Retry-After"]).astimezone(UTC)
    assert 30 <= (date - UNTIL).total_seconds() <= 31
    html = refusal("html")
    assert html.headers["Retry-After"] == "30"
    assert html.headers["Content-Type"].startswith("text/html")
    assert "trackingId" in refusal("integer").json()
