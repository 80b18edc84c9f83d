"""Tokens, scopes, pages, errors: what holds for all endpoints."""

import pytest
import requests

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import OpenWalker, Serve
from meeting_etl_tests.sandbox.small import NOW, RA, SITES, TA, A, small_world

# Everything that can be asked of the small world, and who may: docs/webex-api-notes.md.
PATHS: dict[str, set[Kind]] = {
    "/meetings?meetingType=meeting": {"user", "admin"},
    f"/meetings/{A}?hostEmail=olga@team.example": {"user", "admin"},
    f"/admin/meetings/{A}": {"admin", "compliance"},
    f"/meetingParticipants?meetingId={A}": {"user", "admin", "compliance"},
    f"/meetingInvitees?meetingId={A}&hostEmail=olga@team.example": {"user", "admin"},
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
        answer = requests.get(webex.base_url + path, headers=headers, timeout=60)
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
        answer = requests.post(webex.base_url + path, headers=headers, timeout=60)
        assert answer.status_code == status, path
        assert "trackingId" in answer.json()


def test_unknown_parameters_are_tolerated(webex: Sandbox, open_walker: OpenWalker) -> None:
    assert len(open_walker(webex).items("/recordings", colour="blue")) == 2


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
    assert counters.requests[0][:3] == ("GET", "/v1/recordings?max=5", 200)
    assert counters.requests[-1][:3] == ("GET", f"/v1/recordings/{'0' * 32}", 404)
    assert fresh.token("user") not in repr(vars(counters))
    counters.reset()
    assert (counters.total, counters.requests, counters.repeated_gets) == (0, [], 0)
    walker.get("/recordings", max=5)
    assert counters.repeated_gets == 0


def test_the_seconds_pass_from_the_first_answer_to_the_last(
    fresh: Sandbox, open_walker: OpenWalker
) -> None:
    walker = open_walker(fresh)
    assert isinstance(fresh.clock, ManualClock)
    fresh.clock.advance(seconds=5)
    for _ in range(3):
        walker.get("/recordings")
        fresh.clock.advance(seconds=2)
    assert fresh.counters.seconds == 4
    fresh.counters.reset()
    assert fresh.counters.seconds == 0
    walker.get("/recordings")
    assert fresh.counters.seconds == 0
