"""Every knob of Faults does what it says, a bounded number of times, and is counted."""

import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC
from email.utils import parsedate_to_datetime
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
from meeting_etl_tests.sandbox.small import NOW, RA, S1, TA, A, B, small_world
from meeting_etl_tests.sandbox.walker import Walker


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
    ("knob", "expected"),
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
def test_a_spoilt_answer_comes_twice_and_then_a_sound_one(
    serve: Serve, open_walker: OpenWalker, world: World, knob: str, expected: str
) -> None:
    webex = serve(world, **{knob: 1.0})
    walker = open_walker(webex)

    def once() -> requests.Response:
        return walker.get("/meetingParticipants", **people(world))

    assert [outcome(once) for _ in range(6)] == [expected, expected, "sound"] * 2
    assert webex.counters.injected[knob] == 4
    # Only the answers after the first sound one repeat what was had.
    assert webex.counters.repeated_gets == 3


def test_a_stalled_answer_stops_after_the_headers(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    webex = serve(world, stalled=1.0)
    headers = {"Authorization": f"Bearer {webex.token('user')}"}
    url = f"{webex.base_url}/recordings"
    with requests.get(url, headers=headers, timeout=(1, 0.2), stream=True) as answer:
        assert answer.status_code == 200
        assert int(answer.headers["Content-Length"]) > 0
        with pytest.raises(requests.exceptions.ConnectionError, match="timed out"):
            _ = answer.content
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
    assert Clock().monotonic() - begun < 3


def test_a_stalled_answer_ends_after_its_seconds(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    walker = open_walker(serve(world, stalled=1.0, stall_seconds=0.1))
    assert outcome(lambda: walker.get("/recordings")) == "cut"


def test_the_same_faults_hit_in_every_run(serve: Serve, open_walker: OpenWalker) -> None:
    world = sized_world(1, UNTIL, meetings=40, participants=1, snippets=1)
    knobs = {"internal_error": 0.2, "locked": 0.2}

    def walk(**more: Any) -> list[int]:
        walker = open_walker(serve(world, **knobs, **more))
        return [walker.status("/meetingParticipants", meetingId=one.id) for one in world.meetings]

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


def test_every_knob_is_described_and_off_by_default() -> None:
    assert all(one.metadata["help"].endswith(".") for one in fields(Faults))
    assert Faults().response_shares() == {}
    assert Faults().change_shares() == {}
    assert Faults().download_shares() == {}


def test_a_locked_answer_says_when_and_a_bad_gateway_is_html(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    assert open_walker(serve(world, locked=1.0)).get("/recordings").headers["Retry-After"] == "1"
    gateway = open_walker(serve(world, bad_gateway=1.0)).get("/recordings")
    assert gateway.headers["Content-Type"].startswith("text/html")


def test_next_links_that_lead_astray(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    query = people(world, hostEmail=world.owner.email)
    knobs = {"empty_page_every": 0}
    repeated = open_walker(serve(world, repeated_next_link=1.0, **knobs)).get(
        "/meetingParticipants", **query
    )
    assert repeated.links["next"]["url"] == repeated.url

    unfiltered = open_walker(serve(world, unfiltered_next_link=1.0, **knobs)).get(
        "/meetingParticipants", **query
    )
    assert "meetingId" not in unfiltered.links["next"]["url"]
    assert "max=10" in unfiltered.links["next"]["url"]
    assert "cursor=" in unfiltered.links["next"]["url"]

    webex = serve(world, foreign_next_link=1.0, **knobs)
    foreign = open_walker(webex).get("/meetingParticipants", **query)
    link = foreign.links["next"]["url"]
    assert link.startswith("http://localhost:")
    assert webex.counters.tokens_elsewhere == 0
    headers = {"Authorization": f"Bearer {webex.token('user')}"}
    assert requests.get(link, headers=headers, timeout=5).json() == {"items": []}
    assert webex.counters.tokens_elsewhere == 1


def test_link_faults_spare_lists_of_one_page(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    webex = serve(world, foreign_next_link=1.0)
    assert "Link" not in open_walker(webex).get("/recordings").headers
    assert webex.counters.injected["foreign_next_link"] == 0


def test_an_empty_first_page(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    webex = serve(world, empty_first_page=1.0)
    walker = open_walker(webex)
    first = walker.get("/recordings")
    assert first.json() == {"items": []}
    assert len(walker.items("/recordings")) == 3
    assert webex.counters.injected["empty_first_page"] == 2


def test_a_page_that_repeats_an_item(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    webex = serve(world, repeated_items=1.0)
    found = [
        item["id"] for item in open_walker(webex).items("/meetingParticipants", **people(world))
    ]
    assert len(found) == 27
    assert len(set(found)) == 25
    assert webex.counters.injected["repeated_items"] == 2


def test_changed_answers_stay_changed(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    webex = serve(world, numbers_in_strings=1.0, unknown_fields=1.0)
    for _ in range(4):
        (item, *_) = open_walker(webex).items("/recordings")
        assert item["durationSeconds"] == "1800"
        assert item["shareToMe"] is False
        assert item["sentiment"] == {"score": 7, "words": ["calm", "brisk"]}
    assert webex.counters.injected == {"numbers_in_strings": 4, "unknown_fields": 4}
    detail = open_walker(webex).item(f"/recordings/{world.meetings[0].recordings[0].id}")
    assert detail["sizeBytes"] == "50000000"


def test_a_field_of_another_type(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    walker = open_walker(serve(world, changed_types=1.0))
    assert walker.items("/recordings")[0]["durationSeconds"] == {"value": 1800}
    assert walker.items("/meetingParticipants", **people(world))[0]["displayName"] == {
        "value": "Person 0"
    }


def test_items_that_do_not_say_whose_they_are(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    walker = open_walker(serve(world, missing_meeting_ids=1.0))
    items = walker.items("/recordings")
    assert [item.get("meetingId") for item in items] == ["", None, items[2]["meetingId"]]
    assert "_I_" in items[2]["meetingId"]


def test_texts_that_begin_in_the_middle_of_a_character(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    answer = open_walker(serve(world, halved_characters=1.0)).get("/recordings")
    assert answer.text.count(r'"topic":"\ud83d') == 3


def test_changes_hit_some_urls_only(serve: Serve, open_walker: OpenWalker) -> None:
    world = sized_world(1, UNTIL, meetings=40, participants=1, snippets=1)
    walker = open_walker(serve(world, unknown_fields=0.3))
    hit = [
        "sentiment" in walker.items("/meetingParticipants", meetingId=one.id)[0]
        for one in world.meetings
    ]
    assert 4 <= sum(hit) <= 20


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
    fresh = requests.post(f"{webex.base_url}/access_token", data=form, timeout=5).json()
    headers = {"Authorization": f"Bearer {fresh['access_token']}"}
    assert requests.get(f"{webex.base_url}/recordings", headers=headers, timeout=5).ok


def test_the_refresh_grant_can_be_refused(serve: Serve) -> None:
    webex = serve(small_world(), NOW, refuse_refresh_after=0)
    form = {"grant_type": "refresh_token", "refresh_token": webex.refresh_token}
    assert requests.post(f"{webex.base_url}/access_token", data=form, timeout=5).status_code == 400
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
        answer = requests.post(f"{webex.base_url}/access_token", data=form, timeout=5)
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
