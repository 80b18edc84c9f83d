"""What the commands of webhooks do with all accounts: comparing, changing, showing.

Belongs here: one account after the other, and what is printed of each. Does not: the commands
(webhooks.py), which account registers what (webex/webhook_plan.py).
"""

import sys
from collections.abc import Callable, Iterable, Iterator

from meeting_etl.cli import display, formats
from meeting_etl.settings import Etl
from meeting_etl.settings.connections import owners_of
from meeting_etl.times import Clock
from meeting_etl.webex import webhook_sync
from meeting_etl.webex.account_webhooks import UNUSABLE, AccountWebhooks, Part
from meeting_etl.webex.accounts import Account
from meeting_etl.webex.webhook_plan import able_to_register, kinds_of
from meeting_etl.webex.webhook_spec import DEFAULT_RESOURCES, WebhookSpec
from meeting_etl.webex.webhook_sync import Action

_COLUMNS = ("resource", "event", "health", "created", "owned_by", "filter", "target_url", "id")
_REPAIR = "run `meeting-etl webhooks repair`"
Found = AccountWebhooks[Account]
AccountPart = Part[Account]


def usual(etl: Etl, *, org: bool) -> tuple[str, ...]:
    """The default resources that the accounts can register."""
    accounts = etl.settings.accounts
    able = tuple(name for name in DEFAULT_RESOURCES if able_to_register(accounts, name, org=org))
    if able and able != DEFAULT_RESOURCES:
        unable = ", ".join(name for name in DEFAULT_RESOURCES if name not in able)
        display.say(
            f"{kinds_of(accounts)}: such a token cannot create webhooks on {unable}: create those "
            "with an administrator's or a host's token, in another data folder, or add its account."
        )
    return able or DEFAULT_RESOURCES


def compared(etl: Etl, spec: WebhookSpec | None) -> Found:
    """The webhooks of all accounts, compared with the spec."""
    return webhook_sync.check_accounts(etl.accounts.all, spec, owners_of(etl.connections))


def create_missing(found: Found, secret: str | None, clock: Clock) -> None:
    """Create what is missing, account by account."""

    def create(part: AccountPart, spec: WebhookSpec) -> Iterator[Action]:
        return webhook_sync.create(part.account.webex, spec, part.findings, secret, clock)

    _carry_out(found, lambda part: create(part, part.spec) if part.spec else ())


def repair_wrong(
    found: Found, secret: str | None, clock: Clock, *, sets_secret: bool = False
) -> None:
    """Correct what is wrong, account by account; with `sets_secret` the secrets of all."""
    listed_by = {key: account.webex for key, account in found.listed_by.items()}

    def repair(part: AccountPart, spec: WebhookSpec) -> Iterator[Action]:
        webex, findings = part.account.webex, part.findings
        return webhook_sync.repair(
            webex, spec, findings, secret, clock, listed_by, sets_secret=sets_secret
        )

    _carry_out(found, lambda part: repair(part, part.spec) if part.spec else ())


def delete_all(found: Found) -> None:
    """Delete everything that is ours, each by the account that lists it."""

    def delete(part: AccountPart) -> Iterator[Action]:
        ours = [finding.webhook for finding in part.findings if finding.webhook]
        return webhook_sync.delete(part.account.webex, ours)

    _carry_out(found, delete, "run this command again")


def _carry_out(
    found: Found, act: Callable[[AccountPart], Iterable[Action]], todo: str = _REPAIR
) -> None:
    """Print each action as it is done; exit status 1 if one could not be.

    Where there are several accounts, an error ends what is done for its account alone.
    """
    done, failures = list[bool](), found.unusable_sentences()
    for part in found.parts:
        try:
            for action in act(part):
                finding = action.finding
                account = found.account_of(part, finding)
                event = f"{finding.resource} {finding.event}"
                display.say(found.named(account, f"{event}: {action.what}"))
                done.append(action.done)
        except UNUSABLE as error:
            if len(found.accounts) == 1:
                raise
            failures.append(found.named(part.account, str(error)))
    if not done and not failures:
        display.say("Nothing to do.")
    for sentence in failures:
        display.complain(sentence)
    if failures or not all(done):
        display.complain(f"Some webhooks still need attention: {todo}.")
        sys.exit(1)


def complain_of(sentences: list[str]) -> None:
    """Print what is wrong; exit status 1 if anything is."""
    for sentence in sentences:
        display.complain(sentence)
    if sentences:
        sys.exit(1)


def show_webhooks(found: Found, row_format: str) -> None:
    """What was found; with the account in the first column where there are several."""
    several = len(found.accounts) > 1
    columns = ("account", *_COLUMNS) if several else _COLUMNS
    rows = [
        (
            *((account.name,) if several else ()),
            *(finding.resource, finding.event, str(finding.status)),
            *(getattr(finding.webhook, name, None) or None for name in _COLUMNS[3:]),
        )
        for account, finding in found.findings()
    ]
    if row_format == "table":
        # Ids are long and of no use to a reader; none of the pipeline's own has a filter.
        is_filtered = any(row[columns.index("filter")] for row in rows)
        left_out = {"id"} if is_filtered else {"id", "filter"}
        shown = [number for number, name in enumerate(columns) if name not in left_out]
        display.show_table(
            "", [columns[number] for number in shown], [[row[n] for n in shown] for row in rows]
        )
    else:
        formats.write_rows(row_format, columns, rows)
