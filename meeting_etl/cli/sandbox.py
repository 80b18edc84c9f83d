"""`sandbox`: serve the embedded Webex until interrupted.

Belongs here: the command, its options, and what it prints. Does not: what it serves (sandbox/).
"""

import threading
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import click

from meeting_etl.cli import display
from meeting_etl.cli.options import PORT, SEED, WORLD
from meeting_etl.errors import SettingsError
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.times import Clock

if TYPE_CHECKING:
    from meeting_etl.sandbox.sandbox import Sandbox


def _fault_options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each knob of the sandbox, with the knob's own words."""
    for knob in reversed(fields(Faults)):
        name = knob.name.replace("_", "-")
        several = isinstance(knob.default, tuple)
        flag = isinstance(knob.default, bool)
        choices = get_args(get_type_hints(Faults)[knob.name]) if knob.name == "retry_after" else ()
        command = click.option(
            f"--{name}" if knob.name != "seed" else "--fault-seed",
            type=str if several else click.Choice(choices) if choices else type(knob.default),
            is_flag=flag,
            multiple=several,
            default=knob.default,
            show_default=not flag and not several,
            help=knob.metadata["help"],
        )(command)
    return command


@click.command()
@WORLD
@SEED
@click.option(
    "--port", type=PORT, default=8787, show_default=True, help="Port on 127.0.0.1; 0 picks one."
)
@click.option(
    "--logs", type=click.Path(file_okay=False), help="Also write the webhook logs to this folder."
)
@_fault_options
def sandbox(
    world: str, seed: int, port: int, logs: str | None, fault_seed: int, **knobs: Any
) -> None:
    """Serve an embedded Webex on 127.0.0.1 until interrupted, to try things on.

    It asks for a token, pages, windows and waits as the real one does, and misbehaves as it is
    told to. The lines that it prints set the variables for `meeting-etl run` in another shell; at
    the end it says what it saw.
    """
    try:
        faults = Faults(seed=fault_seed, **knobs)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    _serve(world, seed, port, logs, faults)


def _serve(world_name: str, seed: int, port: int, logs: str | None, faults: Faults) -> None:
    """Serve a world until interrupted, then say what was seen.

    Webhooks that are registered meanwhile are told what happens from then on.
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
        raise SettingsError(f"Port {port}: {error.strerror}; name another with --port.") from error
    finally:
        ended.set()
    seen = webex.counters
    display.say(
        f"{seen.total:,} requests, {seen.repeated_gets:,} of them repeated what had been answered, "
        f"{seen.during_retry_after:,} came during a Retry-After, "
        f"{seen.tokens_elsewhere:,} took the token elsewhere."
    )
    if seen.media_requests:
        sent_bytes = sum(one.bytes_sent for one in seen.media_requests)
        display.say(f"{len(seen.media_requests):,} downloads of files, {sent_bytes:,} bytes.")
    for name, count in seen.injected.most_common():
        display.say(f"  {name}: {count:,} times")


def post_events(webex: "Sandbox", clock: Clock, ended: threading.Event) -> None:
    """Post to the registered webhooks what happens as time goes by."""
    since = clock.now()
    while not ended.is_set():
        clock.sleep(1)
        now = clock.now()
        webex.play(since, now)
        since = now
