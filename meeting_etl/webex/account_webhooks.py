"""The webhooks of all accounts, compared with those that are expected.

Belongs here: what all accounts list, each webhook once, and which accounts cannot be used. Does
not: which account registers what (webhook_plan.py), changing webhooks (webhook_sync.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic

from meeting_etl.errors import ApiUnavailable, AuthError, BadResponse, MeetingEtlError, Refused
from meeting_etl.webex.account_rights import A
from meeting_etl.webex.webhook_plan import plan_webhooks
from meeting_etl.webex.webhook_spec import (
    Webhook,
    WebhookFinding,
    WebhookSpec,
    WebhookStatus,
    compare_webhooks,
    needing_repair,
)

UNUSABLE = (AuthError, ApiUnavailable, Refused, BadResponse)
"""Errors that concern one account: the others continue."""


@dataclass(frozen=True)
class Part(Generic[A]):
    """What one account registers, and what was found of it; `spec` is None if it is nothing."""

    account: A
    spec: WebhookSpec | None
    findings: list[WebhookFinding]


@dataclass
class AccountWebhooks(Generic[A]):
    """The webhooks of all accounts.

    `listed_by` is the first account that listed each webhook, by its id: that one may change it.
    Of an account that is `unusable` it is not known what is missing.
    """

    accounts: Sequence[A]
    parts: list[Part[A]] = field(default_factory=list)
    listed_by: dict[str, A] = field(default_factory=dict)
    other_ids: set[str] = field(default_factory=set)
    unusable: dict[A, MeetingEtlError] = field(default_factory=dict)

    @property
    def expected(self) -> int:
        """How many webhooks should be registered."""
        return sum(len(part.spec.events()) for part in self.parts if part.spec)

    def findings(self) -> Iterator[tuple[A, WebhookFinding]]:
        """Everything that was found, with the account that lists it or should register it."""
        for part in self.parts:
            for finding in part.findings:
                yield self.account_of(part, finding), finding

    def account_of(self, part: Part[A], finding: WebhookFinding) -> A:
        """The account that lists a webhook, or that should register it."""
        return self.listed_by[finding.webhook.id] if finding.webhook else part.account

    def wrong(self) -> list[WebhookFinding]:
        """Those that need repair."""
        return needing_repair([finding for _, finding in self.findings()])

    def wrong_sentences(self) -> list[str]:
        """A sentence for each webhook that needs repair and each account that cannot be used."""
        found = [
            self.named(account, str(finding))
            for account, finding in self.findings()
            if needing_repair([finding])
        ]
        return found + self.unusable_sentences()

    def unusable_sentences(self) -> list[str]:
        """A sentence for each account that cannot be used."""
        return [self.named(account, str(error)) for account, error in self.unusable.items()]

    def named(self, account: A, sentence: str) -> str:
        """The sentence, where there are several accounts with the name of this one."""
        return f"{account.name}: {sentence}" if len(self.accounts) > 1 else sentence


def compare_accounts(
    accounts: Sequence[A],
    spec: WebhookSpec | None,
    owners: Mapping[str, str],
    list_webhooks: Callable[[A], list[Webhook]],
) -> AccountWebhooks[A]:
    """The webhooks of all accounts compared with the spec.

    A webhook of the organization counts whichever account registered it: after another account was
    added, none is registered twice. Of several accounts, one that cannot list its webhooks is
    noted. Raises SettingsError for webhooks that no account may register.
    """
    plan = plan_webhooks(accounts, spec, owners) if spec else []
    found = AccountWebhooks(accounts)
    planned = [account for account, _ in plan]
    others = [account for account in accounts if account not in planned]
    ours = _list_all([*planned, *others], list_webhooks, found)
    for number, (account, own) in enumerate(plan, 1):
        # Those of the organization are replaced after each host has registered theirs.
        is_last = number == len(plan) and not found.unusable
        mine = [
            webhook
            for webhook in ours
            if (webhook.resource, webhook.event) in own.events()
            and (
                own.org
                or found.listed_by[webhook.id] is account
                or (is_last and webhook.owned_by == "org")
            )
        ]
        findings = compare_webhooks(own, mine)
        if account in found.unusable:
            findings = [each for each in findings if each.status is not WebhookStatus.MISSING]
        found.parts.append(Part(account, own, findings))
        ours = [webhook for webhook in ours if webhook not in mine]
    for account in accounts:
        if rest := [webhook for webhook in ours if found.listed_by[webhook.id] is account]:
            found.parts.append(Part(account, None, compare_webhooks(None, rest)))
    return found


def _list_all(
    accounts: Sequence[A], list_webhooks: Callable[[A], list[Webhook]], found: AccountWebhooks[A]
) -> list[Webhook]:
    """Our webhooks of all accounts, each once; who listed them is noted in `found`."""
    ours = []
    for account in accounts:
        try:
            listed = list_webhooks(account)
        except UNUSABLE as error:
            if len(accounts) == 1:
                raise
            found.unusable[account] = error
            continue
        for webhook in listed:
            if webhook.id in found.listed_by:
                continue
            found.listed_by[webhook.id] = account
            if webhook.is_ours:
                ours.append(webhook)
            else:
                found.other_ids.add(webhook.id)
    return ours
