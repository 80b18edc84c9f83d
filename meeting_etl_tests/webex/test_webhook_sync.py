"""Expected webhooks against registered ones, over real HTTP with the sandbox."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from meeting_etl.errors import ApiUnavailable, BadResponse, Forbidden, Refused, StorageError
from meeting_etl.files import Files
from meeting_etl.sandbox.api.webhook_registry import Hook
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.webex import webhook_sync
from meeting_etl.webex.credentials import Credentials
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.token_kind import TokenKind
from meeting_etl.webex.webhook_spec import (
    DEFAULT_RESOURCES,
    Webhook,
    WebhookSpec,
    WebhookStatus,
    compare_webhooks,
    delete_webhook_spec,
    parse_webhook,
    read_webhook_spec,
    write_webhook_spec,
)
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.small import small_world
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.servers import Act, Reply, Seen

TARGET, ELSEWHERE = "https://hooks.team.example/webex", "https://old.team.example/webex"
ORG, OWN = (
    WebhookSpec(TARGET, True, DEFAULT_RESOURCES),
    WebhookSpec(TARGET, False, DEFAULT_RESOURCES),
)
ENDED = ("meetings", "ended")
SECRET = "signing"

Start = Callable[..., tuple[Sandbox, Webex]]


@pytest.fixture
def start(connect: Connect, clock: ManualClock) -> Iterator[Start]:
    """A sandbox with these faults, and a token of that kind for it."""
    with ExitStack() as stack:

        def started(kind: TokenKind = TokenKind.ADMIN, **faults: Any) -> tuple[Sandbox, Webex]:
            injected = Faults(**faults)
            sandbox = stack.enter_context(Sandbox(small_world(), clock, injected))
            credentials = Credentials(access_token=sandbox.token(kind.value))
            client = connect(sandbox.base_url, credentials=credentials)
            return sandbox, Webex(client, kind, clock)

        yield started


def create(webex: Webex, expected: WebhookSpec, clock: ManualClock) -> list[tuple[str, str, str]]:
    return described(webhook_sync.create(webex, expected, SECRET, clock))


def repair(webex: Webex, expected: WebhookSpec, clock: ManualClock) -> list[tuple[str, str, str]]:
    return described(webhook_sync.repair(webex, expected, SECRET, clock))


def described(actions: Iterator[webhook_sync.Action]) -> list[tuple[str, str, str]]:
    return [(action.finding.resource, action.finding.event, action.what) for action in actions]


def health(webex: Webex, expected: WebhookSpec) -> Counter[WebhookStatus]:
    return Counter(
        one.status for one in compare_webhooks(expected, webhook_sync.list_webhooks(webex))
    )


def hooks(sandbox: Sandbox) -> dict[tuple[str, str], Hook]:
    return {(hook.resource, hook.event): hook for hook in sandbox.webhooks.all()}


def posts(sandbox: Sandbox) -> int:
    return sum(seen.method == "POST" for seen in sandbox.counters.requests)


def foreign(webex: Webex, **more: str) -> str:
    """The id of another application's webhook."""
    document = {"name": "Theirs", "targetUrl": ELSEWHERE, "resource": "meetings", "event": "ended"}
    found: str = webex.webhooks.create(document | more)["id"]
    return found


# Creating


def test_all_usual_webhooks_are_created_for_the_organization(
    start: Start, clock: ManualClock
) -> None:
    sandbox, webex = start()
    assert {what for _, _, what in create(webex, ORG, clock)} == {"created"}
    assert list(hooks(sandbox)) == ORG.events()
    assert len(ORG.events()) == 9
    for (resource, event), hook in hooks(sandbox).items():
        assert hook.name == f"meeting_etl {resource} {event}"
        assert (hook.target_url, hook.owned_by, hook.secret) == (TARGET, "org", SECRET)
        assert (hook.filter, hook.status) == (None, "active")


def test_creating_again_creates_nothing(start: Start, clock: ManualClock) -> None:
    sandbox, webex = start()
    create(webex, ORG, clock)
    sent = posts(sandbox)
    assert {what for _, _, what in create(webex, ORG, clock)} == {"already registered"}
    assert posts(sandbox) == sent == 9


def test_registered_webhooks_are_found_on_any_page(start: Start, clock: ManualClock) -> None:
    sandbox, webex = start(TokenKind.USER, empty_page_every=1)
    for _ in range(120):
        foreign(webex)
    create(webex, OWN, clock)
    sent = posts(sandbox)
    create(webex, OWN, clock)
    assert posts(sandbox) == sent
    assert health(webex, OWN) == {WebhookStatus.OK: 9}


