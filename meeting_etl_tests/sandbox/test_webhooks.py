"""/webhooks: who may register which; and webhooks that deliver, fail, and are switched off."""

from typing import Any

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import OpenWalker, Serve
from meeting_etl_tests.sandbox.small import NOW, small_world
from meeting_etl_tests.sandbox.walker import Walker

WANTED = {
    "name": "Ended",
    "targetUrl": "https://hooks.team.example/webex",
    "resource": "meetings",
    "event": "ended",
}
ORG = {"ownedBy": "org"}


@pytest.fixture
def webex(serve: Serve) -> Sandbox:
    return serve(small_world(), NOW)


def made(walker: Walker, **more: str) -> dict[str, Any]:
    answer = walker.send("POST", "/webhooks", WANTED | more)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def ids(walker: Walker, **query: object) -> list[str]:
    return [item["id"] for item in walker.items("/webhooks", **query)]


# Registering


def test_a_new_webhook_is_active_and_echoes_its_secret(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    walker = open_walker(webex)
    hook = made(walker, secret="signing", filter="state=ended&siteUrl=team.webex.example")
    assert hook == WANTED | {
        "id": hook["id"],
        "secret": "signing",
        "filter": "state=ended&siteUrl=team.webex.example",
        "status": "active",
        "created": "2026-03-05T12:00:00.000Z",
        "ownedBy": "creator",
    }
    assert walker.items("/webhooks") == [hook]
    assert walker.item(f"/webhooks/{hook['id']}") == hook


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": ""}, 400),
        ({"name": None}, 400),
        ({"targetUrl": "hooks.team.example"}, 400),
        ({"targetUrl": "ftp://hooks.team.example"}, 400),
        ({"resource": "participants"}, 400),
        ({"resource": "recordings"}, 400),
        ({"event": "joined"}, 400),
        ({"event": "all"}, 400),
        ({"resource": "messages", "event": "created"}, 403),
        ({"siteUrl": "team.webex.example"}, 400),
        ({"ownedBy": "creator"}, 400),
        ({"filter": "hostEmail=olga@team.example"}, 400),
        ({"filter": "meetingId=1"}, 400),
        ({"filter": "state"}, 400),
        ({"secret": 7}, 400),
    ],
)
def test_a_wrong_webhook_is_refused(
    webex: Sandbox, open_walker: OpenWalker, change: dict[str, Any], status: int
) -> None:
    walker = open_walker(webex, "admin")
    body = {name: value for name, value in (WANTED | change).items() if value is not None}
    assert walker.send("POST", "/webhooks", body).status_code == status
    assert walker.items("/webhooks") == []


def test_a_body_that_is_no_json_object_is_refused(webex: Sandbox, open_walker: OpenWalker) -> None:
    walker = open_walker(webex)
    assert walker.send("POST", "/webhooks").status_code == 415
    assert walker.send("POST", "/webhooks", [WANTED]).status_code == 400  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "resource", "event", "status"),
    [
        ("user", "meetings", "ended", 403),
        ("admin", "meetings", "ended", 200),
        ("admin", "meetingParticipants", "left", 200),
        ("compliance", "meetings", "ended", 403),
        ("compliance", "meetingParticipants", "joined", 403),
        ("compliance", "recordings", "deleted", 200),
        ("compliance", "meetingTranscripts", "created", 200),
    ],
)
def test_webhooks_of_the_organization_need_the_scope(
    webex: Sandbox, open_walker: OpenWalker, kind: Kind, resource: str, event: str, status: int
) -> None:
    body = WANTED | ORG | {"resource": resource, "event": event}
    assert open_walker(webex, kind).send("POST", "/webhooks", body).status_code == status


def test_the_organization_has_one_for_a_resource_event_and_filter(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    walker = open_walker(webex, "admin")
    made(walker, **ORG)
    assert walker.send("POST", "/webhooks", WANTED | ORG).status_code == 409
    made(walker, **ORG, filter="hostEmail=olga@team.example")
    made(walker, **ORG, event="started")
    made(walker)
    made(walker)
    assert len(ids(walker)) == 2
    assert len(ids(walker, ownedBy="org")) == 3


def test_each_sees_his_own_and_administrators_those_of_the_organization(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    user, admin, officer = (
        open_walker(webex),
        open_walker(webex, "admin"),
        open_walker(webex, "compliance"),
    )
    mine, ours = made(user)["id"], made(admin, **ORG)["id"]
    assert ids(user) == [mine]
    assert ids(admin) == []
    assert ids(admin, ownedBy="org") == ids(officer, ownedBy="org") == [ours]
    assert user.status("/webhooks", ownedBy="org") == 403
    assert admin.status("/webhooks", ownedBy="creator") == 400
    for walker, key in ((user, ours), (admin, mine)):
        assert walker.status(f"/webhooks/{key}") == 404
        assert walker.send("DELETE", f"/webhooks/{key}").status_code == 404
        assert walker.send("PUT", f"/webhooks/{key}", WANTED).status_code == 404


def test_a_page_has_a_hundred(webex: Sandbox, open_walker: OpenWalker) -> None:
    walker = open_walker(webex)
    keys = [made(walker)["id"] for _ in range(103)]
    answers = list(walker.pages("/webhooks"))
    assert len(answers[0].json()["items"]) == 100
    assert ids(walker) == ids(walker, max=10) == keys


def test_name_target_and_secret_can_be_changed_and_nothing_else(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    walker = open_walker(webex)
    hook = made(walker, secret="old")
    path = f"/webhooks/{hook['id']}"
    change = {"name": "New", "targetUrl": "https://new.team.example/", "secret": "new"}
    ignored = {"resource": "recordings", "event": "created", "filter": "id=1", "ownedBy": "org"}
    assert walker.send("PUT", path, change | ignored).json() == hook | change
    assert walker.send("PUT", path, {"name": "Newer", "targetUrl": hook["targetUrl"]}).json() == (
        hook | {"name": "Newer", "secret": "new"}
    )
    for wrong in ({"name": "New"}, {"targetUrl": "https://new.team.example/"}):
        assert walker.send("PUT", path, wrong).status_code == 400
    assert walker.send("PUT", path, change | {"status": "inactive"}).status_code == 400


def test_a_deleted_webhook_is_gone(webex: Sandbox, open_walker: OpenWalker) -> None:
    walker = open_walker(webex)
    path = f"/webhooks/{made(walker)['id']}"
    answer = walker.send("DELETE", path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert walker.send("DELETE", path).status_code == 404
    assert walker.items("/webhooks") == []


def test_a_new_webhook_may_be_404_for_a_while(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, webhook_lag_seconds=600)
    walker = open_walker(webex)
    path = f"/webhooks/{made(walker)['id']}"
    clock = webex.clock
    assert isinstance(clock, ManualClock)
    assert (walker.status(path), walker.items("/webhooks")) == (404, [])
    clock.advance(minutes=10)
    assert (walker.status(path), len(walker.items("/webhooks"))) == (200, 1)


# Delivering


# Switching off
