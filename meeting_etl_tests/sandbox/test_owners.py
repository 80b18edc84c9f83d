"""Several owners of tokens: each sees their own, has a rate limit of their own, and is counted."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl_tests.clocks import ManualClock

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return demo_world(1, NOW)


@pytest.fixture(scope="module")
def webex(world: World) -> Iterator[Sandbox]:
    with Sandbox(world, ManualClock(NOW)) as sandbox:
        yield sandbox


def get(webex: Sandbox, token: str, path: str, **params: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(webex.base_url + path, params=params, headers=headers, timeout=60)


def hosts(webex: Sandbox) -> list[str]:
    return sorted({meeting.host.email for meeting in webex.world.meetings})[:2]


def ids_of(items: list[dict[str, str]]) -> set[str]:
    return {item["id"] for item in items}


def test_each_host_is_somebody_and_lists_their_own_meetings(webex: Sandbox) -> None:
    ended = {"meetingType": "meeting", "state": "ended", "max": "100"}
    for host in hosts(webex):
        token = webex.token("user", host)
        assert get(webex, token, "/people/me").json()["emails"] == [host]
        items = get(
            webex, token, "/meetings", **ended, **{"from": "2026-03-01", "to": "2026-03-16"}
        ).json()["items"]
        listed = [meeting for meeting in webex.world.meetings if meeting.id in ids_of(items)]
        assert all(meeting.involves(host) for meeting in listed)
        assert any(meeting.host.email == host for meeting in listed)


def test_requests_are_counted_by_owner(webex: Sandbox) -> None:
    first, second = hosts(webex)
    before = webex.counters.by_owner.copy()
    for owner in (first, second, second):
        get(webex, webex.token("user", owner), "/people/me")
    get(webex, "unknown", "/people/me")
    assert webex.counters.by_owner - before == {first: 1, second: 2, "": 1}


def test_a_refresh_token_leads_to_its_owner(webex: Sandbox) -> None:
    host = hosts(webex)[1]
    form = {
        "grant_type": "refresh_token",
        "client_id": webex.client_id,
        "client_secret": webex.client_secret,
        "refresh_token": webex.grant("user", host),
    }
    renewed = requests.post(f"{webex.base_url}/access_token", data=form, timeout=60).json()
    assert get(webex, renewed["access_token"], "/people/me").json()["emails"] == [host]


def test_revoking_one_owner_leaves_the_others(webex: Sandbox) -> None:
    first, second = hosts(webex)
    tokens = webex.token("user", first), webex.token("user", second)
    webex.revoke(first)
    assert [get(webex, token, "/people/me").status_code for token in tokens] == [401, 200]


def test_each_owner_has_a_rate_limit_of_their_own(world: World) -> None:
    faults = Faults(requests_per_second=0.01, burst=2, retry_after_seconds=60)
    with Sandbox(world, ManualClock(NOW), faults) as webex:
        first, second = (webex.token("user", host) for host in hosts(webex))
        statuses = [get(webex, first, "/people/me").status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert get(webex, second, "/people/me").status_code == 200
