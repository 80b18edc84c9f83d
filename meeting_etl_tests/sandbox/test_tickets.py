"""Tickets of download links: how long they are good, and forged ones."""

from collections.abc import Iterator

import pytest
import requests

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import ANY_WINDOW, OpenWalker, Serve
from meeting_etl_tests.sandbox.downloading import clock, get, links, video, whole
from meeting_etl_tests.sandbox.small import (
    NOW,
    small_world,
)


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    """For tests that change nothing and count nothing."""
    with Sandbox(small_world(), ManualClock(NOW), ANY_WINDOW) as webex:
        yield webex


def test_a_ticket_is_good_for_three_hours(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW)
    url = video(open_walker, webex)
    clock(webex).advance(hours=2, minutes=59, seconds=59)
    assert get(url).status_code == 200
    fresh = links(open_walker, webex)
    assert fresh["expiration"] == "2026-03-05T17:59:59Z"
    clock(webex).advance(seconds=1)
    answer = get(url, Range="bytes=5-")
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert get(fresh["recordingDownloadLink"]).status_code == 200


def test_the_lifetime_of_a_ticket_is_an_option(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, ticket_seconds=60)
    found = links(open_walker, webex)
    assert found["expiration"] == "2026-03-05T12:01:00Z"
    clock(webex).advance(seconds=60)
    assert get(found["recordingDownloadLink"]).status_code == 403


def test_what_was_made_up_is_refused(webex: Sandbox, open_walker: OpenWalker) -> None:
    url = video(open_walker, webex)
    millis = int(NOW.timestamp() * 1000)
    for forged in (
        url.replace("plantedsecret%2B", "plantedsecret%2B0"),
        url.replace("ticket=", "tocket="),
        url.replace(f"timestamp={millis}", f"timestamp={millis + 1}"),
        url.replace("recordid=22", "recordid=23"),
        url.replace("recordid=22", "recordid=x"),
    ):
        assert forged != url
        assert get(forged).status_code == 403, forged
    # The ticket of one recording does not open another.
    for key in ("0", "1", "2", "3"):
        other = url.replace("recordid=220000003", f"recordid=22000000{key}")
        assert get(other).status_code == (200 if other == url else 403)


def test_the_token_has_no_business_there(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW)
    url = video(open_walker, webex)
    answer = get(url, Authorization=f"Bearer {webex.token('user')}")
    assert answer.status_code == 400
    assert answer.content != whole(webex)
    assert webex.counters.tokens_elsewhere == 1


def test_only_that_host_and_only_get(webex: Sandbox, open_walker: OpenWalker) -> None:
    url = video(open_walker, webex)
    assert get(url.replace("localhost", "127.0.0.1")).status_code == 404
    assert get(url.replace("MultiThreadDownloadServlet", "NoContent")).status_code == 404
    assert get(f"{url}&mediaType=1").status_code == 404
    for method in ("HEAD", "POST", "DELETE"):
        assert requests.request(method, url, timeout=60).status_code == 405
