"""`sandbox`: serve the embedded Webex until interrupted.

Belongs here: the command, its options, and what it prints. Does not: what it serves (sandbox/).
"""

import threading
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meeting_etl.cli import display
from meeting_etl.cli.options import PORT, SEED, WORLD
from meeting_etl.errors import SettingsError
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.faults.options import described, parsed
from meeting_etl.times import Clock

if TYPE_CHECKING:
    from meeting_etl.sandbox.sandbox import Sandbox


# Those that are options of their own; all others are given with --fault.
_PLAIN = (
    "latency_ms",
    "requests_per_second",
    "retry_after_seconds",
    "access_token_seconds",
    "lost_deliveries",
)


def _plain_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of `_PLAIN`, with the names and texts of the fields of Faults."""
    options = {option.name: option for option in fields(Faults)}
    for name in reversed(_PLAIN):
        default = options[name].default
        command = click.option(
            f"--{name.replace('_', '-')}",
            type=type(default),
            help=f"{options[name].metadata['help']}  [default: {default}]",
        )(command)
    return command


def _list_faults(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        display.show_table("", ("fault", "value", "default", "what it does"), described())
        context.exit()


@click.command(short_help="Serve an embedded Webex to try things on.")
@WORLD
@SEED
@click.option(
    "--port", type=PORT, default=8787, show_default=True, help="Port on 127.0.0.1; 0 picks one."
)
@click.option(
    "--logs", type=click.Path(file_okay=False), help="Also write the webhook logs to this folder."
)
@_plain_options
@click.option(
    "--fault",
    "texts",
    multiple=True,
    metavar="NAME=VALUE",
    help="Inject a fault, for instance stalled=0.1; repeatable.",
)
@click.option(
    "--list-faults",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_faults,
    help="Show the names that --fault takes, and exit.",
)
@click.option(
    "--fault-seed", default=0, show_default=True, help="Another seed hits other requests."
)
def sandbox(
    world: str,
    seed: int,
    port: int,
    logs: str | None,
    texts: tuple[str, ...],
    fault_seed: int,
    **plain: Any,
) -> None:
    """Serve an embedded Webex on 127.0.0.1 until interrupted.

    It checks tokens, paginates and limits time ranges and request rates as the real API does, and
    it can inject faults. The lines that it prints set the variables for `meeting-etl run` in
    another shell. On exit it prints request statistics.
    """
    given = [f"{name}={value}" for name, value in plain.items() if value is not None]
    try:
        faults = Faults(seed=fault_seed, **parsed((*given, *texts)))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    _serve(world, seed, port, logs, faults)


def _serve(world_name: str, seed: int, port: int, logs: str | None, faults: Faults) -> None:
    """Serve a world until interrupted, then report what was seen.

    Webhooks that are registered meanwhile receive what happens from then on.
    """
    from meeting_etl.sandbox.sandbox import Sandbox
    from meeting_etl.sandbox.world.deliveries import write_logs
    from meeting_etl.sandbox.world.worlds import TOKEN_KINDS, world_named

    clock = Clock()
    world = world_named(world_name, seed, clock.now())
    if logs:
        lost = faults.lost_deliveries
        write_logs(world, Path(logs), seed=seed, until=clock.now(), lost=lost)
    webex = Sandbox(world, clock, faults)
    kind = TOKEN_KINDS[world_name]

    def announce(base_url: str) -> None:
        display.answers.print(f"export WEBEX_BASE_URL={base_url}", soft_wrap=True)
        token = webex.token(kind)
        display.answers.print(
            f"export WEBEX_ACCESS_TOKEN={token} WEBEX_TOKEN_KIND={kind}", soft_wrap=True
        )
        display.say("Serving until Ctrl-C.")

    ended = threading.Event()
    threading.Thread(target=post_events, args=(webex, clock, ended), daemon=True).start()
    try:
        webex.serve_forever(port, announce)
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on 127.0.0.1:{port}: {error.strerror}. Choose another --port."
        ) from error
    finally:
        ended.set()
    _report(webex)


def _report(webex: "Sandbox") -> None:
    seen = webex.counters
    display.say(
        f"{seen.total:,} requests; {seen.repeated_gets:,} repeated a request that had succeeded, "
        f"{seen.during_retry_after:,} ignored a Retry-After, "
        f"{seen.tokens_elsewhere:,} sent the token to another host."
    )
    if seen.media_requests:
        sent_bytes = sum(request.bytes_sent for request in seen.media_requests)
        display.say(f"{len(seen.media_requests):,} file downloads, {sent_bytes:,} bytes.")
    for name, count in seen.injected.most_common():
        display.say(f"  {name}: {count:,} times")


def post_events(webex: "Sandbox", clock: Clock, ended: threading.Event) -> None:
    """Post events to the registered webhooks as they happen, until `ended` is set."""
    since = clock.now()
    while not ended.is_set():
        clock.sleep(1)
        now = clock.now()
        webex.play(since, now)
        since = now
