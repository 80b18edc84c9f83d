"""Which account registers which of the expected webhooks.

Belongs here: that choice, so that no event has two webhooks. Does not: which webhooks are expected
and what is wrong with them (webhook_spec.py), those that there are (account_webhooks.py).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from meeting_etl.errors import SettingsError
from meeting_etl.webex.account_rights import A
from meeting_etl.webex.token_kind import TokenKind
from meeting_etl.webex.webhook_spec import WebhookSpec

# Administrators first: they may have webhooks on everything.
_ORDER = (TokenKind.ADMIN, TokenKind.COMPLIANCE, TokenKind.USER)
_NO_OWNERS: Mapping[str, str] = {}


def plan_webhooks(
    accounts: Sequence[A], spec: WebhookSpec, owners: Mapping[str, str] = _NO_OWNERS
) -> list[tuple[A, WebhookSpec]]:
    """The accounts that register webhooks, each with its part of the spec.

    Those of the organization are registered once. Without `org` each host registers those of their
    own meetings; `owners` are the owners of accounts by name, where known, so that two accounts of
    one host do not both register them. Raises SettingsError when no account may register one.
    """
    if spec.org and not any(each.kind.access.is_org_wide for each in accounts):
        raise SettingsError(
            "--org needs the token of an administrator or compliance officer, but "
            f"{kinds_of(accounts)}."
        )
    if not spec.org and not _registering(accounts, org=False):
        raise SettingsError(
            "Without --org, webhooks are of the meetings of one host, and no account is of kind "
            "user: add --org."
        )
    able = {name: able_to_register(accounts, name, org=spec.org) for name in spec.resources}
    if unable := [name for name, found in able.items() if not found]:
        raise SettingsError(
            f"{kinds_of(accounts)}: such a token cannot create webhooks on {', '.join(unable)}. "
            "Omit them from --resources."
        )
    if not spec.org:
        hosts: dict[object, A] = {}
        for account in _registering(accounts, org=False):
            hosts.setdefault(owners.get(account.name, account), account)
        return [(account, spec) for account in hosts.values()]
    resources: dict[A, list[str]] = defaultdict(list)
    for name, found in able.items():
        resources[found[0]].append(name)
    return [
        (account, replace(spec, resources=tuple(names))) for account, names in resources.items()
    ]


def able_to_register(accounts: Sequence[A], resource: str, *, org: bool) -> list[A]:
    """The accounts that may have webhooks on a resource, the best first."""
    found = _registering(accounts, org=org)
    return [each for each in found if each.kind.access.can_register(resource, org=org)]


def kinds_of(accounts: Sequence[A]) -> str:
    """Of which kind they are, as the beginning of a sentence."""
    if len(accounts) == 1:
        return f"{accounts[0].kind_setting} is {accounts[0].kind}"
    kinds = dict.fromkeys(account.kind for account in accounts)
    return f"all [accounts] are of kind {' or '.join(kinds)}"


def _registering(accounts: Sequence[A], *, org: bool) -> list[A]:
    """Those whose webhooks report what is wanted: of the organization, or of each host."""
    if org:
        return sorted(accounts, key=lambda account: _ORDER.index(account.kind))
    if len(accounts) == 1:
        return list(accounts)
    return [account for account in accounts if account.kind is TokenKind.USER]
