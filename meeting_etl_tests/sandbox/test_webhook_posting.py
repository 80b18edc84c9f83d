"""Webhooks that deliver, fail, and are switched off."""

import hmac
import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import OpenWalker, Serve
from meeting_etl_tests.sandbox.small import HANA, NOW, OWNER, A, B, C, at, small_world
from meeting_etl_tests.sandbox.walker import Walker
from meeting_etl_tests.webex.servers import Reply, Server, running

WANTED = {
    "name": "Ended",
    "targetUrl": "https://hooks.team.example/webex",
    "resource": "meetings",
    "event": "ended",
}
ORG = {"ownedBy": "org"}
FIRST, LAST = at("2026-03-01T00:00:00"), at("2026-05-01T00:00:00")


@pytest.fixture
def webex(serve: Serve) -> Sandbox:
    return serve(small_world(), NOW)


@pytest.fixture
def target() -> Iterator[Server]:
    with running(lambda seen: Reply({})) as server:
        yield server


def made(walker: Walker, **more: str) -> dict[str, Any]:
    answer = walker.send("POST", "/webhooks", WANTED | more)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_events_are_posted_signed_and_in_the_name_of_the_webhook(
    webex: Sandbox, open_walker: OpenWalker, target: Server
) -> None:
    hook = made(
        open_walker(webex, "admin"), **ORG, targetUrl=f"{target.url}/in?a=b", secret="signing"
    )
    posted = webex.play(FIRST, LAST)
    assert posted == (len(target.seen), 0, 0)
    payloads = [json.loads(seen.body) for seen in target.seen]
    assert {payload["data"]["id"] for payload in payloads} == {
        meeting.id for meeting in webex.world.meetings
    }
    for seen, payload in zip(target.seen, payloads, strict=True):
        assert (seen.method, seen.path, seen.params) == ("POST", "/v1/in", {"a": "b"})
        signature = hmac.new(b"signing", seen.body.encode(), "sha1").hexdigest()
        assert seen.headers["X-Spark-Signature"] == signature
        for name in ("id", "name", "targetUrl", "resource", "event", "ownedBy", "created"):
            assert payload[name] == hook[name]


def test_without_a_secret_there_is_no_signature(
    webex: Sandbox, open_walker: OpenWalker, target: Server
) -> None:
    made(open_walker(webex, "admin"), **ORG, targetUrl=target.url)
    webex.play(FIRST, LAST)
    assert {seen.headers["X-Spark-Signature"] for seen in target.seen} == {None}


def test_windows_that_follow_each_other_tell_everything_once(
    serve: Serve, open_walker: OpenWalker, target: Server
) -> None:
    told = []
    for step in (timedelta(days=60), timedelta(hours=7)):
        webex, since = serve(small_world(), NOW), FIRST
        made(open_walker(webex, "admin"), **ORG, targetUrl=target.url)
        target.seen.clear()
        while since < LAST:
            webex.play(since, since + step)
            since += step
        told.append(Counter(json.loads(seen.body)["data"]["id"] for seen in target.seen))
    assert told[0] == told[1] != Counter()


def test_a_users_webhook_tells_of_his_own_meetings(
    webex: Sandbox, open_walker: OpenWalker, target: Server
) -> None:
    made(open_walker(webex), targetUrl=target.url)
    webex.play(FIRST, LAST)
    heard = {json.loads(seen.body)["data"]["id"] for seen in target.seen}
    assert {A, B} <= heard
    assert heard == {
        meeting.id for meeting in webex.world.meetings if meeting.involves(OWNER.email)
    }


def test_a_filter_holds_back_what_does_not_match(
    webex: Sandbox, open_walker: OpenWalker, target: Server
) -> None:
    host = f"state=ended&hostEmail={HANA.email}"
    made(open_walker(webex, "admin"), **ORG, targetUrl=target.url, filter=host)
    webex.play(FIRST, LAST)
    assert {json.loads(seen.body)["data"]["id"] for seen in target.seen} == {C}


