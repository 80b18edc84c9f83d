"""Which webhooks are expected, and the small file that remembers it.

Belongs here: what the pipeline has webhooks for, and state/webhooks.json. Does not: whether they
are there (webhook_sync.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from meeting_etl.errors import BadResponse, StorageError
from meeting_etl.files import Files

# `event: all` would cover created, updated and deleted only (docs/webex-api-notes.md T2).
EVENTS = {
    "meetings": ("created", "updated", "deleted", "started", "ended"),
    "recordings": ("created", "updated", "deleted"),
    "meetingTranscripts": ("created",),
    "meetingParticipants": ("joined", "left"),
}
# Participants are asked for after the meeting anyway; their events are many.
USUAL = ("meetings", "recordings", "meetingTranscripts")
_FILE = "state/webhooks.json"


@dataclass(frozen=True)
class WebhookSpec:
    """Webhooks on every event of `resources`, all posting to `target_url`, without a filter.

    `org`: owned by the organization, so that they tell of all its meetings. The secret is no part
    of it: that is never kept.
    """

    target_url: str
    org: bool
    resources: tuple[str, ...]

    def events(self) -> list[tuple[str, str]]:
        """Resource and event of each expected webhook."""
        return [(resource, event) for resource in self.resources for event in EVENTS[resource]]


def read_webhook_spec(files: Files) -> WebhookSpec | None:
    """What was last asked for with `webhooks create` or `repair`; None when nothing was.

    Raises StorageError for a file that is not one of ours.
    """
    content = files.read_bytes(_FILE)
    if content is None:
        return None
    try:
        found = msgspec.json.decode(content, type=WebhookSpec)
        found.events()
    except (msgspec.DecodeError, KeyError):
        raise StorageError(
            f"{files.path(_FILE)} is damaged: say `meeting-etl webhooks create` again."
        ) from None
    return found


def write_webhook_spec(files: Files, expectation: WebhookSpec) -> None:
    """Remember what is expected from now on."""
    files.replace_bytes(_FILE, msgspec.json.encode(expectation) + b"\n")


def delete_webhook_spec(files: Files) -> None:
    """Expect no webhooks any more."""
    files.remove(_FILE)


class WebhookStatus(StrEnum):
    """What a comparison says of one webhook."""

    OK = "ok"
    INACTIVE = "inactive"
    WRONG_TARGET = "wrong target"
    WRONG_FILTER = "wrong filter"
    WRONG_OWNER = "wrong owner"
    MISSING = "missing"
    DUPLICATE = "duplicate"
    NOT_EXPECTED = "not expected"


HEALTHY = frozenset({WebhookStatus.OK, WebhookStatus.NOT_EXPECTED})


@dataclass(frozen=True)
class Webhook:
    """A webhook as Webex tells of it, without its secret. `created` is Webex's own text."""

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
        """Whether it bears the name that we give to a webhook on its resource and event."""
        return self.event in EVENTS.get(self.resource, ()) and self.name == name_for(
            self.resource, self.event
        )


@dataclass(frozen=True)
class WebhookFinding:
    """What is known of one webhook, wanted or there. `webhook` is None when it is missing."""

    resource: str
    event: str
    status: WebhookStatus
    webhook: Webhook | None = None

    def __str__(self) -> str:
        return f"{self.resource} {self.event}: {self.status}"


def name_for(resource: str, event: str) -> str:
    """The name by which we know our own webhooks."""
    return f"meeting_etl {resource} {event}"


def parse_webhook(item: Mapping[str, Any]) -> Webhook:
    """A webhook from an item of Webex, without its secret."""
    if not isinstance(item.get("id"), str):
        raise BadResponse("Webex tells of a webhook without an id; try again later.")
    names = ("name", "resource", "event", "targetUrl", "filter", "ownedBy", "status", "created")
    texts = [value if isinstance(value := item.get(name), str) else "" for name in names]
    return Webhook(item["id"], *texts)


def compare_webhooks(expected: WebhookSpec | None, there: list[Webhook]) -> list[WebhookFinding]:
    """A finding for each webhook that is expected, and for each further one of ours.

    Of several for one resource and event the one with the least wrong counts, the others are
    duplicates. Webhooks of others are passed over.
    """
    ours = [webhook for webhook in there if webhook.is_ours]
    found = []
    pairs = expected.events() if expected else []
    for resource, event in pairs:
        candidates = [one for one in ours if (one.resource, one.event) == (resource, event)]
        candidates.sort(key=lambda one: (len(problems(expected, one)), one.created, one.id))
        if not candidates:
            found.append(WebhookFinding(resource, event, WebhookStatus.MISSING))
        for number, webhook in enumerate(candidates):
            health = (
                WebhookStatus.DUPLICATE
                if number
                else next(iter(problems(expected, webhook)), WebhookStatus.OK)
            )
            found.append(WebhookFinding(resource, event, health, webhook))
    found += [
        WebhookFinding(one.resource, one.event, WebhookStatus.NOT_EXPECTED, one)
        for one in ours
        if (one.resource, one.event) not in pairs
    ]
    return found


def needing_repair(findings: list[WebhookFinding]) -> list[WebhookFinding]:
    """Those that `repair` would do something about."""
    return [finding for finding in findings if finding.status not in HEALTHY]


def problems(expected: WebhookSpec | None, webhook: Webhook) -> list[WebhookStatus]:
    """All that is wrong with a webhook that is expected; the hardest to put right first."""
    if expected is None:
        return []
    wrong = {
        WebhookStatus.WRONG_OWNER: (webhook.owned_by == "org") != expected.org,
        WebhookStatus.WRONG_FILTER: bool(webhook.filter),
        WebhookStatus.WRONG_TARGET: webhook.target_url != expected.target_url,
        WebhookStatus.INACTIVE: webhook.status != "active",
    }
    return [health for health, is_so in wrong.items() if is_so]
