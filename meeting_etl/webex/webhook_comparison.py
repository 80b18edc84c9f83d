"""Webhooks wanted against webhooks there: what is right, wrong, missing, too many.

Belongs here: what a webhook is to us, which are ours, and the comparison, which asks nothing. Does
not: doing something about it (webhook_sync.py), what is wanted (webhook_spec.py).

The answers of Webex carry the secret of each webhook; it is left behind where they are read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from meeting_etl.errors import BadAnswer
from meeting_etl.webex.webhook_spec import EVENTS, WebhookSpec


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
class Finding:
    """What is known of one webhook, wanted or there. `webhook` is None when it is missing."""

    resource: str
    event: str
    health: WebhookStatus
    webhook: Webhook | None = None

    def __str__(self) -> str:
        return f"{self.resource} {self.event}: {self.health}"


def name_for(resource: str, event: str) -> str:
    """The name by which we know our own webhooks."""
    return f"meeting_etl {resource} {event}"


def read_webhook(item: Mapping[str, Any]) -> Webhook:
    """A webhook from an item of Webex, without its secret."""
    if not isinstance(item.get("id"), str):
        raise BadAnswer("Webex tells of a webhook without an id; try again later.")
    names = ("name", "resource", "event", "targetUrl", "filter", "ownedBy", "status", "created")
    texts = [value if isinstance(value := item.get(name), str) else "" for name in names]
    return Webhook(item["id"], *texts)


def compare(expected: WebhookSpec | None, there: list[Webhook]) -> list[Finding]:
    """A finding for each webhook that is expected, and for each further one of ours.

    Of several for one resource and event the one with the least wrong counts, the others are
    duplicates. Webhooks of others are passed over.
    """
    ours = [webhook for webhook in there if webhook.is_ours]
    found = []
    pairs = expected.pairs() if expected else []
    for resource, event in pairs:
        candidates = [one for one in ours if (one.resource, one.event) == (resource, event)]
        candidates.sort(key=lambda one: (len(wrongs(expected, one)), one.created, one.id))
        if not candidates:
            found.append(Finding(resource, event, WebhookStatus.MISSING))
        for number, webhook in enumerate(candidates):
            health = (
                WebhookStatus.DUPLICATE
                if number
                else next(iter(wrongs(expected, webhook)), WebhookStatus.OK)
            )
            found.append(Finding(resource, event, health, webhook))
    found += [
        Finding(one.resource, one.event, WebhookStatus.NOT_EXPECTED, one)
        for one in ours
        if (one.resource, one.event) not in pairs
    ]
    return found


def unhealthy(findings: list[Finding]) -> list[Finding]:
    """Those that `repair` would do something about."""
    return [finding for finding in findings if finding.health not in HEALTHY]


def wrongs(expected: WebhookSpec | None, webhook: Webhook) -> list[WebhookStatus]:
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
