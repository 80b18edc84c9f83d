"""Repairing and deleting webhooks, over real HTTP with the sandbox."""

from contextlib import suppress
from dataclasses import replace

import pytest

from meeting_etl.errors import BadResponse
from meeting_etl.webex import webhook_sync
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.token_kind import TokenKind
from meeting_etl.webex.webhook_spec import (
    WebhookSpec,
    WebhookStatus,
)
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.servers import Act, Reply, Seen
from meeting_etl_tests.webex.webhook_calls import (
    ELSEWHERE,
    ENDED,
    ORG,
    OWN,
    SECRET,
    TARGET,
    Start,
    create,
    described,
    foreign,
    health,
    hooks,
    repair,
)

# Repairing


def test_nothing_is_done_about_correct_webhooks(start: Start, clock: ManualClock) -> None:
    sandbox, webex = start()
    create(webex, ORG, clock)
    sent = sandbox.counters.total
    assert repair(webex, ORG, clock) == []
    assert {seen.method for seen in sandbox.counters.requests[sent:]} == {"GET"}


@pytest.mark.parametrize("expected", [ORG, OWN])
def test_an_inactive_webhook_is_reactivated_with_the_current_secret(
    start: Start, clock: ManualClock, expected: WebhookSpec
) -> None:
    sandbox, webex = start()
    create(webex, expected, clock)
    hook = hooks(sandbox)[ENDED]
    sandbox.webhooks.disable(hook.id)
    hook.secret = "yesterday"
    assert health(webex, expected) == {WebhookStatus.OK: 8, WebhookStatus.INACTIVE: 1}
    assert repair(webex, expected, clock) == [(*ENDED, "re-activated")]
    assert (hook.status, hook.secret) == ("active", SECRET)
    assert health(webex, expected) == {WebhookStatus.OK: 9}


@pytest.mark.parametrize("expected", [ORG, OWN])
def test_a_wrong_target_is_updated_in_place(
    start: Start, clock: ManualClock, expected: WebhookSpec
) -> None:
    sandbox, webex = start()
    create(webex, replace(expected, target_url=ELSEWHERE), clock)
    before = {hook.id for hook in sandbox.webhooks.all()}
    assert create(webex, expected, clock)[0] == ("meetings", "created", "wrong target")
    assert {what for _, _, what in repair(webex, expected, clock)} == {"target set"}
    assert {hook.id for hook in sandbox.webhooks.all()} == before
    assert health(webex, expected) == {WebhookStatus.OK: 9}


@pytest.mark.parametrize("expected", [ORG, OWN])
def test_a_wrong_filter_is_replaced_before_the_old_webhook_is_deleted(
    start: Start, clock: ManualClock, expected: WebhookSpec
) -> None:
    sandbox, webex = start()
    create(webex, expected, clock)
    old = hooks(sandbox)[ENDED]
    old.filter = "state=ended"
    sent = sandbox.counters.total
    assert repair(webex, expected, clock) == [(*ENDED, "replaced by a new one")]
    methods = [seen.method for seen in sandbox.counters.requests[sent:]]
    assert methods[-2:] == ["POST", "DELETE"]
    assert sandbox.webhooks.get(old.id) is None
    assert health(webex, expected) == {WebhookStatus.OK: 9}


@pytest.mark.parametrize(("before", "after"), [(OWN, ORG), (ORG, OWN)])
def test_a_wrong_owner_is_replaced(
    start: Start, clock: ManualClock, before: WebhookSpec, after: WebhookSpec
) -> None:
    sandbox, webex = start()
    create(webex, before, clock)
    assert len(repair(webex, after, clock)) == 9
    assert len(sandbox.webhooks.all()) == 9
    assert health(webex, after) == {WebhookStatus.OK: 9}


def test_a_missing_webhook_is_created(start: Start, clock: ManualClock) -> None:
    sandbox, webex = start()
    create(webex, ORG, clock)
    sandbox.webhooks.remove(hooks(sandbox)[ENDED].id)
    assert repair(webex, ORG, clock) == [(*ENDED, "created")]
    assert health(webex, ORG) == {WebhookStatus.OK: 9}


