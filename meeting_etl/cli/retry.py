"""`retry`: reopen work items.

Belongs here: which items, and asking before there are many. Does not: reopening
(pipeline/ledger/ledger.py).
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import FROM, TO, YES, confirm, span_of
from meeting_etl.pipeline.ledger.work_item import RESOURCES, Status, WorkItem
from meeting_etl.times import Span

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
    span = span_of(first, last, etl.clock)

    def is_wanted(item: WorkItem) -> bool:
        return (
            item.status in statuses
            and item.resource in (resources or RESOURCES)
            and etl.ledger.wants(item.resource)
        )

    if not yes:
        confirm_if_many(etl, span, is_wanted)
    count = etl.ledger.reopen(days_within(etl, span), is_wanted)
    display.say(f"{display.counted(count, 'item')} queued for the next run.")


def confirm_if_many(etl: "Etl", span: Span | None, is_wanted: Callable[[WorkItem], bool]) -> None:
    """Ask before so many items are fetched again that other work has to wait for them."""
    items = (item for day in days_within(etl, span) for item in etl.ledger.items(day))
    count = sum(map(is_wanted, items))
    if count > _MANY_ITEMS:
        confirm(f"This fetches {count:,} items again. Continue?")


def days_within(etl: "Etl", span: Span | None) -> list[date]:
    """The days with work items, all or those of a span."""
    return [day for day in etl.ledger.days() if span is None or span.first <= day <= span.last]
