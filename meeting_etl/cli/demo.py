"""`demo`: the pipeline at work on an embedded Webex.

Belongs here: options. Does not: the demonstrations (demo_run.py, demo_live.py).
"""

import sys

import click

from meeting_etl.cli.options import SEED, WORLD


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
def demo(world: str, seed: int, data_dir: str, *, live: bool, minutes: float) -> None:
    """Show the whole pipeline at work on an embedded Webex. Needs no account.

    Writes webhook logs of an invented team, runs the pipeline against a Webex served on 127.0.0.1,
    then shows the tables and some queries over them.

    With --live the logs start empty: webhooks are registered, events are posted to the receiver as
    the day passes, and the pipeline runs every few seconds. Later days pass in a few steps, so that
    late recordings and transcripts arrive too.

    \b
    Examples:
      meeting-etl demo
      meeting-etl demo --live --minutes 3
    """  # noqa: D301 - click wants a real backspace
    if live and world != "demo":
        raise click.UsageError("--live plays a day of the invented team: omit --world.")
    if live:
        from meeting_etl.cli.demo_live import run_live

        sys.exit(run_live(seed, data_dir, minutes))
    from meeting_etl.cli.demo_run import run_demo

    sys.exit(run_demo(world, seed, data_dir))
