"""Options that commands of several modules share.

Belongs here: such options. Does not: those of one command or of the commands of one module.
"""

import click

FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How the answer is written; json is one object a line.",
)
