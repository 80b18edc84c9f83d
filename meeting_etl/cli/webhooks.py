"""`webhooks create|list|repair|delete`: the webhooks in Webex that post events to the receiver.

Belongs here: options, messages, exit statuses. Does not: comparing and changing webhooks
(webex/webhook_spec.py, webex/webhook_sync.py).
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from meeting_etl.addresses import http_url
from meeting_etl.cli import display, formats
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import YES, confirm
from meeting_etl.cli.webhook_accounts import check_kind, listed, usual
from meeting_etl.errors import SettingsError
from meeting_etl.webex import webhook_sync
from meeting_etl.webex.accounts import Account
from meeting_etl.webex.webhook_plan import plan_webhooks
from meeting_etl.webex.webhook_spec import (
    EVENTS,
    Webhook,
    WebhookFinding,
    WebhookSpec,
    compare_webhooks,
    delete_webhook_spec,
    read_webhook_spec,
    write_webhook_spec,
)
from meeting_etl.webex.webhook_sync import Action

if TYPE_CHECKING:
    from meeting_etl.settings import Etl

_PARTICIPANTS = "meetingParticipants"
_COLUMNS = ("resource", "event", "health", "created", "owned_by", "filter", "target_url", "id")


def _target_url(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    # Over plain HTTP others could read events and signatures; for tests there is --insecure.
    plain = bool(context.params.get("insecure"))
    return http_url("--target-url", value, allow_http=plain)


def _names(context: click.Context, option: click.Parameter, value: str | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in (value or "").split(",") if name.strip()))
    for name in names:
        if name not in EVENTS:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(EVENTS)}.")
    return names


def _spec_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a webhook spec."""
    for option in (
        click.option(
            "--insecure",
            is_flag=True,
            is_eager=True,  # the check of --target-url depends on it
            help="Allow a missing WEBEX_WEBHOOK_SECRET (anyone could post to the target) and a "
            "target URL with http://.",
        ),
        click.option("--participants", is_flag=True, help=f"Also {_PARTICIPANTS} (joined, left)."),
        click.option(
            "--resources",
            callback=_names,
            metavar="NAME,…",
            help=f"Some of {', '.join(EVENTS)}; all but the last by default.",
        ),
        click.option(
            "--org/--no-org",
            default=None,
            help="Events of the whole organization, or what the token's owner sees (default).",
        ),
        click.option(
            "--target-url",
            callback=_target_url,
            metavar="URL",
            help="Public URL of the receiver, to which Webex posts.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def webhooks() -> None:
    """Create, list, repair and delete the webhooks that fill the webhook logs.

    Webex disables a webhook permanently after 100 failed deliveries within 5 minutes. The options
    of `create` are stored, so that `repair` and the hourly check know which webhooks should exist.
    Webhooks that meeting_etl does not manage are never changed.

    \b
    Examples:
      meeting-etl webhooks create --target-url https://hooks.team.example/webhooks/webex
      meeting-etl webhooks repair --check
    """  # noqa: D301 - click wants a real backspace


@webhooks.command(short_help="Create missing webhooks")
@_spec_options
@pass_context
def create(context: CommandContext, /, *, insecure: bool, **options: Any) -> None:
    """Create the missing webhooks that the pipeline uses.

    Safe to run repeatedly: existing webhooks are not changed.

    Exit status: 1 if a webhook still needs attention.
    """
    if not options["target_url"]:
        raise click.UsageError("--target-url is missing: the public URL of the receiver.")
    etl = context.etl()
    spec, secret = _spec(etl, None, **options), _secret(etl, insecure=insecure)
    write_webhook_spec(etl.state, spec)
    _carry_out(
        webhook_sync.create(account.webex, own, secret, etl.clock)
        for account, own in plan_webhooks(etl.accounts.all, spec)
    )


@webhooks.command("list", short_help="Show webhooks with their health")
@formats.FORMAT
@pass_context
def list_(context: CommandContext, /, row_format: str) -> None:
    """Show managed and missing webhooks, with their health."""
    etl = context.etl()
    spec = read_webhook_spec(etl.state)
    findings, others = listed(etl, spec)
    _show(findings, row_format)
    if others:
        display.say(f"{display.counted(others, 'other webhook')} not managed by meeting_etl.")
    if spec is None:
        display.say("No webhooks are configured: run `meeting-etl webhooks create`.")


@webhooks.command(short_help="Re-activate and correct webhooks")
@_spec_options
@click.option(
    "--check", is_flag=True, help="Change nothing; exit status 1 if a webhook needs attention."
)
@pass_context
def repair(context: CommandContext, /, *, check: bool, insecure: bool, **options: Any) -> None:
    """Create, re-activate and correct managed webhooks, and remove duplicates.

    Which webhooks should exist: the options of `create`. Options given here replace those, and are
    stored unless --check is given.

    Exit status: 1 if a webhook still needs attention.
    """
    etl = context.etl()
    old = read_webhook_spec(etl.state)
    if check and old is None and not options["target_url"]:
        display.say("No webhooks are configured.")
        return
    spec = _spec(etl, old, **options)
    if check:
        plan = plan_webhooks(etl.accounts.all, spec)
        problems = webhook_sync.wrong_webhooks(plan)
        for sentence, _ in problems:
            display.complain(sentence)
        if problems:
            sys.exit(1)
        count = sum(len(own.events()) for _, own in plan)
        display.say(f"All {count} webhooks exist and are active.")
        return
    secret = _secret(etl, insecure=insecure)
    write_webhook_spec(etl.state, spec)
    _carry_out(
        webhook_sync.repair(account.webex, own, secret, etl.clock)
        for account, own in plan_webhooks(etl.accounts.all, spec)
    )


@webhooks.command(short_help="Delete all managed webhooks")
@YES
@pass_context
def delete(context: CommandContext, /, *, yes: bool) -> None:
    """Delete all webhooks managed by meeting_etl, and the stored options of `create`."""
    etl = context.etl()
    ours: dict[str, tuple[Account, Webhook]] = {}
    for account in etl.accounts.all:
        for webhook in webhook_sync.list_webhooks(account.webex):
            if webhook.is_ours:
                ours.setdefault(webhook.id, (account, webhook))
    if ours and not yes:
        _show(compare_webhooks(None, [webhook for _, webhook in ours.values()]), "table")
        confirm(f"Delete {display.counted(len(ours), 'webhook')}?")
    _carry_out(webhook_sync.delete(account.webex, [webhook]) for account, webhook in ours.values())
    delete_webhook_spec(etl.state)


def _spec(
    etl: "Etl",
    old: WebhookSpec | None,
    *,
    target_url: str | None,
    org: bool | None,
    resources: tuple[str, ...],
    participants: bool,
) -> WebhookSpec:
    """The stored spec with the options that were given."""
    if old is None and target_url is None:
        raise SettingsError(
            "No webhooks are configured: run `meeting-etl webhooks create --target-url …` first."
        )
    org = org if org is not None else bool(old and old.org)
    names = resources or (old.resources if old else usual(etl))
    if participants:
        names = tuple(dict.fromkeys((*names, _PARTICIPANTS)))
    check_kind(etl, names, org=org)
    return WebhookSpec(target_url or (old.target_url if old else ""), org, names)


def _secret(etl: "Etl", *, insecure: bool) -> str | None:
    secret = etl.settings.webhook_secret
    if secret is None and not insecure:
        raise SettingsError(
            "WEBEX_WEBHOOK_SECRET is not set, so events from Webex cannot be verified. Set it to a "
            "long random text, the same for the receiver, or add --insecure."
        )
    return secret


def _carry_out(by_account: Iterable[Iterable[Action]]) -> None:
    """Print each action as it is done; exit status 1 if one could not be."""
    done = []
    for action in chain.from_iterable(by_account):
        display.say(f"{action.finding.resource} {action.finding.event}: {action.what}")
        done.append(action.done)
    if not done:
        display.say("Nothing to do.")
    if not all(done):
        display.complain("Some webhooks still need attention: run `meeting-etl webhooks repair`.")
        sys.exit(1)


def _show(findings: Sequence[WebhookFinding], row_format: str) -> None:
    rows = [
        (
            *(finding.resource, finding.event, str(finding.status)),
            *(getattr(finding.webhook, name, None) or None for name in _COLUMNS[3:]),
        )
        for finding in findings
    ]
    if row_format == "table":
        # Ids are long and of no use to a reader.
        display.show_table("", _COLUMNS[:-1], [row[:-1] for row in rows])
    else:
        formats.write_rows(row_format, _COLUMNS, rows)
