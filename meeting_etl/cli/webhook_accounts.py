"""What the accounts mean for the commands of webhooks.

Belongs here: which resources they may have webhooks on, and the webhooks of all of them. Does not:
the commands (webhooks.py), which account registers what (webex/webhook_plan.py).
"""

from collections.abc import Sequence

from meeting_etl.cli import display
from meeting_etl.errors import SettingsError
from meeting_etl.settings import Etl
from meeting_etl.webex import webhook_sync
from meeting_etl.webex.webhook_plan import plan_webhooks
from meeting_etl.webex.webhook_spec import (
    DEFAULT_RESOURCES,
    WebhookFinding,
    WebhookSpec,
    compare_webhooks,
)


def usual(etl: Etl) -> tuple[str, ...]:
    """The default resources that this token kind can register."""
    able = tuple(name for name in DEFAULT_RESOURCES if _can_register(etl, name, org=False))
    if able != DEFAULT_RESOURCES:
        unable = ", ".join(name for name in DEFAULT_RESOURCES if name not in able)
        display.say(
            f"{_kinds(etl)}: such a token cannot create webhooks on {unable}: create those "
            "with an administrator's or a host's token, in another data folder, or add its account."
        )
    return able


def check_kind(etl: Etl, names: Sequence[str], *, org: bool) -> None:
    """Raise SettingsError where no account may have these webhooks, or a token is not set."""
    etl.check_tokens()
    unable = [name for name in names if not _can_register(etl, name, org=False)]
    if unable:
        raise SettingsError(
            f"{_kinds(etl)}: such a token cannot create webhooks on "
            f"{', '.join(unable)}. Omit them from --resources."
        )
    if org and not _can_register(etl, names[0], org=True):
        raise SettingsError(
            f"--org needs the token of an administrator or compliance officer, but {_kinds(etl)}."
        )


def _can_register(etl: Etl, resource: str, *, org: bool) -> bool:
    """Whether any account may have webhooks on a resource."""
    return any(each.kind.access.can_register(resource, org=org) for each in etl.settings.accounts)


def _kinds(etl: Etl) -> str:
    return ", ".join(f"{each.kind_setting} is {each.kind}" for each in etl.settings.accounts)


def listed(etl: Etl, spec: WebhookSpec | None) -> tuple[list[WebhookFinding], int]:
    """What all accounts find, each webhook once, and the number of those of others."""
    accounts = etl.accounts.all
    plan = plan_webhooks(accounts, spec) if spec else []
    parts = dict(plan)
    findings: list[WebhookFinding] = []
    seen: set[str] = set()
    others: set[str] = set()
    for account in [*parts, *(each for each in accounts if each not in parts)]:
        existing = webhook_sync.list_webhooks(account.webex)
        others |= {webhook.id for webhook in existing if not webhook.is_ours}
        found = compare_webhooks(parts.get(account), [w for w in existing if w.id not in seen])
        findings += found
        seen |= {finding.webhook.id for finding in found if finding.webhook}
    return findings, len(others)
