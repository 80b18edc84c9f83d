"""Options that commands of several modules share, and the question before what hurts.

Belongs here: such options, and asking for leave. Does not: options of one command or of the
commands of one module.
"""

import sys

import click

from meeting_etl.cli import display

FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How the answer is written; json is one object a line.",
)
YES = click.option("--yes", is_flag=True, help="Do not ask before; for scripts.")
PORT = click.IntRange(0, 65535)
WORLD = click.option(
    "--world",
    type=click.Choice(["demo", "guide"]),
    default="demo",
    show_default=True,
    help="demo: 300 meetings of an invented sales team; guide: the one meeting of Webex's guide.",
)
SEED = click.option("--seed", default=1, show_default=True, help="Another seed makes another team.")


def confirm(question: str) -> None:
    """Go on only if whoever sits at the terminal says so.

    Ends the command with exit status 1 after a no. Raises click.UsageError, exit status 2, where
    nobody can be asked: a script has to say --yes.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is no terminal to ask at: give --yes.")
    if not click.confirm(question, err=True):
        display.say("Nothing was changed.")
        sys.exit(1)
