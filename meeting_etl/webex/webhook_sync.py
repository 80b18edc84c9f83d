"""Registration: webhooks are listed, created, repaired and deleted.

Belongs here: the order of the calls, and what a failure in between means. Does not: what is wrong
with a webhook (webhook_spec.py), the calls themselves (endpoints.py), what is shown (cli/).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from meeting_etl.errors import BadResponse, Gone, NotFound, Refused, SettingsError
from meeting_etl.times import Clock
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
# What was created shows in lists a little later.
_LAG_SECONDS = 5.0
_CONFLICT = 409


@dataclass(frozen=True)
class Action:
    """What was done about a finding, in a word or two; `done`: it needs nothing more."""

    finding: WebhookFinding
    what: str
    done: bool = True


def check_webhooks(webex: Webex, expected: WebhookSpec | None) -> list[WebhookFinding]:
    """What is expected against what is there now.

    Raises what `list_webhooks` does, and SettingsError when the token cannot see what is expected.
    """
    if expected and expected.org and not webex.can_register("recordings", org=True):
        raise SettingsError(
            "The expected webhooks are those of the organization: they need the token of an "
            "administrator or compliance officer, see WEBEX_TOKEN_KIND."
        )
    return compare_webhooks(expected, list_webhooks(webex))


def list_webhooks(webex: Webex) -> list[Webhook]:
    """All webhooks that the token can see: its owner's and, where it may, the organization's.

    Raises BadResponse, beside what `Client` does, for a list that is not whole: what it lacks would
    be taken for missing.
    """
    found: dict[str, Webhook] = {}
    for org in (False, True):
        if org and not webex.can_register("recordings", org=True):
            continue
        listing = webex.webhooks(org=org)
        if listing.broken:
            raise BadResponse("Webex sent a list of webhooks with errors in it; try again later.")
        found |= {one.id: one for one in map(parse_webhook, listing.items)}
    return list(found.values())


def create(
    webex: Webex, expected: WebhookSpec, secret: str | None, clock: Clock
) -> Iterator[Action]:
    """Create what is missing, one after the other as the result is read; nothing else changes."""
    for finding in check_webhooks(webex, expected):
        if finding.status is WebhookStatus.MISSING:
            _create(webex, expected, finding, secret, clock)
            yield Action(finding, "created")
        elif finding.status is WebhookStatus.OK:
            yield Action(finding, "was there")
        elif finding.status is not WebhookStatus.NOT_EXPECTED:
            yield Action(finding, finding.status, done=False)


def repair(
    webex: Webex, expected: WebhookSpec, secret: str | None, clock: Clock
) -> Iterator[Action]:
    """Put right what is wrong, one after the other as the result is read.

    A target or a status is set; owner and filter cannot be, so a new webhook takes the place of the
    old one, which goes when the new one is there. Duplicates go when the one that stays is right.
    """
    in_doubt = set()
    for finding in needing_repair(check_webhooks(webex, expected)):
        pair = (finding.resource, finding.event)
        if finding.status is WebhookStatus.DUPLICATE and pair in in_doubt:
            yield Action(finding, "left until the other one is right", done=False)
            continue
        deed = _repair(webex, expected, finding, secret, clock)
        if not deed.done:
            in_doubt.add(pair)
        yield deed


def delete(webex: Webex, webhooks: list[Webhook]) -> Iterator[Action]:
    """Remove these, which must be ours, one after the other as the result is read."""
    for webhook in webhooks:
        _delete(webex, webhook)
        finding = WebhookFinding(
            webhook.resource, webhook.event, WebhookStatus.NOT_EXPECTED, webhook
        )
        yield Action(finding, "deleted")


def _repair(
    webex: Webex, expected: WebhookSpec, finding: WebhookFinding, secret: str | None, clock: Clock
) -> Action:
    webhook = finding.webhook
    if webhook is None:
        _create(webex, expected, finding, secret, clock)
        return Action(finding, "created")
    if finding.status is WebhookStatus.DUPLICATE:
        _delete(webex, webhook)
        return Action(finding, "deleted")
    if finding.status in (WebhookStatus.WRONG_FILTER, WebhookStatus.WRONG_OWNER):
        _create(webex, expected, finding, secret, clock)
        _delete(webex, webhook)
        return Action(finding, "created anew, the old one deleted")
    return _update(webex, expected, finding, webhook, secret)


def _update(
    webex: Webex,
    expected: WebhookSpec,
    finding: WebhookFinding,
    webhook: Webhook,
    secret: str | None,
) -> Action:
    """Set target, secret and status, whichever was wrong."""
    document = _document(expected, finding, secret) | {"status": "active"}
    for fixed in ("resource", "event"):
        del document[fixed]
    try:
        after = parse_webhook(webex.update_webhook(webhook.id, document))
    except (NotFound, Gone):
        # The list and what it lists may lag behind each other: creating another
        # one now could make two of it.
        return Action(finding, "listed but not there (yet): repair again later", done=False)
    left = problems(expected, after)
    if left:
        return Action(finding, f"Webex left it as it is: {', '.join(left)}", done=False)
    return Action(
        finding, "re-activated" if finding.status is WebhookStatus.INACTIVE else "target set"
    )


def _create(
    webex: Webex, expected: WebhookSpec, wanted: WebhookFinding, secret: str | None, clock: Clock
) -> None:
    """Create one webhook. After an attempt whose outcome is not known, look before the next."""
    document = _document(expected, wanted, secret)
    for _ in range(_ATTEMPTS):
        try:
            webex.create_webhook(document)
        except (BadResponse, Refused) as error:
            if isinstance(error, Refused) and error.http_status != _CONFLICT:
                raise
            failure = error
        else:
            return
        clock.sleep(_LAG_SECONDS)
        if _is_there(webex, expected, wanted):
            return
        if isinstance(failure, Refused):
            raise Refused(
                f"{failure} For {wanted.resource} {wanted.event} the organization has one already: "
                "somebody else's, or one of ours so new that it is not listed yet. Try again in "
                "some minutes.",
                _CONFLICT,
            ) from failure
    raise failure


def _is_there(webex: Webex, expected: WebhookSpec, wanted: WebhookFinding) -> bool:
    """Whether there is one now that posts what is wanted to where it is wanted."""
    return any(
        (one.resource, one.event, one.status) == (wanted.resource, wanted.event, WebhookStatus.OK)
        for one in check_webhooks(webex, expected)
    )


def _delete(webex: Webex, webhook: Webhook) -> None:
    try:
        webex.delete_webhook(webhook.id)
    except (NotFound, Gone):
        return


def _document(expected: WebhookSpec, wanted: WebhookFinding, secret: str | None) -> dict[str, str]:
    """What is sent to create a webhook."""
    document = {
        "name": name_for(wanted.resource, wanted.event),
        "targetUrl": expected.target_url,
        "resource": wanted.resource,
        "event": wanted.event,
    }
    if secret:
        document["secret"] = secret
    if expected.org:
        document["ownedBy"] = "org"
    return document
