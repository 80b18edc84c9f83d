"""Tokens, scopes, pages, errors: what holds for all endpoints."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import UNTIL, OpenWalker, Serve
from meeting_etl_tests.sandbox.small import NOW, RA, SITES, TA, A, small_world
from meeting_etl_tests.sandbox.walker import cursor_of

# Everything that can be asked of the small world, and who may: docs/webex-api-notes.md.
PATHS: dict[str, set[Kind]] = {
    "/meetings?meetingType=meeting": {"user", "admin"},
    f"/meetings/{A}?hostEmail=olga@team.example": {"user", "admin"},
    f"/admin/meetings/{A}": {"admin", "compliance"},
    f"/meetingParticipants?meetingId={A}": {"user", "admin", "compliance"},
    "/recordings": {"user", "admin", "compliance"},
    f"/recordings/{RA}?hostEmail=olga@team.example": {"user", "admin", "compliance"},
    "/admin/recordings": {"admin", "compliance"},
    "/meetingTranscripts": {"user", "admin", "compliance"},
    f"/admin/meetingTranscripts?siteUrl={SITES[0]}": {"compliance"},
    f"/meetingTranscripts/{TA}/snippets": {"user", "compliance"},
    f"/meetingTranscripts/{TA}/download?hostEmail=olga@team.example": {
        "user",
        "admin",
        "compliance",
    },
    f"/meetingSummaries?meetingId={A}": {"user"},
    f"/admin/meetingSummaries?meetingId={A}": {"compliance"},
    "/authorizations/tokenExpiry": {"user", "admin", "compliance"},
    "/meetingPreferences/sites": {"user", "admin"},
    "/webhooks": {"user", "admin", "compliance"},
    "/webhooks?ownedBy=org": {"admin", "compliance"},
}
LISTS = [
    "/meetings?meetingType=meeting&",
    f"/meetingParticipants?meetingId={A}&",
    "/recordings?",
    "/admin/recordings?",
    "/meetingTranscripts?",
    f"/admin/meetingTranscripts?siteUrl={SITES[0]}&",
    f"/meetingTranscripts/{TA}/snippets?",
]


def kind_for(path: str) -> Kind:
    return "admin" if path.startswith("/meetings?") else "compliance"


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    """For tests that change nothing."""
    with Sandbox(small_world(), ManualClock(NOW)) as webex:
        yield webex


@pytest.fixture
def fresh(serve: Serve) -> Sandbox:
    return serve(small_world(), NOW)


@pytest.mark.parametrize("kind", ["user", "admin", "compliance"])
def test_each_token_kind_may_use_its_endpoints_only(
    webex: Sandbox, open_walker: OpenWalker, kind: Kind
) -> None:
    walker = open_walker(webex, kind)
    for path, kinds in PATHS.items():
        assert walker.status(path) == (200 if kind in kinds else 403), path


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", "Basic b2xnYTpvbGdh", "TOKEN"]
)
def test_without_a_valid_token_everything_is_401(webex: Sandbox, authorization: str | None) -> None:
    if authorization == "TOKEN":
        authorization = webex.token("user")
    headers = {} if authorization is None else {"Authorization": authorization}
    for path in PATHS:
        answer = requests.get(webex.base_url + path, headers=headers, timeout=5)
        assert answer.status_code == 401, path


def test_an_error_has_the_body_that_webex_gives_it(webex: Sandbox, open_walker: OpenWalker) -> None:
    answer = open_walker(webex).get("/recordings/unknown")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert set(body) == {"message", "errors", "trackingId"}
    assert body["errors"] == [{"description": body["message"]}]
    assert body["trackingId"] == answer.headers["trackingId"]
    assert body["trackingId"] != open_walker(webex).get("/recordings/unknown").headers["trackingId"]


def test_what_does_not_exist(webex: Sandbox, open_walker: OpenWalker) -> None:
    walker = open_walker(webex)
    assert walker.status("/people/someone") == 404
    assert walker.status("/meetings/") == 404
    headers = {"Authorization": f"Bearer {webex.token('user')}"}
    for path, status in (("/recordings", 405), (f"/recordings/{RA}", 405), ("/nothing", 404)):
        answer = requests.post(webex.base_url + path, headers=headers, timeout=5)
        assert answer.status_code == status, path
        assert "trackingId" in answer.json()


def test_unknown_parameters_are_tolerated(webex: Sandbox, open_walker: OpenWalker) -> None:
    assert len(open_walker(webex).items("/recordings", colour="blue")) == 2


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("text", ["0", "-1", "ten", "1.5", "", "１０"])
def test_max_must_be_a_number_of_at_least_one(
    webex: Sandbox, open_walker: OpenWalker, path: str, text: str
) -> None:
    assert open_walker(webex, kind_for(path)).status(f"{path}max={text}") == 400


def test_pages_have_ten_items_and_never_more_than_a_hundred(
    serve: Serve, open_walker: OpenWalker
) -> None:
    world = sized_world(1, UNTIL, meetings=120, participants=120, snippets=120)
    walker = open_walker(serve(world, empty_page_every=0), "compliance")
    one = world.meetings[0]
    site = world.sites[0]
    for path in (
        f"/meetingParticipants?meetingId={one.id}",
        "/recordings?",
        "/admin/recordings?",
        "/meetingTranscripts?",
        f"/admin/meetingTranscripts?siteUrl={site}",
        f"/meetingTranscripts/{one.transcripts[0].id}/snippets?",
    ):
        assert sizes(walker.pages(path)) == [10] * 12, path
        assert sizes(walker.pages(f"{path}&max=1000")) == [100, 20], path
        assert sizes(walker.pages(f"{path}&max=70")) == [70, 50], path
    admin = open_walker(serve(world, empty_page_every=0), "admin")
    assert sizes(admin.pages("/meetings?meetingType=meeting")) == [10] * 12
    assert sizes(admin.pages("/meetings?meetingType=meeting&max=101")) == [100, 20]


def sizes(pages: object) -> list[int]:
    return [len(page.json()["items"]) for page in pages]  # type: ignore[attr-defined]


def test_pages_together_are_the_list_and_the_last_has_no_link(
    serve: Serve, open_walker: OpenWalker
) -> None:
    world = sized_world(1, UNTIL, meetings=1, participants=25, snippets=1)
    walker = open_walker(serve(world))
    query = {"meetingId": world.meetings[0].id}
    pages = list(walker.pages("/meetingParticipants", **query))
    found = [item["id"] for page in pages for item in page.json()["items"]]
    assert found == [one.id for one in world.meetings[0].participants]
    assert all("Link" in page.headers for page in pages[:-1])
    assert "Link" not in pages[-1].headers
    whole = walker.get("/meetingParticipants", max=25, **query)
    assert "Link" not in whole.headers


def test_the_next_link_is_complete_and_its_cursor_tells_nothing(
    serve: Serve, open_walker: OpenWalker
) -> None:
    world = sized_world(1, UNTIL, meetings=1, participants=25, snippets=1)
    webex = serve(world, empty_page_every=0)
    walker = open_walker(webex)
    first = walker.get("/meetingParticipants", meetingId=world.meetings[0].id, max=5)
    link = first.links["next"]["url"]
    assert link.startswith(f"{webex.base_url}/meetingParticipants?")
    assert f"meetingId={world.meetings[0].id}" in link
    assert "max=5" in link
    assert re.fullmatch(r"[0-9a-f]{40}", cursor_of(first))
    second = walker.get("/meetingParticipants", meetingId=world.meetings[0].id, max=5).links
    assert second["next"]["url"] == link
    for guess in ("5", "10", "0" * 40, ""):
        query = {"meetingId": world.meetings[0].id, "cursor": guess}
        assert walker.status("/meetingParticipants", **query) == 400


def test_who_drops_the_filters_of_the_next_link_gets_other_things(
    serve: Serve, open_walker: OpenWalker
) -> None:
    world = sized_world(1, UNTIL, meetings=30, participants=1, snippets=1)
    walker = open_walker(serve(world, empty_page_every=0))
    window = {"from_": "2026-03-07T08:00:00Z", "to": "2026-03-07T12:30:00Z"}
    first = walker.get("/recordings", max=5, **window)
    rest = walker.items("/recordings", cursor=cursor_of(first), max=5, **window)
    stray = walker.items("/recordings", cursor=cursor_of(first), max=5)
    assert len(rest) == 8
    assert len(stray) == 25


def test_a_cursor_is_good_for_the_question_alone_that_it_was_given_for(
    serve: Serve, open_walker: OpenWalker
) -> None:
    world = sized_world(1, UNTIL, meetings=2, participants=25, snippets=1)
    walker = open_walker(serve(world, empty_page_every=0))
    mine, other = (meeting.id for meeting in world.meetings[:2])
    cursor = cursor_of(walker.get("/meetingParticipants", meetingId=mine, max=10))
    for changed in ({"meetingId": mine, "max": 5}, {"meetingId": other, "max": 10}):
        answer = walker.get("/meetingParticipants", cursor=cursor, **changed)
        assert answer.status_code == 400
        assert answer.json()["message"]
    again = walker.get("/meetingParticipants", cursor=cursor, meetingId=mine, max=10)
    assert len(again.json()["items"]) == 10


@pytest.mark.parametrize(("every", "expected"), [(0, 3), (1, 5)])
def test_follow_up_pages_may_come_after_an_empty_one(
    serve: Serve, open_walker: OpenWalker, every: int, expected: int
) -> None:
    world = sized_world(1, UNTIL, meetings=1, participants=25, snippets=1)
    webex = serve(world, empty_page_every=every)
    pages = list(open_walker(webex).pages("/meetingParticipants", meetingId=world.meetings[0].id))
    assert len(pages) == expected
    assert sum(len(page.json()["items"]) for page in pages) == 25
    assert webex.counters.injected["empty_page"] == expected - 3


def test_some_pages_are_empty_unless_told_otherwise(demo: Sandbox, open_walker: OpenWalker) -> None:
    walker = open_walker(demo, "compliance")
    largest = max(demo.world.meetings, key=lambda one: len(one.participants))
    pages = list(walker.pages("/meetingParticipants", meetingId=largest.id))
    assert 0 in sizes(pages[:-1])
    assert len(walker.items("/meetingParticipants", meetingId=largest.id)) == len(
        largest.participants
    )


def test_a_token_expires(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, access_token_seconds=3600)
    walker = open_walker(webex)
    until = walker.item("/authorizations/tokenExpiry")["exp"]
    assert until == (NOW + timedelta(hours=1)).timestamp() * 1000
    clock(webex).advance(seconds=3599)
    assert walker.status("/recordings") == 200
    clock(webex).advance(seconds=1)
    assert walker.status("/recordings") == 401
    assert open_walker(webex).status("/recordings") == 200


def clock(webex: Sandbox) -> ManualClock:
    assert isinstance(webex.clock, ManualClock)
    return webex.clock


def refresh(webex: Sandbox, **form: str) -> requests.Response:
    whole = {
        "grant_type": "refresh_token",
        "client_id": webex.client_id,
        "client_secret": webex.client_secret,
        "refresh_token": webex.refresh_token,
    }
    return requests.post(f"{webex.base_url}/access_token", data=whole | form, timeout=5)


def test_the_refresh_grant_uses_up_its_token(serve: Serve) -> None:
    webex = serve(small_world(), NOW, access_token_seconds=7200)
    old = {"Authorization": f"Bearer {webex.token('user')}"}
    answer = refresh(webex)
    assert answer.status_code == 200
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 7200
    assert body["refresh_token_expires_in"] == 7_776_000
    assert "meeting:recordings_read" in body["scope"]
    new = {"Authorization": f"Bearer {body['access_token']}"}
    for headers in (old, new):
        url = f"{webex.base_url}/recordings"
        assert requests.get(url, headers=headers, timeout=5).status_code == 200
    assert refresh(webex).status_code == 400
    again = refresh(webex, refresh_token=body["refresh_token"])
    assert again.status_code == 200
    assert again.json()["access_token"] != body["access_token"]


def test_a_grant_is_for_one_kind(webex: Sandbox) -> None:
    access = refresh(webex, refresh_token=webex.grant("compliance")).json()["access_token"]
    headers = {"Authorization": f"Bearer {access}"}
    url = f"{webex.base_url}/admin/meetingTranscripts?siteUrl={SITES[0]}"
    assert requests.get(url, headers=headers, timeout=5).status_code == 200


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"client_secret": "wrong"}, 401),
        ({"client_id": "wrong"}, 401),
        ({"grant_type": "authorization_code"}, 400),
        ({"refresh_token": "wrong"}, 400),
        ({"refresh_token": ""}, 400),
    ],
)
def test_a_bad_refresh_is_refused_and_spends_nothing(
    fresh: Sandbox, form: dict[str, str], status: int
) -> None:
    assert refresh(fresh, **form).status_code == status
    assert refresh(fresh).status_code == 200


def test_a_refresh_token_expires_and_a_json_body_is_refused(fresh: Sandbox) -> None:
    url = f"{fresh.base_url}/access_token"
    form = {"grant_type": "refresh_token", "refresh_token": fresh.refresh_token}
    assert requests.post(url, json=form, timeout=5).status_code == 400
    clock(fresh).advance(days=90)
    assert refresh(fresh).status_code == 400


def test_what_was_asked_is_counted_but_never_the_token(
    fresh: Sandbox, open_walker: OpenWalker
) -> None:
    walker = open_walker(fresh)
    for _ in range(3):
        walker.get("/recordings", max=5)
    walker.get("/recordings", max=6)
    walker.get(f"/recordings/{'0' * 32}")
    walker.get(f"/recordings/{'0' * 32}")
    counters = fresh.counters
    assert counters.total == 6
    assert counters.by_route == {("GET", "/recordings"): 4, ("GET", "/recordings/{id}"): 2}
    assert counters.repeated_gets == 2
    assert counters.requests[0] == ("GET", "/v1/recordings?max=5", 200)
    assert counters.requests[-1] == ("GET", f"/v1/recordings/{'0' * 32}", 404)
    assert fresh.token("user") not in repr(vars(counters))
    counters.reset()
    assert (counters.total, counters.requests, counters.repeated_gets) == (0, [], 0)
    walker.get("/recordings", max=5)
    assert counters.repeated_gets == 0
