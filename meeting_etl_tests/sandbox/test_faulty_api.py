"""Every fault of the API does what it says, a bounded number of times, and is counted."""

import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
import requests

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import Clock
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import UNTIL, OpenWalker, Serve
from meeting_etl_tests.sandbox.downloading import meet_a_stall
from meeting_etl_tests.sandbox.small import NOW, RA, S1, TA, A, B, small_world


@pytest.fixture(scope="module")
def world() -> World:
    return sized_world(1, UNTIL, meetings=3, participants=25, snippets=4)


def people(world: World, **more: object) -> dict[str, Any]:
    return {"meetingId": world.meetings[0].id, "max": 10, **more}


def outcome(open_walker: Callable[[], requests.Response]) -> str:
    """What a client meets: a status, or what went wrong with the connection."""
    try:
        answer = open_walker()
    except requests.exceptions.ChunkedEncodingError:
        return "cut"
    except requests.exceptions.Timeout:
        return "stalled"
    except requests.exceptions.ConnectionError:
        return "reset"
    if answer.status_code != 200:
        return str(answer.status_code)
    if not answer.headers["Content-Type"].startswith("application/json"):
        return answer.headers["Content-Type"].partition(";")[0]
    return "errors" if any("errors" in item for item in answer.json()["items"]) else "sound"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("locked", "423"),
        ("internal_error", "500"),
        ("bad_gateway", "502"),
        ("unavailable", "503"),
        ("gateway_timeout", "504"),
        ("unauthorized", "401"),
        ("connection_reset", "reset"),
        ("truncated_body", "cut"),
        ("html_page", "text/html"),
        ("wrong_content_type", "text/plain"),
        ("item_errors", "errors"),
    ],
)
def test_a_damaged_response_comes_twice_and_then_a_sound_one(
    serve: Serve, open_walker: OpenWalker, world: World, fault: str, expected: str
) -> None:
    webex = serve(world, **{fault: 1.0})
    walker = open_walker(webex)

    def once() -> requests.Response:
        return walker.get("/meetingParticipants", **people(world))

    assert [outcome(once) for _ in range(6)] == [expected, expected, "sound"] * 2
    assert webex.counters.injected[fault] == 4
    # Only the answers after the first sound one repeat what was had.
    assert webex.counters.repeated_gets == 3


def test_a_stalled_answer_stops_after_the_headers(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    webex = serve(world, stalled=1.0)
    headers = {"Authorization": f"Bearer {webex.token('user')}"}
    answer = meet_a_stall(f"{webex.base_url}/recordings", **headers)
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) > 0
    assert webex.counters.injected["stalled"] == 1


def test_a_stalled_answer_does_not_hinder_the_end(world: World) -> None:
    begun = Clock().monotonic()
    with Sandbox(world, ManualClock(UNTIL), Faults(stalled=1.0)) as webex:
        port = int(webex.base_url.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port)) as line:
            token = webex.token("user").encode()
            line.sendall(
                b"GET /v1/recordings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                + token
                + b"\r\n\r\n"
            )
            assert line.recv(100).startswith(b"HTTP/1.1 200")
            webex.__exit__(None, None, None)
    assert Clock().monotonic() - begun < 60  # a stall takes ten minutes


