"""Section accounts: which account is asked for what, and what none of them can read.

Belongs here: what follows from the settings of several accounts. Does not: whether their tokens
work (token_checks.py), the order in which they are asked (webex/account_rights.py).
"""

from collections.abc import Sequence
from functools import partial

from meeting_etl.cli.doctor.finding import CheckResult, Finding, ok, run_check, warning
from meeting_etl.pipeline.ledger.work_item import FILES, OPTIONAL, RESOURCES
from meeting_etl.settings import Etl
from meeting_etl.settings.connections import same_owner
from meeting_etl.webex.account_rights import AccountRights, ranked
from meeting_etl.webex.token_kind import TokenKind

# Of a meeting of which nothing is known: what is shown is for any meeting.
_ANY: dict[str, str] = {}


def account_checks(etl: Etl) -> list[CheckResult]:
    """Who is asked for each resource, and accounts with the same owner."""
    accounts = etl.settings.accounts
    wanted = [
        name
        for name in RESOURCES
        if name not in FILES and (name not in OPTIONAL or name in etl.switched_on)
    ]
    return [
        *(
            run_check("accounts", resource, partial(_readers, accounts, resource))
            for resource in wanted
        ),
        run_check("accounts", "owners", lambda: _owners(etl)),
    ]


def in_order(accounts: Sequence[AccountRights], resource: str) -> list[str]:
    """Who is asked, in this order; users for the meetings that they host."""
    able = ranked(accounts, resource, _ANY)
    users = [account for account in able if not account.kind.access.is_org_wide]
    own = [f"{account.name} (own meetings)" for account in users[:3]]
    if len(users) > 3:
        own.append(f"{len(users) - 3} more hosts")
    return own + [account.name for account in able if account.kind.access.is_org_wide]


def _readers(accounts: Sequence[AccountRights], resource: str) -> Finding:
    if names := in_order(accounts, resource):
        return ok(f"Asked: {', then '.join(names)}.")
    kinds = [kind for kind in TokenKind if resource not in kind.access.unreadable]
    return warning(
        f"None of the accounts can read {resource}.",
        f"Add an account of kind {' or '.join(kinds)}.",
    )


def _owners(etl: Etl) -> Finding:
    pairs = same_owner(etl.connections)
    if not pairs:
        return ok("As far as is known, each account has an owner of its own.")
    names = "; ".join(f"{first} and {second}" for first, second in pairs)
    return warning(
        f"The same owner: {names}. Webex limits the rate by owner, so they share one limit.",
        "Remove one of the two, or authorize it with another user.",
    )