def test_webhooks_of_others_are_ignored(start: Start, clock: ManualClock) -> None:
    sandbox, webex = start(TokenKind.USER)
    foreign(webex, targetUrl=TARGET)
    foreign(webex, targetUrl=TARGET, name="meeting_etl meetings started")
    foreign(webex, targetUrl=TARGET, name="meeting_etl meetings ended, of Bob")
    create(webex, OWN, clock)
    assert len(sandbox.webhooks.all()) == 3 + 9


def test_a_compliance_officer_registers_recordings_and_transcripts(
    start: Start, clock: ManualClock
) -> None:
    sandbox, webex = start(TokenKind.COMPLIANCE)
    able = WebhookSpec(TARGET, True, ("recordings", "meetingTranscripts"))
    create(webex, able, clock)
    assert list(hooks(sandbox)) == able.events()
    with pytest.raises(Forbidden):
        create(webex, ORG, clock)


def test_another_applications_webhook_of_the_organization_conflicts(
    start: Start, clock: ManualClock
) -> None:
    sandbox, webex = start()
    foreign(webex, ownedBy="org")
    with pytest.raises(
        Refused, match="already has a webhook for meetings ended: another application's"
    ):
        create(webex, ORG, clock)
    assert hooks(sandbox)[ENDED].name == "Theirs"


@pytest.mark.parametrize("fault", ["connection_reset", "truncated_body", "html_page"])
def test_a_lost_response_creates_no_second_webhook(
    start: Start, clock: ManualClock, fault: str
) -> None:
    """It was created but no response arrived: webhooks are listed before the next attempt."""
    sandbox, webex = start(TokenKind.USER, **{fault: 0.5})
    create(webex, OWN, clock)
    assert sandbox.counters.injected[fault] > 0
    assert sorted(hooks(sandbox)) == sorted(OWN.events())
    assert len(sandbox.webhooks.all()) == 9 == posts(sandbox)


def test_a_webhook_that_was_not_created_is_created_after_a_check(
    start: Start, clock: ManualClock
) -> None:
    sandbox, webex = start(TokenKind.USER, internal_error=0.5)
    create(webex, OWN, clock)
    assert len(sandbox.webhooks.all()) == 9 < posts(sandbox)
    for failed, following in pairwise(sandbox.counters.requests):
        if (failed.method, failed.status) == ("POST", 500):
            assert following.method == "GET"


def test_a_new_webhook_is_checked_for_some_seconds_later(start: Start, clock: ManualClock) -> None:
    """The listing lag is waited for, so that a lost response creates no second webhook."""
    sandbox, webex = start(TokenKind.USER, connection_reset=0.5, webhook_lag_seconds=4)
    create(webex, OWN, clock)
    assert sandbox.counters.injected["connection_reset"] > 0
    assert len(sandbox.webhooks.all()) == 9


def test_with_a_long_listing_lag_the_next_repair_deletes_the_duplicate(
    start: Start, clock: ManualClock
) -> None:
    sandbox, webex = start(TokenKind.USER, webhook_lag_seconds=600)
    create(webex, OWN, clock)
    create(webex, OWN, clock)
    assert len(sandbox.webhooks.all()) == 18
    clock.advance(minutes=10)
    assert {what for _, _, what in repair(webex, OWN, clock)} == {"deleted"}
    assert health(webex, OWN) == {WebhookStatus.OK: 9}


def test_webex_refuses_a_second_webhook_of_the_organization(
    start: Start, clock: ManualClock
) -> None:
    sandbox, webex = start(webhook_lag_seconds=600)
    create(webex, ORG, clock)
    with pytest.raises(Refused, match="not listed yet"):
        create(webex, ORG, clock)
    assert len(sandbox.webhooks.all()) == 9


def test_an_outage_is_raised(connect: Connect, serve: Serve, clock: ManualClock) -> None:
    def answer(seen: Seen) -> Act:
        return Reply(b"", 500) if seen.method == "POST" else Reply()

    server = serve(answer)
    webex = Webex(connect(server.url), TokenKind.USER, clock)
    with pytest.raises((BadResponse, ApiUnavailable)):
        create(webex, OWN, clock)
    assert [seen.method for seen in server.seen].count("POST") == 3


