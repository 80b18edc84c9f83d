"""`status`: what is ingested, fetched and due.

Belongs here: options. Does not: what is reported (status_report.py).
"""

from datetime import datetime

import click

from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import FROM, TO, span_of


@click.command()
@FROM
@TO
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Output format; json is one object on a line.",
)
@pass_context
def status(
    context: CommandContext,
    /,
    first: datetime | None,
    last: datetime | None,
    *,
    output_format: str,
) -> None:
    """Show how far the webhook logs are ingested, what is fetched, and what is due when.

    For each day and resource: the number of work items (meetings, recordings or transcripts) that
    are ready, waiting, absent, forbidden, gone or failed, why, and the next attempt. Without dates:
    the days with open work. With dates: those days. Sends no request. The view `coverage` has the
    same for SQL.

    \b
    Examples:
      meeting-etl status
      meeting-etl status --from 2026-03-01 --to 2026-03-31
      meeting-etl status --format json | jq .open_days
    """  # noqa: D301 - click wants a real backspace
    from meeting_etl.cli import status_report

    etl = context.etl()
    report = status_report.collect(etl, span_of(first, last, etl.clock))
    if output_format == "json":
        status_report.write_json(report)
    else:
        status_report.show(report, etl)