def test_duplicates_of_ours_are_deleted_and_others_stay(start: Start, clock: ManualClock) -> None:
    sandbox, webex = start(TokenKind.USER)
    create(webex, OWN, clock)
    theirs = foreign(webex, targetUrl=TARGET)
    ours = hooks(sandbox)
    clock.advance(seconds=1)
    twin = foreign(webex, name="meeting_etl meetings ended", targetUrl=ELSEWHERE)
    assert repair(webex, OWN, clock) == [(*ENDED, "deleted")]
    left = {hook.id for hook in sandbox.webhooks.all()}
    assert twin not in left
    assert theirs in left
    assert left >= {hook.id for pair, hook in ours.items() if pair != ENDED}
    assert health(webex, OWN) == {WebhookStatus.OK: 9}


def test_a_webhook_listed_but_not_found_stays_with_its_duplicates(
    connect: Connect, serve: Serve, clock: ManualClock
) -> None:
    """Fresh ids are 404 for a while (docs/webex-api-notes.md)."""
    item = {
        "name": "meeting_etl meetingTranscripts created",
        "resource": "meetingTranscripts",
        "event": "created",
        "targetUrl": TARGET,
        "status": "inactive",
    }

    def answer(seen: Seen) -> Act:
        if seen.method == "GET":
            return Reply({"items": [item | {"id": "w1"}, item | {"id": "w2"}]})
        return Reply({"message": "not found"}, 404)

    server = serve(answer)
    webex = Webex(connect(server.url), TokenKind.USER, clock)
    only = WebhookSpec(TARGET, False, ("meetingTranscripts",))
    findings = webhook_sync.check_webhooks(webex, only)
    actions = list(webhook_sync.repair(webex, only, findings, SECRET, clock))
    assert [action.done for action in actions] == [False, False]
    assert [seen.method for seen in server.seen] == ["GET", "PUT"]


def test_a_webhook_that_webex_leaves_inactive_is_reported(
    connect: Connect, serve: Serve, clock: ManualClock
) -> None:
    item = {
        "id": "w1",
        "name": "meeting_etl meetingTranscripts created",
        "resource": "meetingTranscripts",
        "event": "created",
        "targetUrl": TARGET,
        "status": "inactive",
    }
    server = serve(lambda seen: Reply({"items": [item]} if seen.method == "GET" else item))
    webex = Webex(connect(server.url), TokenKind.USER, clock)
    only = WebhookSpec(TARGET, False, ("meetingTranscripts",))
    findings = webhook_sync.check_webhooks(webex, only)
    (action,) = webhook_sync.repair(webex, only, findings, SECRET, clock)
    assert (action.done, action.what) == (False, "Webex did not change it: inactive")


def test_repair_survives_faults(start: Start, clock: ManualClock) -> None:
    faults = {"internal_error": 0.2, "connection_reset": 0.2, "locked": 0.2}
    sandbox, webex = start(TokenKind.USER, **faults)
    create(webex, replace(OWN, target_url=ELSEWHERE), clock)
    sandbox.webhooks.remove(hooks(sandbox)[ENDED].id)
    repair(webex, OWN, clock)
    assert health(webex, OWN) == {WebhookStatus.OK: 9}


# Deleting


def test_delete_removes_the_given_webhooks_and_accepts_404(
    start: Start, clock: ManualClock
) -> None:
    sandbox, webex = start(TokenKind.USER, connection_reset=0.3)
    create(webex, OWN, clock)
    with suppress(BadResponse):
        foreign(webex)
    theirs = hooks(sandbox)[ENDED].id
    ours = [webhook for webhook in webhook_sync.list_webhooks(webex) if webhook.is_ours]
    sandbox.webhooks.remove(ours[0].id)
    assert {what for _, _, what in described(webhook_sync.delete(webex, ours))} == {"deleted"}
    assert [hook.id for hook in sandbox.webhooks.all()] == [theirs]
