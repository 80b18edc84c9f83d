"""Which account registers which of the expected webhooks.

Belongs here: that choice, so that no event has two webhooks. Does not: which webhooks are expected
and what is wrong with them (webhook_spec.py), the requests (webhook_sync.py).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from meeting_etl.errors import SettingsError
from meeting_etl.webex.account_rights import A
from meeting_etl.webex.token_kind import TokenKind
from meeting_etl.webex.webhook_spec import WebhookSpec

# Administrators first: they may have webhooks on everything.
_ORDER = (TokenKind.ADMIN, TokenKind.COMPLIANCE, TokenKind.USER)


def plan_webhooks(accounts: Sequence[A], spec: WebhookSpec) -> list[tuple[A, WebhookSpec]]:
    """The accounts that register webhooks, each with its part of the spec.

    Those of the organization are registered once. Without `org` each host registers those of their
    own meetings. Raises SettingsError for a resource that no account may register.
    """
    if len(accounts) == 1:
        return [(accounts[0], spec)]
    if not spec.org:
        users = [account for account in accounts if account.kind is TokenKind.USER]
        if not users:
            raise SettingsError(
                "Without --org, webhooks are of the meetings of one host, and no account is of "
                "kind user: add --org."
            )
        return [(account, spec) for account in users]
    in_order = sorted(accounts, key=lambda account: _ORDER.index(account.kind))
    resources: dict[A, list[str]] = defaultdict(list)
    for resource in spec.resources:
        able = [each for each in in_order if each.kind.access.can_register(resource, org=True)]
        if not able:
            raise SettingsError(
                f"No account may register webhooks of the organization on {resource}: an "
                "administrator's may. Add one, or omit it from --resources."
            )
        resources[able[0]].append(resource)
    return [
        (account, replace(spec, resources=tuple(names))) for account, names in resources.items()
    ]
