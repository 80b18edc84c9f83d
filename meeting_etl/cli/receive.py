"""`receive`: the receiver of webhook events, until interrupted.

Belongs here: which secrets it needs and what it prints. Does not: the server (receiver/server.py).
"""

import re
import signal
import socket
from typing import TYPE_CHECKING

import click

from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.listening import address, warn_if_reachable
from meeting_etl.cli.options import PORT
from meeting_etl.errors import SettingsError

if TYPE_CHECKING:
    from meeting_etl.settings import Etl


@click.command()
@click.option(
    "--port",
    type=PORT,
    default=8080,
    show_default=True,
    help="Port to listen on; 0 picks a free one.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; 0.0.0.0 means every interface.",
)
@click.option(
    "--insecure",
    is_flag=True,
    help="Start without WEBEX_WEBHOOK_SECRET and accept unsigned events, for tests. If a secret is "
    "set, signatures are still checked.",
)
@click.option(
    "--name",
    help="With a bucket: the folder of this receiver's logs there. Default: the name of the host.",
)
@pass_context
def receive(
    context: CommandContext, /, port: int, host: str, name: str | None, *, insecure: bool
) -> None:
    """Receive webhook events and append them to the webhook logs, until interrupted.

    Webex posts to /webhooks/webex over HTTPS: put a proxy that terminates TLS in front, and create
    the webhooks with the secret in WEBEX_WEBHOOK_SECRET. An event is answered with 200 only once it
    is on disk, in a log for each hour (UTC) of the data folder, where `meeting-etl run` reads it.
    Several receivers can share the folder. Where MEETING_ETL_DATA_DIR is a bucket, the logs are
    shipped there every few seconds, and `meeting-etl run` on any machine reads them.

    \b
    Logs:
      webhook_logs/YYYY-MM-DD/webhooks-YYYY-MM-DDTHH.jsonl
      webhook_logs/NAME/YYYY-MM-DDTHH-ID/OFFSET.jsonl  in a bucket

    \b
    Responses:
      200  stored, whatever the body contains
      400  not HTTP, or a head above 64 KiB or 128 headers
      401  signature missing or wrong
      405  not a POST
      408  the body took longer than 10 seconds
      413  the body is above 1 MiB
      503  the disk refused the write, or too many requests at once
    \b
    Other endpoints:
      GET /healthz                200; 503 if the latest write failed
      GET /metrics                counts and times, in Prometheus format
      POST /webhooks/webex/probe  200 for a valid signature; stores nothing (used by `doctor`)

    Each reason for refusals is printed once a minute with its count. To change the secret, set
    WEBEX_WEBHOOK_SECRET_PREVIOUS to the old one meanwhile: both are accepted.

    Ctrl-C and SIGTERM stop it cleanly: events in progress are stored and answered.
    """  # noqa: D301 - click wants a real backspace
    serve_receiver(context.receivers_etl(), host, port, name, insecure=insecure)


def serve_receiver(
    etl: "Etl", host: str, port: int, name: str | None = None, *, insecure: bool
) -> None:
    """Receive until interrupted. Raises SettingsError and StorageError before it listens."""
    from meeting_etl.receiver.app import PATH
    from meeting_etl.receiver.server import listen, open_receiver, serve
    from meeting_etl.receiver.shipper import Shipper

    secrets = etl.settings.webhook_secrets
    if not secrets and not insecure:
        raise SettingsError(
            "WEBEX_WEBHOOK_SECRET is not set: without it anyone could post events. Set it to the "
            "secret of the webhooks, or accept unsigned events with --insecure."
        )
    files, shipper = etl.files.of(etl.received_folder), None
    if etl.log_segments is not None:
        named = _checked_name(name or socket.gethostname())
        shipper = Shipper(files, etl.log_segments, named, etl.clock, display.say)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        listen(host, port) as listener,
        open_receiver(files, etl.clock, secrets, display.say, shipper) as receiver,
    ):
        url = f"http://{address(host, listener.getsockname()[1])}{PATH}"
        warn_if_reachable(host, "Let only the proxy that terminates TLS reach it.")
        checked = "signatures are checked" if secrets else "signatures are NOT checked"
        display.say(f"Listening on {url}; {checked}; events go to {etl.received_folder}.")
        serve(receiver, listener)
    receiver.refusals.report_rest()
    display.say(f"Stopped. {receiver.accepted:,} events were stored.")


def _checked_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        raise SettingsError(
            f"The receiver's name is {name!r}, but it must be of letters, digits, '.', '_' and "
            "'-': give it another one with --name."
        )
    return name
