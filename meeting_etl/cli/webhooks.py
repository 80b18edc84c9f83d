"""`webhooks create|list|repair|delete`: registration at Webex from the command line.

Belongs here: arguments, what is said of each deed, exit statuses. Does not: what is right and what
puts it right (webex/webhook_spec.py, webex/webhook_sync.py).
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

from meeting_etl.addresses import http_url
from meeting_etl.cli import display
from meeting_etl.cli.options import FORMAT, YES, confirm
from meeting_etl.errors import SettingsError
from meeting_etl.settings import Etl
from meeting_etl.webex import webhook_sync
from meeting_etl.webex.webhook_spec import (
    EVENTS,
    USUAL,
    WebhookFinding,
    WebhookSpec,
    compare_webhooks,
    delete_webhook_spec,
    needing_repair,
    read_webhook_spec,
    write_webhook_spec,
)
from meeting_etl.webex.webhook_sync import Action

_PARTICIPANTS = "meetingParticipants"
_COLUMNS = ("resource", "event", "health", "created", "owned_by", "filter", "target_url", "id")


def _address(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    # Events and their signatures are not for others to read on the way; to try things, --insecure.
    plain = bool(context.params.get("insecure"))
    return http_url("--target-url", value, allow_http=plain)


def _names(context: click.Context, option: click.Parameter, value: str | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in (value or "").split(",") if name.strip()))
    for name in names:
        if name not in EVENTS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(EVENTS)}.")
    return names


def _expecting(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say which webhooks are expected, and with what secret."""
    for option in (
        click.option(
            "--insecure",
            is_flag=True,
            is_eager=True,  # how --target-url is checked depends on it
            help="Go on without WEBEX_WEBHOOK_SECRET (anybody could post to the target then) and "
            "with a target whose URL begins with http://.",
        ),
        click.option("--participants", is_flag=True, help=f"Also {_PARTICIPANTS}: joined, left."),
        click.option(
            "--resources",
            callback=_names,
            metavar="NAME,…",
            help=f"Some of {', '.join(EVENTS)}; by default all but the last.",
        ),
        click.option(
            "--org/--no-org",
            default=None,
            help="For the whole organization, or for what the token's owner can see (default).",
        ),
        click.option(
            "--target-url",
            callback=_address,
            metavar="URL",
            help="Where Webex posts: the public address of the receiver.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def webhooks() -> None:
    """Register the webhooks that fill the logs, watch and repair them.

    Webex posts nothing to a webhook that is not there, and switches one off for good after 100
    failed deliveries within 5 minutes. What `create` was asked for is remembered, so that `repair`
    and the hourly check know what to expect. Webhooks of others are never touched.
    """


@webhooks.command()
@_expecting
@click.pass_obj
def create(etl_of: Callable[[], Etl], /, *, insecure: bool, **asked: Any) -> None:
    """Register what is missing of the webhooks that the pipeline uses.

    Say it again whenever you like: what is there is left as it is.
    """
    if not asked["target_url"]:
        raise click.UsageError("--target-url is needed: the public address of the receiver.")
    etl = etl_of()
    expected, secret = _expected(etl, None, **asked), _secret(etl, insecure=insecure)
    write_webhook_spec(etl.files, expected)
    _carry_out(webhook_sync.create(etl.webex, expected, secret, etl.clock))


@webhooks.command("list")
@FORMAT
@click.pass_obj
def list_(etl_of: Callable[[], Etl], /, form: str) -> None:
    """Show our webhooks and those that are missing, with their health."""
    etl = etl_of()
    expected = read_webhook_spec(etl.files)
    there = webhook_sync.list_webhooks(etl.webex)
    _show(compare_webhooks(expected, there), form)
    others = sum(not webhook.is_ours for webhook in there)
    if others:
        display.say(f"{others:,} further webhooks are not ours and are left alone.")
    if expected is None:
        display.say("No webhooks are expected: `meeting-etl webhooks create` says which are.")


@webhooks.command()
@_expecting
@click.option("--check", is_flag=True, help="Change nothing; exit status 1 when all is not well.")
@click.pass_obj
def repair(etl_of: Callable[[], Etl], /, *, check: bool, insecure: bool, **asked: Any) -> None:
    """Create, re-activate and correct webhooks, and remove duplicates of ours.

    What is expected is what `create` was asked for; options given here replace parts of that, for
    good unless with --check.
    """
    etl = etl_of()
    old = read_webhook_spec(etl.files)
    if check and old is None and not asked["target_url"]:
        display.say("No webhooks are expected.")
        return
    expected = _expected(etl, old, **asked)
    if check:
        wrong = needing_repair(webhook_sync.check_webhooks(etl.webex, expected))
        for finding in wrong:
            display.complain(str(finding))
        if wrong:
            sys.exit(1)
        display.say(f"All {len(expected.events())} webhooks are there and active.")
        return
    secret = _secret(etl, insecure=insecure)
    write_webhook_spec(etl.files, expected)
    _carry_out(webhook_sync.repair(etl.webex, expected, secret, etl.clock))


@webhooks.command()
@YES
@click.pass_obj
def delete(etl_of: Callable[[], Etl], /, *, yes: bool) -> None:
    """Remove all webhooks of ours, and expect none any more."""
    etl = etl_of()
    ours = [webhook for webhook in webhook_sync.list_webhooks(etl.webex) if webhook.is_ours]
    if ours and not yes:
        _show(compare_webhooks(None, ours), "table")
        what = "this webhook" if len(ours) == 1 else f"these {len(ours)} webhooks"
        confirm(f"Delete {what}?")
    _carry_out(webhook_sync.delete(etl.webex, ours))
    delete_webhook_spec(etl.files)


def _expected(
    etl: Etl,
    old: WebhookSpec | None,
    *,
    target_url: str | None,
    org: bool | None,
    resources: tuple[str, ...],
    participants: bool,
) -> WebhookSpec:
    """What the options ask for, over what was asked for before."""
    if old is None and target_url is None:
        raise SettingsError(
            "No webhooks are expected yet: say `meeting-etl webhooks create --target-url …` first."
        )
    org = org if org is not None else bool(old and old.org)
    names = resources or (old.resources if old else _usual(etl))
    if participants:
        names = tuple(dict.fromkeys((*names, _PARTICIPANTS)))
    _check_kind(etl, names, org=org)
    return WebhookSpec(target_url or (old.target_url if old else ""), org, names)


def _usual(etl: Etl) -> tuple[str, ...]:
    """What this kind of token can register of what is usual."""
    able = tuple(name for name in USUAL if etl.webex.can_register(name, org=False))
    if able != USUAL:
        unable = ", ".join(name for name in USUAL if name not in able)
        display.say(
            f"A {etl.settings.token_kind} token has no webhooks on {unable}: register those with "
            "an administrator's or a host's token, from another data folder."
        )
    return able


def _check_kind(etl: Etl, names: Sequence[str], *, org: bool) -> None:
    kind = etl.settings.token_kind
    unable = [name for name in names if not etl.webex.can_register(name, org=False)]
    if unable:
        raise SettingsError(
            f"WEBEX_TOKEN_KIND is {kind}: such a token has no webhooks on {', '.join(unable)}; "
            "leave them out of --resources."
        )
    if org and not etl.webex.can_register(names[0], org=True):
        raise SettingsError(
            f"--org needs the token of an administrator or compliance officer; WEBEX_TOKEN_KIND is "
            f"{kind}."
        )


def _secret(etl: Etl, *, insecure: bool) -> str | None:
    secret = etl.settings.webhook_secret
    if secret is None and not insecure:
        raise SettingsError(
            "WEBEX_WEBHOOK_SECRET is not set, so nobody can tell what Webex posts from what others "
            "do. Set it to a long random text, the same for the receiver, or give --insecure."
        )
    return secret


def _carry_out(deeds: Iterable[Action]) -> None:
    """Say each deed as it is done; leave with exit status 1 when something is left to do."""
    done = []
    for deed in deeds:
        display.say(f"{deed.finding.resource} {deed.finding.event}: {deed.what}")
        done.append(deed.done)
    if not done:
        display.say("There was nothing to do.")
    if not all(done):
        display.complain("Not all is well: see `meeting-etl webhooks repair`.")
        sys.exit(1)


def _show(findings: Sequence[WebhookFinding], form: str) -> None:
    rows = [
        (
            *(one.resource, one.event, str(one.status)),
            *(getattr(one.webhook, name, None) or None for name in _COLUMNS[3:]),
        )
        for one in findings
    ]
    if form == "table":
        # Ids are long and tell a reader nothing.
        display.show_table("", _COLUMNS[:-1], [row[:-1] for row in rows])
    else:
        (display.write_csv if form == "csv" else display.write_json)(_COLUMNS, rows)
