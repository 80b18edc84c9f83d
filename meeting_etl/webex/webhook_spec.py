"""Which webhooks should be registered, and what is wrong with those that are.

Belongs here: what the pipeline has webhooks for, which is stored in the state, and the comparison
with the webhooks that Webex lists. Does not: any request, nor the repair (webhook_sync.py).

Webex sends the secret of each webhook; it is dropped where a webhook is parsed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from meeting_etl.errors import BadResponse, StorageError
from meeting_etl.state import State

# `event: all` would cover created, updated and deleted only (docs/webex-api-notes.md T2).
EVENTS = {
    "meetings": ("created", "updated", "deleted", "started", "ended"),
    "recordings": ("created", "updated", "deleted"),
    "meetingTranscripts": ("created",),
    "meetingParticipants": ("joined", "left"),
}
# Participants are fetched after the meeting anyway, and their events are many.
DEFAULT_RESOURCES = ("meetings", "recordings", "meetingTranscripts")
_NAME = "webhooks"


@dataclass(frozen=True)
class WebhookSpec:
    """Webhooks on every event of `resources`, all posting to `target_url`, without a filter.

    `org`: owned by the organization, so that they report all its meetings. The secret is not part
    of it: it is never stored.
    """

    target_url: str
    org: bool
    resources: tuple[str, ...]

    def events(self) -> list[tuple[str, str]]:
        """Resource and event of each expected webhook."""
        return [(resource, event) for resource in self.resources for event in EVENTS[resource]]


def read_webhook_spec(state: State) -> WebhookSpec | None:
    """The spec of the last `webhooks create` or `repair`; None without one.

    Raises StorageError when that is damaged.
    """
    content = state.get(_NAME)
    if content is None:
        return None
    try:
        spec = msgspec.json.decode(content, type=WebhookSpec)
        spec.events()
    except (msgspec.DecodeError, KeyError):
        raise StorageError(
            f"What is stored about expected webhooks ({state.where(_NAME)}) is damaged: run "
            "`meeting-etl webhooks create` again."
        ) from None
    return spec


def write_webhook_spec(state: State, spec: WebhookSpec) -> None:
    """Store which webhooks are expected from now on."""
    state.put(_NAME, msgspec.json.encode(spec) + b"\n")


def delete_webhook_spec(state: State) -> None:
    """Expect no webhooks from now on."""
    state.remove(_NAME)


class WebhookStatus(StrEnum):
    """The result of comparing one webhook with the spec."""

    OK = "ok"
    INACTIVE = "inactive"
    WRONG_TARGET = "wrong target"
    WRONG_FILTER = "wrong filter"
    WRONG_OWNER = "wrong owner"
    MISSING = "missing"
    DUPLICATE = "duplicate"
    NOT_EXPECTED = "not expected"


_HEALTHY = frozenset({WebhookStatus.OK, WebhookStatus.NOT_EXPECTED})


@dataclass(frozen=True)
class Webhook:
    """A registered webhook, without its secret. `created` is Webex's own text."""

    id: str
    name: str
    resource: str
    event: str
    target_url: str
    filter: str
    owned_by: str
    status: str
    created: str

    @property
    def is_ours(self) -> bool:
        """Whether its name is the one that we give to a webhook on its resource and event."""
        return self.event in EVENTS.get(self.resource, ()) and self.name == name_for(
            self.resource, self.event
        )


@dataclass(frozen=True)
class WebhookFinding:
    """The status of one expected or registered webhook. `webhook` is None when it is missing."""

    resource: str
    event: str
    status: WebhookStatus
    webhook: Webhook | None = None

    def __str__(self) -> str:
        return f"{self.resource} {self.event}: {self.status}"


def name_for(resource: str, event: str) -> str:
    """The name by which we recognize our own webhooks."""
    return f"meeting_etl {resource} {event}"


def parse_webhook(item: Mapping[str, Any]) -> Webhook:
    """A webhook from an item that Webex listed, without its secret."""
    if not isinstance(item.get("id"), str):
        raise BadResponse("Webex listed a webhook without an id; try again later.")
    names = ("name", "resource", "event", "targetUrl", "filter", "ownedBy", "status", "created")
    texts = [value if isinstance(value := item.get(name), str) else "" for name in names]
    return Webhook(item["id"], *texts)


def compare_webhooks(spec: WebhookSpec | None, registered: list[Webhook]) -> list[WebhookFinding]:
    """A finding for each expected webhook and for each further one of ours.

    Of several for one resource and event the one with the fewest problems counts, the others are
    duplicates. Webhooks of others are ignored.
    """
    ours = [webhook for webhook in registered if webhook.is_ours]
    expected = spec.events() if spec else []
    findings = []
    for resource, event in expected:
        candidates = [hook for hook in ours if (hook.resource, hook.event) == (resource, event)]
        candidates.sort(key=lambda hook: (len(problems(spec, hook)), hook.created, hook.id))
        if not candidates:
            findings.append(WebhookFinding(resource, event, WebhookStatus.MISSING))
        for number, webhook in enumerate(candidates):
            status = next(iter(problems(spec, webhook)), WebhookStatus.OK)
            if number:
                status = WebhookStatus.DUPLICATE
            findings.append(WebhookFinding(resource, event, status, webhook))
    findings += [
        WebhookFinding(hook.resource, hook.event, WebhookStatus.NOT_EXPECTED, hook)
        for hook in ours
        if (hook.resource, hook.event) not in expected
    ]
    return findings


def needing_repair(findings: list[WebhookFinding]) -> list[WebhookFinding]:
    """Those that `webhooks repair` would change."""
    return [finding for finding in findings if finding.status not in _HEALTHY]


def problems(spec: WebhookSpec | None, webhook: Webhook) -> list[WebhookStatus]:
    """Everything that is wrong with an expected webhook; the hardest to repair first."""
    if spec is None:
        return []
    checks = {
        WebhookStatus.WRONG_OWNER: (webhook.owned_by == "org") != spec.org,
        WebhookStatus.WRONG_FILTER: bool(webhook.filter),
        WebhookStatus.WRONG_TARGET: webhook.target_url != spec.target_url,
        WebhookStatus.INACTIVE: webhook.status != "active",
    }
    return [status for status, is_wrong in checks.items() if is_wrong]
