"""`demo`: the pipeline at work on an embedded Webex.

Belongs here: options. Does not: the demonstrations (demo_run.py, demo_live.py,
demo_ui.py).
"""

import sys

import click

from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import PORT, SEED, WORLD, is_given


@click.command()
@WORLD
@SEED
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False),
    default="data/demo",
    show_default=True,
    help="Data folder of the demo. An earlier demo in it is replaced; other content is an error.",
)
@click.option(
    "--live", is_flag=True, help="Play a working day in fast motion and watch the tables fill."
)
@click.option(
    "--minutes",
    type=click.FloatRange(0.05, 24 * 60),
    default=1.5,
    show_default=True,
    help="With --live: how long the day takes. The days after it take a little longer.",
)
@click.option(
    "--ui",
    is_flag=True,
    help="Serve the Dagster UI over the embedded Webex, its sensors on, until interrupted.",
)
@click.option(
    "--port", type=PORT, default=3000, show_default=True, help="With --ui: port of the UI."
)
@pass_context
def demo(
    context: CommandContext,
    /,
    world: str,
    seed: int,
    data_dir: str,
    *,
    live: bool,
    minutes: float,
    ui: bool,
    port: int,
) -> None:
    """Show the whole pipeline at work on an embedded Webex. Needs no account.

    Writes webhook logs of an invented team, runs the pipeline against a Webex served on 127.0.0.1,
    then shows the tables and some queries over them.

    With --live the logs start empty: webhooks are registered, events are posted to the receiver as
    the day passes, and the pipeline runs every few seconds. Later days pass in a few steps, so that
    late recordings and transcripts arrive too.

    With --ui nothing is run here: sensors and backfills of the Dagster UI do the work.

    \b
    Examples:
      meeting-etl demo
      meeting-etl demo --ui
      meeting-etl demo --live --minutes 3
    """  # noqa: D301 - click wants a real backspace
    if live and world != "demo":
        raise click.UsageError("--live plays a day of the invented team: omit --world.")
    if live and ui:
        raise click.UsageError("--live and --ui cannot be combined.")
    if is_given("minutes") and not live:
        raise click.UsageError("--minutes needs --live.")
    if is_given("port") and not ui:
        raise click.UsageError("--port needs --ui.")
    if ui:
        from meeting_etl.cli.demo_ui import serve_demo

        sys.exit(serve_demo(world, seed, data_dir, context.environ, port))
    if live:
        from meeting_etl.cli.demo_live import run_live

        sys.exit(run_live(seed, data_dir, minutes))
    from meeting_etl.cli.demo_run import run_demo

    sys.exit(run_demo(world, seed, data_dir))
