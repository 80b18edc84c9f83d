"""The comparison of webhooks with the spec, and the stored spec."""

from dataclasses import replace

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.state import LocalState
from meeting_etl.webex.webhook_spec import (
    Webhook,
    WebhookSpec,
    WebhookStatus,
    compare_webhooks,
    delete_webhook_spec,
    parse_webhook,
    read_webhook_spec,
    write_webhook_spec,
)
from meeting_etl_tests.webex.webhook_calls import ELSEWHERE, ORG, SECRET, TARGET

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
    found = [
        (finding.webhook.id, finding.status)
        for finding in compare_webhooks(only, there)
        if finding.webhook
    ]
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


# The stored spec


def test_the_spec_is_stored_without_the_secret(files: Files) -> None:
    assert read_webhook_spec(LocalState(files)) is None
    write_webhook_spec(LocalState(files), ORG)
    assert read_webhook_spec(LocalState(files)) == ORG
    assert files.read_bytes("state/webhooks.json") == (
        b'{"target_url":"https://hooks.team.example/webex","org":true,'
        b'"resources":["meetings","recordings","meetingTranscripts"]}\n'
    )
    delete_webhook_spec(LocalState(files))
    assert read_webhook_spec(LocalState(files)) is None


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"target_url":"https://a.example","org":true,"resources":["no"]}']
)
def test_a_damaged_file_says_what_to_do(files: Files, content: bytes) -> None:
    files.replace_bytes("state/webhooks.json", content)
    with pytest.raises(StorageError, match="webhooks create"):
        read_webhook_spec(LocalState(files))