def test_one_payload_reaches_all_that_are_for_it_and_no_inactive_one(
    webex: Sandbox, open_walker: OpenWalker, target: Server
) -> None:
    admin = open_walker(webex, "admin")
    hook = made(admin, **ORG, targetUrl=target.url)
    made(admin, **ORG, event="started", targetUrl=target.url)
    payload = WANTED | {"data": {"id": A, "hostEmail": OWNER.email}}
    assert webex.deliver(payload, payload) == (2, 0, 0)
    webex.webhooks.disable(hook["id"])
    assert admin.item(f"/webhooks/{hook['id']}")["status"] == "inactive"
    assert webex.deliver(payload) == (0, 0, 0)
    # Only the status `active` switches it on again.
    walk = {"name": "Ended", "targetUrl": target.url}
    assert admin.send("PUT", f"/webhooks/{hook['id']}", walk).json()["status"] == "inactive"
    again = admin.send("PUT", f"/webhooks/{hook['id']}", walk | {"status": "active"})
    assert again.json()["status"] == "active"
    assert webex.deliver(payload) == (1, 0, 0)


def test_deliveries_are_dropped_or_sent_twice_on_purpose(
    serve: Serve, open_walker: OpenWalker, target: Server
) -> None:
    payload = WANTED | {"data": {"id": A, "hostEmail": OWNER.email}}
    lossy = serve(small_world(), NOW, dropped_deliveries=0.4)
    made(open_walker(lossy, "admin"), **ORG, targetUrl=target.url)
    posted = lossy.deliver(*[payload] * 50)
    count = lossy.counters.injected["dropped_delivery"]
    assert 10 <= count <= 30
    assert posted == (50 - count, 0, count)
    stuttering = serve(small_world(), NOW, repeated_deliveries=0.4)
    made(open_walker(stuttering, "admin"), **ORG, targetUrl=target.url)
    posted = stuttering.deliver(*[payload] * 50)
    count = stuttering.counters.injected["repeated_delivery"]
    assert 10 <= count <= 30
    assert posted == (50 + count, 0, 0)


def test_a_hundred_failures_within_five_minutes_switch_it_off(
    webex: Sandbox, open_walker: OpenWalker, target: Server
) -> None:
    target.answer = lambda seen: Reply({}, 500)
    clock = webex.clock
    assert isinstance(clock, ManualClock)
    hook = made(open_walker(webex), targetUrl=target.url)
    payload = WANTED | {"data": {"id": A, "hostEmail": OWNER.email}}
    for _ in range(150):  # one every four seconds: a hundred take longer than five minutes
        assert webex.deliver(payload) == (0, 1, 0)
        clock.advance(seconds=4)
    clock.advance(minutes=6)
    assert webex.deliver(*[payload] * 150) == (0, 100, 0)
    assert open_walker(webex).item(f"/webhooks/{hook['id']}")["status"] == "inactive"
    assert webex.counters.injected["disabled_webhook"] == 1


def test_soon_after_it_was_enabled_again_one_failure_is_enough(
    webex: Sandbox, open_walker: OpenWalker, target: Server
) -> None:
    clock, walker = webex.clock, open_walker(webex)
    assert isinstance(clock, ManualClock)
    hook = made(walker, targetUrl=target.url)
    payload = WANTED | {"data": {"id": A, "hostEmail": OWNER.email}}

    def status(minutes: int, *, fails: bool) -> str:
        webex.webhooks.disable(hook["id"])
        body = {"name": "Ended", "targetUrl": target.url, "status": "active"}
        assert walker.send("PUT", f"/webhooks/{hook['id']}", body).status_code == 200
        clock.advance(minutes=minutes)
        target.answer = lambda seen: Reply({}, 503 if fails else 200)
        webex.deliver(payload)
        found: str = walker.item(f"/webhooks/{hook['id']}")["status"]
        return found

    assert status(4, fails=True) == "inactive"
    assert status(4, fails=False) == "active"
    assert status(6, fails=True) == "active"


def test_nobody_at_the_target_is_a_failure(webex: Sandbox, open_walker: OpenWalker) -> None:
    with running(lambda seen: Reply({})) as server:
        url = server.url
    made(open_walker(webex), targetUrl=url)
    assert webex.deliver(WANTED | {"data": {"id": A, "hostEmail": OWNER.email}}) == (0, 1, 0)


def test_of_some_meetings_no_webhook_tells_the_end(
    serve: Serve, open_walker: OpenWalker, target: Server
) -> None:
    """All deliveries of a meeting's end are lost, or none; nothing else is."""
    webex = serve(small_world(), NOW, lost_deliveries=0.4)
    made(open_walker(webex, "admin"), **ORG, targetUrl=target.url)
    ends = [WANTED | {"data": {"id": f"{A}{number}"}} for number in range(50)]
    posted = webex.deliver(*ends, *ends)
    assert posted.accepted % 2 == 0
    assert 20 <= posted.dropped <= 60
    assert posted.accepted + posted.dropped == 100
    assert webex.counters.injected["lost_delivery"] == posted.dropped
