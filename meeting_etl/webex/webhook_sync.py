"""Webhook sync: webhooks are listed, created, repaired and deleted.

Belongs here: the order of the requests, and what a failure in between means. Does not: what is
wrong with a webhook (webhook_spec.py), the requests themselves (webhook_endpoints.py), output
(cli/).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from meeting_etl.errors import BadResponse, Gone, NotFound, Refused
from meeting_etl.times import Clock
from meeting_etl.webex.account_webhooks import AccountWebhooks, compare_accounts
from meeting_etl.webex.accounts import Account
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.webhook_spec import (
    Webhook,
    WebhookFinding,
    WebhookSpec,
    WebhookStatus,
    compare_webhooks,
    name_for,
    needing_repair,
    parse_webhook,
    problems,
)

_ATTEMPTS = 3
# New webhooks are listed with a delay.
_LAG_SECONDS = 5.0
_CONFLICT = 409
_BY_THE_SAME: Mapping[str, Webex] = {}
# What updating a webhook has done, by what was wrong with it.
_UPDATED = {
    WebhookStatus.OK: "secret set",
    WebhookStatus.INACTIVE: "re-activated",
    WebhookStatus.WRONG_TARGET: "target set",
}


@dataclass(frozen=True)
class Action:
    """What was done about a finding, in a word or two; `done`: nothing is left to do."""

    finding: WebhookFinding
    what: str
    done: bool = True


def check_webhooks(webex: Webex, spec: WebhookSpec | None) -> list[WebhookFinding]:
    """The expected webhooks compared with those that one token can see now."""
    return compare_webhooks(spec, list_webhooks(webex))


def check_accounts(
    accounts: Sequence[Account], spec: WebhookSpec | None, owners: Mapping[str, str]
) -> AccountWebhooks[Account]:
    """The expected webhooks compared with those that all accounts can see now."""
    return compare_accounts(accounts, spec, owners, lambda each: list_webhooks(each.webex))


def list_webhooks(webex: Webex) -> list[Webhook]:
    """All webhooks that the token can see: its owner's and, if allowed, the organization's.

    Raises BadResponse, besides what `Client` does, for an incomplete list: what it lacks would be
    taken for missing.
    """
    found: dict[str, Webhook] = {}
    for org in (False, True):
        if org and not webex.can_register("recordings", org=True):
            continue
        listing = webex.webhooks.list(org=org)
        if listing.broken:
            raise BadResponse("Webex sent a list of webhooks with errors in it; try again later.")
        found |= {webhook.id: webhook for webhook in map(parse_webhook, listing.items)}
    return list(found.values())


def create(
    webex: Webex,
    spec: WebhookSpec,
    findings: Sequence[WebhookFinding],
    secret: str | None,
    clock: Clock,
) -> Iterator[Action]:
    """Create missing webhooks, one by one as the result is iterated; nothing else changes."""
    for finding in findings:
        if finding.status is WebhookStatus.MISSING:
            _create(webex, spec, finding, secret, clock)
            yield Action(finding, "created")
        elif finding.status is WebhookStatus.OK:
            yield Action(finding, "already registered")
        elif finding.status is not WebhookStatus.NOT_EXPECTED:
            yield Action(finding, finding.status, done=False)


def repair(
    webex: Webex,
    spec: WebhookSpec,
    findings: Sequence[WebhookFinding],
    secret: str | None,
    clock: Clock,
    listed_by: Mapping[str, Webex] = _BY_THE_SAME,
    *,
    sets_secret: bool = False,
) -> Iterator[Action]:
    """Correct what is wrong, one by one as the result is iterated.

    Target and status can be updated. Owner and filter cannot: a new webhook replaces the old one,
    which is deleted once the new one exists. Duplicates go once the remaining one is right.
    `listed_by` has by id the webhooks that another account can change. With `sets_secret` the
    healthy ones get the secret as well: nobody can see which one they have.
    """
    healthy = [finding for finding in findings if finding.status is WebhookStatus.OK]
    unresolved = set()
    for finding in [*needing_repair(list(findings)), *(healthy if sets_secret else ())]:
        event = (finding.resource, finding.event)
        if finding.status is WebhookStatus.DUPLICATE and event in unresolved:
            yield Action(finding, "duplicate kept until the other one is right", done=False)
            continue
        key = finding.webhook.id if finding.webhook else ""
        action = _repair(webex, listed_by.get(key, webex), spec, finding, secret, clock)
        if not action.done:
            unresolved.add(event)
        yield action


def delete(webex: Webex, webhooks: list[Webhook]) -> Iterator[Action]:
    """Delete these webhooks, which must be ours, one by one as the result is iterated."""
    for webhook in webhooks:
        _delete(webex, webhook)
        status = WebhookStatus.NOT_EXPECTED
        yield Action(WebhookFinding(webhook.resource, webhook.event, status, webhook), "deleted")


def _repair(
    webex: Webex,
    owner: Webex,
    spec: WebhookSpec,
    finding: WebhookFinding,
    secret: str | None,
    clock: Clock,
) -> Action:
    """Repair one webhook: `owner` can change the old one, `webex` creates the new one."""
    webhook = finding.webhook
    if webhook is None:
        _create(webex, spec, finding, secret, clock)
        return Action(finding, "created")
    if finding.status is WebhookStatus.DUPLICATE:
        _delete(owner, webhook)
        return Action(finding, "deleted")
    if finding.status in (WebhookStatus.WRONG_FILTER, WebhookStatus.WRONG_OWNER):
        _create(webex, spec, finding, secret, clock)
        _delete(owner, webhook)
        return Action(finding, "replaced by a new one")
    return _update(owner, spec, finding, webhook, secret)


def _update(
    webex: Webex, spec: WebhookSpec, finding: WebhookFinding, webhook: Webhook, secret: str | None
) -> Action:
    """Set target, secret and status."""
    document = _document(spec, finding, secret) | {"status": "active"}
    for read_only in ("resource", "event"):
        del document[read_only]
    try:
        updated = parse_webhook(webex.webhooks.update(webhook.id, document))
    except (NotFound, Gone):
        # Lists lag behind. Creating a webhook now could make two of it.
        return Action(finding, "listed but not found: repair again later", done=False)
    remaining = problems(spec, updated)
    if remaining:
        return Action(finding, f"Webex did not change it: {', '.join(remaining)}", done=False)
    return Action(finding, _UPDATED[finding.status])


def _create(
    webex: Webex, spec: WebhookSpec, finding: WebhookFinding, secret: str | None, clock: Clock
) -> None:
    """Create one webhook. After an attempt with an unknown outcome, check before the next one."""
    document = _document(spec, finding, secret)
    for _ in range(_ATTEMPTS):
        try:
            webex.webhooks.create(document)
        except (BadResponse, Refused) as error:
            if isinstance(error, Refused) and error.http_status != _CONFLICT:
                raise
            failure = error
        else:
            return
        clock.sleep(_LAG_SECONDS)
        if _exists(webex, spec, finding):
            return
        if isinstance(failure, Refused):
            raise Refused(
                f"{failure} The organization already has a webhook for {finding.resource} "
                f"{finding.event}: another application's, or a new one of ours that is not listed "
                "yet. Try again in a few minutes.",
                _CONFLICT,
            ) from failure
    raise failure


def _exists(webex: Webex, spec: WebhookSpec, missing: WebhookFinding) -> bool:
    """Whether a correct webhook exists now for what was missing."""
    wanted = (missing.resource, missing.event, WebhookStatus.OK)
    return any(
        (finding.resource, finding.event, finding.status) == wanted
        for finding in check_webhooks(webex, spec)
    )


def _delete(webex: Webex, webhook: Webhook) -> None:
    try:
        webex.webhooks.delete(webhook.id)
    except (NotFound, Gone):
        return


def _document(spec: WebhookSpec, finding: WebhookFinding, secret: str | None) -> dict[str, str]:
    """The document that creates a webhook."""
    document = {
        "name": name_for(finding.resource, finding.event),
        "targetUrl": spec.target_url,
        "resource": finding.resource,
        "event": finding.event,
    }
    if secret:
        document["secret"] = secret
    if spec.org:
        document["ownedBy"] = "org"
    return document
