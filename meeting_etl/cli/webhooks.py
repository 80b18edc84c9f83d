"""`webhooks create|list|repair|delete`: the webhooks in Webex that post events to the receiver.

Belongs here: options, messages, exit statuses. Does not: what is done with each account
(webhook_accounts.py), comparing and changing webhooks (webex/).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from meeting_etl.addresses import http_url
from meeting_etl.cli import display, formats
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import YES, confirm
from meeting_etl.cli.webhook_accounts import (
    compared,
    complain_of,
    create_missing,
    delete_all,
    repair_wrong,
    show_webhooks,
    usual,
)
from meeting_etl.errors import SettingsError
from meeting_etl.webex.webhook_plan import plan_webhooks
from meeting_etl.webex.webhook_spec import (
    EVENTS,
    WebhookSpec,
    delete_webhook_spec,
    read_webhook_spec,
    write_webhook_spec,
)

if TYPE_CHECKING:
    from meeting_etl.settings import Etl

_PARTICIPANTS = "meetingParticipants"


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
            help="Events of the whole organization, or what each token's owner sees (default).",
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
    create_missing(compared(etl, spec), secret, etl.clock)


@webhooks.command("list", short_help="Show webhooks with their health")
@formats.FORMAT
@pass_context
def list_(context: CommandContext, /, row_format: str) -> None:
    """Show managed and missing webhooks, with their health."""
    etl = context.etl()
    spec = read_webhook_spec(etl.state)
    found = compared(etl, spec)
    show_webhooks(found, row_format)
    if count := len(found.other_ids):
        display.say(f"{display.counted(count, 'other webhook')} not managed by meeting_etl.")
    if spec is None:
        display.say("No webhooks are configured: run `meeting-etl webhooks create`.")
    complain_of(found.unusable_sentences())


@webhooks.command(short_help="Re-activate and correct webhooks")
@_spec_options
@click.option(
    "--check", is_flag=True, help="Change nothing; exit status 1 if a webhook needs attention."
)
@click.option(
    "--set-secret",
    is_flag=True,
    help="Give WEBEX_WEBHOOK_SECRET to healthy webhooks, too; needed after you changed it.",
)
@pass_context
def repair(
    context: CommandContext,
    /,
    *,
    check: bool,
    set_secret: bool,
    insecure: bool,
    **options: Any,
) -> None:
    """Create, re-activate and correct managed webhooks, and remove duplicates.

    Which webhooks should exist: the options of `create`. Options given here replace those, and are
    stored unless --check is given.

    Exit status: 1 if a webhook still needs attention.
    """
    if check and set_secret:
        raise click.UsageError("--check and --set-secret cannot be combined.")
    etl = context.etl()
    old = read_webhook_spec(etl.state)
    if check and old is None and not options["target_url"]:
        display.say("No webhooks are configured.")
        return
    spec = _spec(etl, old, **options)
    if check:
        found = compared(etl, spec)
        complain_of(found.wrong_sentences())
        display.say(f"All {found.expected} webhooks exist and are active.")
        return
    secret = _secret(etl, insecure=insecure and not set_secret)
    write_webhook_spec(etl.state, spec)
    repair_wrong(compared(etl, spec), secret, etl.clock, sets_secret=set_secret)


@webhooks.command(short_help="Delete all managed webhooks")
@YES
@pass_context
def delete(context: CommandContext, /, *, yes: bool) -> None:
    """Delete all webhooks managed by meeting_etl, and the stored options of `create`."""
    etl = context.etl()
    found = compared(etl, None)
    if (count := len(list(found.findings()))) and not yes:
        show_webhooks(found, "table")
        confirm(f"Delete {display.counted(count, 'webhook')}?")
    delete_all(found)
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
    names = resources or (old.resources if old else usual(etl, org=org))
    if participants:
        names = tuple(dict.fromkeys((*names, _PARTICIPANTS)))
    spec = WebhookSpec(target_url or (old.target_url if old else ""), org, names)
    etl.check_tokens()
    plan_webhooks(etl.settings.accounts, spec)
    return spec


def _secret(etl: "Etl", *, insecure: bool) -> str | None:
    secret = etl.settings.webhook_secret
    if secret is None and not insecure:
        raise SettingsError(
            "WEBEX_WEBHOOK_SECRET is not set, so events from Webex cannot be verified. Set it to a "
            "long random text, the same for the receiver, or add --insecure."
        )
    return secret
