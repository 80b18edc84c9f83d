"""`doctor`: check everything that has to work.

Belongs here: options. Does not: the checks (examination.py).
"""

import sys

import click

from meeting_etl.cli.context import CommandContext, pass_context


@click.command()
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Output format; json is an array of objects, one a line.",
)
@click.option("--json", "as_json", is_flag=True, hidden=True, help="The same as --format json.")
@pass_context
def doctor(context: CommandContext, /, output_format: str, *, as_json: bool) -> None:
    """Check everything that has to work, and say what to do about problems.

    Checks settings, token, scopes, sites, webhooks, receiver, recent recordings and transcripts,
    data folder, clock, Dagster and open work. Each line is ok, a warning, a problem, or skipped.
    Sends at most a dozen requests to Webex and changes nothing.

    \b
    Exit status:
      0  no problem
      1  a problem
      2  wrong usage, or settings that cannot be read
    """  # noqa: D301 - click wants a real backspace
    from meeting_etl.cli.doctor.examination import run_doctor

    sys.exit(run_doctor(context.environ, as_json=as_json or output_format == "json"))