def test_a_stalled_answer_ends_after_its_seconds(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    walker = open_walker(serve(world, stalled=1.0, stall_seconds=0.1))
    assert outcome(lambda: walker.get("/recordings")) == "cut"


def test_the_same_faults_hit_in_every_run(serve: Serve, open_walker: OpenWalker) -> None:
    world = sized_world(1, UNTIL, meetings=40, participants=1, snippets=1)
    faults = {"internal_error": 0.2, "locked": 0.2}

    def walk(**more: Any) -> list[int]:
        walker = open_walker(serve(world, **faults, **more))
        return [
            walker.status("/meetingParticipants", meetingId=meeting.id)
            for meeting in world.meetings
        ]

    first = walk()
    assert first == walk()
    assert first != walk(seed=2)
    shares = Counter(first)
    assert 3 <= shares[500] <= 14
    assert 3 <= shares[423] <= 14
    assert shares[200] >= 14


def test_what_is_asked_later_meets_the_same_faults(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    walker = open_walker(serve(world, unavailable=1.0))
    found = [
        walker.status("/recordings", from_="2026-03-01", to=f"2026-03-12T00:00:{second:02}Z")
        for second in range(3)
    ]
    assert found == [503, 503, 200]


def test_shares_cannot_exceed_one() -> None:
    with pytest.raises(ValueError, match="more than 1"):
        Faults(locked=0.6, stalled=0.5)
    assert Faults(locked=0.6, repeated_items=1.0, numbers_in_strings=1.0)
    with pytest.raises(ValueError, match="more than 1"):
        Faults(refused_media=0.6, broken_media=0.5)
    assert Faults(locked=1.0, broken_media=1.0, no_range=1.0)


def test_every_fault_is_described_and_off_by_default() -> None:
    assert all(field.metadata["help"].endswith(".") for field in fields(Faults))
    assert Faults().response_shares() == {}
    assert Faults().change_shares() == {}
    assert Faults().download_shares() == {}


def test_a_locked_answer_says_when_and_a_bad_gateway_is_html(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    assert open_walker(serve(world, locked=1.0)).get("/recordings").headers["Retry-After"] == "1"
    gateway = open_walker(serve(world, bad_gateway=1.0)).get("/recordings")
    assert gateway.headers["Content-Type"].startswith("text/html")


def test_meetings_that_are_always_refused(serve: Serve, open_walker: OpenWalker) -> None:
    other = small_world().meetings[1].id
    webex = serve(
        small_world(),
        NOW,
        meeting_status={A: 403, B: 404, other: 410},
    )
    walker = open_walker(webex)
    for path in (
        f"/meetingParticipants?meetingId={A}",
        f"/recordings?meetingId={A}",
        f"/recordings/{RA}",
        f"/meetingTranscripts?meetingId={A}",
        f"/meetingTranscripts/{TA}/snippets",
        f"/meetingTranscripts/{TA}/download",
        f"/meetings/{A}",
    ):
        assert [walker.status(path) for _ in range(4)] == [403] * 4, path
    assert walker.status("/recordings", meetingId=B) == 404
    assert walker.status("/recordings", meetingId=other) == 410
    # Listings of many meetings do not show them either.
    assert walker.items("/recordings") == []
    assert len(open_walker(serve(small_world(), NOW)).items("/recordings")) == 2
    assert walker.status("/recordings", meetingId=S1) == 200
    assert webex.counters.injected == {
        "meeting_status 403": 28,
        "meeting_status 404": 1,
        "meeting_status 410": 1,
    }


def test_tokens_become_void_in_mid_run(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    webex = serve(world, revoke_after=2)
    walker = open_walker(webex)
    assert [walker.status("/recordings") for _ in range(4)] == [200, 200, 401, 401]
    form = {
        "grant_type": "refresh_token",
        "client_id": webex.client_id,
        "client_secret": webex.client_secret,
        "refresh_token": webex.refresh_token,
    }
    fresh = requests.post(f"{webex.base_url}/access_token", data=form, timeout=60).json()
    headers = {"Authorization": f"Bearer {fresh['access_token']}"}
    assert requests.get(f"{webex.base_url}/recordings", headers=headers, timeout=60).ok


def test_the_refresh_grant_can_be_refused(serve: Serve) -> None:
    webex = serve(small_world(), NOW, refuse_refresh_after=0)
    form = {"grant_type": "refresh_token", "refresh_token": webex.refresh_token}
    assert requests.post(f"{webex.base_url}/access_token", data=form, timeout=60).status_code == 400
    assert webex.counters.injected["refuse_refresh_after"] == 1


def test_the_refresh_grant_can_be_refused_after_some_renewals(serve: Serve) -> None:
    webex = serve(small_world(), NOW, refuse_refresh_after=2)
    form = {
        "grant_type": "refresh_token",
        "client_id": webex.client_id,
        "client_secret": webex.client_secret,
        "refresh_token": webex.refresh_token,
    }
    found = []
    for _ in range(4):
        answer = requests.post(f"{webex.base_url}/access_token", data=form, timeout=60)
        found.append(answer.status_code)
        form |= {key: answer.json()[key] for key in ("refresh_token",) if answer.ok}
    assert found == [200, 200, 400, 400]
    assert webex.counters.injected["refuse_refresh_after"] == 2


def test_large_pages_take_too_long(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    walker = open_walker(serve(world, slow_pages_above=25))
    found = [walker.status("/recordings", max=size) for size in (100, 50, 26, 25)]
    assert found == [504, 504, 504, 200]


def test_every_answer_takes_its_time(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    walker = open_walker(serve(world, latency_ms=80))
    begun = Clock().monotonic()
    walker.get("/recordings")
    assert Clock().monotonic() - begun >= 0.08
