"""`retry`: reopen work items.

Belongs here: options, and asking before there are many. Does not: reopening
(pipeline/ledger/reopening.py).
"""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import FROM, TO, YES, confirm, span_of
from meeting_etl.pipeline.ledger.reopening import Reopening, count_to_reopen, reopen
from meeting_etl.pipeline.ledger.work_item import RESOURCES, Status

if TYPE_CHECKING:
    from meeting_etl.settings import Etl

# Some minutes at Webex's usual rate; a script that repairs a day or two stays below it.
_MANY_ITEMS = 1000


@click.command()
@click.option(
    "--status",
    "statuses",
    type=click.Choice([status.value for status in Status]),
    multiple=True,
    required=True,
    help="Status of the work items to reopen. Repeatable.",
)
@click.option(
    "--resource",
    "resources",
    type=click.Choice(RESOURCES),
    multiple=True,
    help="Only this resource. Repeatable; all by default.",
)
@FROM
@TO
@YES
@pass_context
def retry(
    context: CommandContext,
    /,
    statuses: tuple[str, ...],
    resources: tuple[str, ...],
    first: datetime | None,
    last: datetime | None,
    *,
    yes: bool,
) -> None:
    """Reopen matching work items so that the next run fetches them.

    A work item is one resource of one meeting. Use this after you added a missing scope, or when
    something was given up as absent too early. Asks for confirmation above 1,000 items.

    \b
    Examples:
      meeting-etl retry --status forbidden
      meeting-etl retry --status absent --resource transcripts --from 2026-03-01
      meeting-etl run
    """  # noqa: D301 - click wants a real backspace
    etl = context.etl()
    wanted = Reopening(span_of(first, last, etl.clock), resources, statuses)
    if not yes:
        confirm_if_many(etl, wanted)
    count = reopen(etl.lake, etl.ledger, wanted)
    display.say(f"{display.counted(count, 'item')} queued for the next run.")


def confirm_if_many(etl: "Etl", wanted: Reopening) -> None:
    """Ask before so many items are fetched again that other work has to wait for them."""
    count = count_to_reopen(etl.lake, etl.ledger, wanted)
    if count > _MANY_ITEMS:
        confirm(f"This fetches {count:,} items again. Continue?")
