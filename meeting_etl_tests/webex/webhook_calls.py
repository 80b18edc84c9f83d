"""Webhooks in the sandbox: what tests create, repair and see of them."""

from collections import Counter
from collections.abc import Callable, Iterator

from meeting_etl.sandbox.api.webhook_registry import Hook
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.webex import webhook_sync
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.webhook_spec import (
    DEFAULT_RESOURCES,
    WebhookSpec,
    WebhookStatus,
    compare_webhooks,
)
from meeting_etl_tests.clocks import ManualClock

TARGET, ELSEWHERE = "https://hooks.team.example/webex", "https://old.team.example/webex"
ORG, OWN = (
    WebhookSpec(TARGET, True, DEFAULT_RESOURCES),
    WebhookSpec(TARGET, False, DEFAULT_RESOURCES),
)
ENDED = ("meetings", "ended")
SECRET = "signing"

Start = Callable[..., tuple[Sandbox, Webex]]


def create(webex: Webex, expected: WebhookSpec, clock: ManualClock) -> list[tuple[str, str, str]]:
    findings = webhook_sync.check_webhooks(webex, expected)
    return described(webhook_sync.create(webex, expected, findings, SECRET, clock))


def repair(webex: Webex, expected: WebhookSpec, clock: ManualClock) -> list[tuple[str, str, str]]:
    findings = webhook_sync.check_webhooks(webex, expected)
    return described(webhook_sync.repair(webex, expected, findings, SECRET, clock))


def described(actions: Iterator[webhook_sync.Action]) -> list[tuple[str, str, str]]:
    return [(action.finding.resource, action.finding.event, action.what) for action in actions]


def health(webex: Webex, expected: WebhookSpec) -> Counter[WebhookStatus]:
    return Counter(
        webhook.status for webhook in compare_webhooks(expected, webhook_sync.list_webhooks(webex))
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