def test_an_incomplete_list_creates_nothing(
    connect: Connect, serve: Serve, clock: ManualClock
) -> None:
    broken = {"id": "w1", "errors": {"name": {"code": "kms_failure"}}}
    for item in (broken, {"name": "without an id"}):
        server = serve(lambda seen, item=item: Reply({"items": [item]}))  # type: ignore[misc]
        webex = Webex(connect(server.url), TokenKind.USER, clock)
        with pytest.raises(BadResponse, match="try again later"):
            create(webex, OWN, clock)
        assert {seen.method for seen in server.seen} == {"GET"}


# Comparing


def webhook(**changes: str) -> Webhook:
    sound = Webhook(
        id="w1",
        name="meeting_etl meetingTranscripts created",
        resource="meetingTranscripts",
        event="created",
        target_url=TARGET,
        filter="",
        owned_by="org",
        status="active",
        created="2026-03-02T09:00:00.000Z",
    )
    return replace(sound, **changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, WebhookStatus.OK),
        ({"status": "inactive"}, WebhookStatus.INACTIVE),
        ({"target_url": ELSEWHERE}, WebhookStatus.WRONG_TARGET),
        ({"filter": "hostEmail=olga@team.example"}, WebhookStatus.WRONG_FILTER),
        ({"owned_by": "creator"}, WebhookStatus.WRONG_OWNER),
        ({"status": "inactive", "target_url": ELSEWHERE}, WebhookStatus.WRONG_TARGET),
        ({"filter": "id=1", "target_url": ELSEWHERE}, WebhookStatus.WRONG_FILTER),
    ],
)
def test_each_problem_has_its_status(changes: dict[str, str], expected: WebhookStatus) -> None:
    only = WebhookSpec(TARGET, True, ("meetingTranscripts",))
    (finding,) = compare_webhooks(only, [webhook(**changes)])
    assert finding.status is expected


def test_of_several_the_best_one_counts_and_among_equals_the_oldest() -> None:
    only = WebhookSpec(TARGET, True, ("meetingTranscripts",))
    there = [
        webhook(id="inactive", status="inactive", created="2026-03-01T09:00:00.000Z"),
        webhook(id="younger", created="2026-03-02T10:00:00.000Z"),
        webhook(id="older", created="2026-03-02T09:00:00.000Z"),
    ]
    found = [(one.webhook.id, one.status) for one in compare_webhooks(only, there) if one.webhook]
    assert found == [
        ("older", WebhookStatus.OK),
        ("younger", WebhookStatus.DUPLICATE),
        ("inactive", WebhookStatus.DUPLICATE),
    ]


def test_unexpected_webhooks_of_ours_are_reported_and_others_ignored() -> None:
    others = [webhook(name="Theirs"), webhook(resource="messages"), webhook(event="deleted")]
    (finding,) = compare_webhooks(None, [webhook(), *others])
    assert finding.status is WebhookStatus.NOT_EXPECTED
    (finding,) = compare_webhooks(WebhookSpec(TARGET, True, ("meetingTranscripts",)), others)
    assert finding.status is WebhookStatus.MISSING


def test_the_secret_is_dropped_when_a_webhook_is_parsed() -> None:
    found = parse_webhook({"id": "w1", "secret": SECRET, "created": 7})
    assert SECRET not in repr(found)
    assert found.created == ""


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
    actions = list(webhook_sync.repair(webex, only, SECRET, clock))
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
    (action,) = webhook_sync.repair(webex, only, SECRET, clock)
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
    ours = [one for one in webhook_sync.list_webhooks(webex) if one.is_ours]
    sandbox.webhooks.remove(ours[0].id)
    assert {what for _, _, what in described(webhook_sync.delete(webex, ours))} == {"deleted"}
    assert [hook.id for hook in sandbox.webhooks.all()] == [theirs]


# The stored spec


def test_the_spec_is_stored_without_the_secret(files: Files) -> None:
    assert read_webhook_spec(files) is None
    write_webhook_spec(files, ORG)
    assert read_webhook_spec(files) == ORG
    assert files.read_bytes("state/webhooks.json") == (
        b'{"target_url":"https://hooks.team.example/webex","org":true,'
        b'"resources":["meetings","recordings","meetingTranscripts"]}\n'
    )
    delete_webhook_spec(files)
    assert read_webhook_spec(files) is None


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"target_url":"https://a.example","org":true,"resources":["no"]}']
)
def test_a_damaged_file_says_what_to_do(files: Files, content: bytes) -> None:
    files.replace_bytes("state/webhooks.json", content)
    with pytest.raises(StorageError, match="webhooks create"):
        read_webhook_spec(files)
