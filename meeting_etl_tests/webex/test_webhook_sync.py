"""Creating webhooks, over real HTTP with the sandbox."""

from itertools import pairwise

import pytest

from meeting_etl.errors import ApiUnavailable, BadResponse, Forbidden, Refused
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
    ENDED,
    ORG,
    OWN,
    SECRET,
    TARGET,
    Start,
    create,
    foreign,
    health,
    hooks,
    posts,
    repair,
)

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
