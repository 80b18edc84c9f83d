"""Section accounts: which account is asked for what, and what none of them can read.

Belongs here: what follows from the settings of several accounts. Does not: whether their tokens
work (token_checks.py), the order in which they are asked (webex/account_rights.py).
"""

from collections.abc import Sequence
from functools import partial
from itertools import groupby

from meeting_etl.cli.doctor.finding import (
    CheckResult,
    Finding,
    ok,
    run_check,
    skipped,
    warning,
)
from meeting_etl.cli.doctor.lake_checks import newest_days
from meeting_etl.lake.many_days import read_days
from meeting_etl.pipeline.ledger.work_item import DETAILS, FILES, OPTIONAL, RESOURCES
from meeting_etl.schemas import MEETINGS, TRANSCRIPT_SNIPPETS
from meeting_etl.settings import Etl
from meeting_etl.settings.connections import owners_of, same_owner
from meeting_etl.webex.account_rights import AccountRights, host_of, ranked
from meeting_etl.webex.token_kind import TokenKind

# Of a meeting of which nothing is known: what is shown is for any meeting.
_ANY: dict[str, str] = {}
# More hosts than that are counted, not named.
_NAMED = 3
_PLACES = ("1st", "2nd", "3rd")


def account_checks(etl: Etl) -> list[CheckResult]:
    """Who is asked for each resource, what stays unread, and accounts with the same owner."""
    accounts = etl.settings.accounts
    return [
        *(
            run_check("accounts", resource, partial(_readers, accounts, resource))
            for resource in _wanted(etl)
        ),
        run_check("accounts", "reconcile", lambda: _listing(accounts)),
        run_check("accounts", "meetings", lambda: _meetings(etl)),
        run_check("accounts", "owners", lambda: _owners(etl)),
    ]


def matrix(etl: Etl) -> tuple[list[str], list[list[str | None]]]:
    """Who is asked for what: the names of the columns, and a row for each resource.

    Hosts are asked for their own meetings, before the others.
    """
    accounts = etl.settings.accounts
    hosts, others = _hosts(accounts), _org_wide(accounts)
    hosts_named = [host.name for host in hosts]
    if len(hosts) > _NAMED:
        hosts_named = [f"{len(hosts)} hosts"]
    rows = []
    for resource in _wanted(etl):
        places = {
            account: _place(number)
            for number, equal in enumerate(_in_turn(others, resource))
            for account in equal
        }
        own = "own" if ranked(hosts, resource, _ANY) else None
        rows.append([resource, *(own for _ in hosts_named), *(places.get(each) for each in others)])
    return ["resource", *hosts_named, *(account.name for account in others)], rows


def _wanted(etl: Etl) -> list[str]:
    """What is fetched for meetings; files are downloaded by the rights of their recordings."""
    return [
        name
        for name in RESOURCES
        if name not in FILES and (name not in OPTIONAL or name in etl.switched_on)
    ]


def _hosts(accounts: Sequence[AccountRights]) -> list[AccountRights]:
    return [account for account in accounts if not account.kind.access.is_org_wide]


def _org_wide(accounts: Sequence[AccountRights]) -> list[AccountRights]:
    return [account for account in accounts if account.kind.access.is_org_wide]


def _in_turn(accounts: Sequence[AccountRights], resource: str) -> list[list[AccountRights]]:
    """Those that may read a resource, the best first, with those that are equally good."""
    able = ranked(accounts, resource, _ANY)
    return [list(equal) for _, equal in groupby(able, lambda each: each.rank(resource, _ANY))]


def _place(number: int) -> str:
    return _PLACES[number] if number < len(_PLACES) else f"{number + 1}th"


def _readers(accounts: Sequence[AccountRights], resource: str) -> Finding:
    hosts, others = (
        ranked(_hosts(accounts), resource, _ANY),
        _in_turn(_org_wide(accounts), resource),
    )
    if not others and _org_wide(accounts):
        return _lacking(resource, hosts)
    names = [" or ".join(account.name for account in equal) for equal in others]
    if len(hosts) > _NAMED:
        names.insert(0, f"{len(hosts):,} hosts for their own meetings")
    elif hosts:
        named = ", ".join(host.name for host in hosts)
        names.insert(0, f"{named} for {'their' if len(hosts) > 1 else 'its'} own meetings")
    return ok(f"Asked: {', then '.join(names)}.")


def _lacking(resource: str, hosts: Sequence[AccountRights]) -> Finding:
    """Accounts that read the whole organization, but not this resource."""
    whose = " of other meetings than the hosts' own" if hosts else ""
    instead = "; words are read from VTT files" if resource == TRANSCRIPT_SNIPPETS.name else ""
    kinds = [
        kind
        for kind in TokenKind
        if kind.access.is_org_wide and resource not in kind.access.unreadable
    ]
    needed = f"an account of kind {' or '.join(kinds)}" if kinds else "each host's own account"
    return warning(f"None of the accounts can read {resource}{whose}{instead}.", f"Add {needed}.")


def _listing(accounts: Sequence[AccountRights]) -> Finding:
    """Who can list ended meetings, so that those without a webhook event are found."""
    able = [account for account in accounts if DETAILS in account.kind.access.listings]
    if wide := _org_wide(able):
        return ok(f"Lists ended meetings: {', '.join(account.name for account in wide)}.")
    if not able:
        return warning(
            "None of the accounts can list ended meetings: those whose webhook event is lost may "
            "not be found.",
            "Add an account of kind admin.",
        )
    if not _org_wide(accounts):
        return ok("Each host's account lists their own meetings; those of others are not read.")
    return warning(
        "Only meetings of hosts with an account of their own are listed: others whose webhook "
        "event is lost may not be found.",
        "Add an account of kind admin.",
    )


def _meetings(etl: Etl) -> Finding:
    """Whether the hosts and sites of the settings are those of recent meetings."""
    accounts = etl.settings.accounts
    meetings = [
        row | {"host_email": etl.lake.privacy.hosts.clear(row["host_email"])}
        for _, rows in read_days(
            etl.lake, MEETINGS, newest_days(etl, MEETINGS), ["host_email", "site_url"]
        )
        for row in rows.to_pylist()
    ]
    if not meetings:
        return skipped("There are no meetings yet.", "Run `meeting-etl run`.")
    idle = [each for each in accounts if not any(each.may_read(DETAILS, row) for row in meetings)]
    if idle:
        names = ", ".join(account.name for account in idle)
        return warning(
            f"No recent meeting is of the hosts and sites of {names}.", "Correct hosts and sites."
        )
    left = [row for row in meetings if not ranked(accounts, DETAILS, row)]
    if left:
        hosts = {host_of(row) for row in left}
        return warning(
            f"{len(left):,} of {len(meetings):,} recent meetings are of {len(hosts):,} hosts "
            "without an account, and cannot be read.",
            "Add their accounts, or one of kind admin or compliance.",
        )
    return ok(f"All {len(meetings):,} recent meetings are of hosts and sites with an account.")


def _owners(etl: Etl) -> Finding:
    connections = etl.connections
    pairs = same_owner(connections)
    if not pairs:
        unknown = len(connections) - len(owners_of(connections))
        later = f"; of {unknown:,} it is not known yet, the next run asks" if unknown else ""
        return ok(f"No two accounts are known to have the same owner{later}.")
    names = "; ".join(f"{first} and {second}" for first, second in pairs)
    return warning(
        f"The same owner: {names}. Webex limits the rate by owner, so they share one limit.",
        "Remove one of the two, or authorize it with another user.",
    )
