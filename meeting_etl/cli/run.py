"""`run`: ingest new log lines, then fetch what is due.

Belongs here: options. Does not: the run (orchestration/run_now.py), what is shown of it
(run_report.py).
"""

import sys
from datetime import datetime

import click

from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import FROM, TO, YES, span_of
from meeting_etl.webex.account_rights import DEFAULT


@click.command()
@FROM
@TO
@click.option(
    "--refetch",
    is_flag=True,
    help="Fetch everything in the date range again, also what is settled. Needs --from.",
)
@click.option(
    "--discover",
    is_flag=True,
    help="First list the ended meetings of the date range and add those without a webhook event. "
    "Needs --from; not available to a compliance officer's token.",
)
@YES
@pass_context
def run(
    context: CommandContext,
    /,
    first: datetime | None,
    last: datetime | None,
    *,
    refetch: bool,
    discover: bool,
    yes: bool,
) -> None:
    """Ingest new webhook log lines, then fetch what is due, newest day first.

    Without dates: every day with due work. With dates: the due work of those days. Settled work
    items cost no request; --refetch fetches them anyway. If [auto_record] is configured, recording
    is switched on for newly created meetings.

    \b
    Examples:
      meeting-etl run
      meeting-etl run --from 2026-03-01 --to 2026-03-31 --refetch
      meeting-etl run --from 2026-01-01 --discover   # meetings from before you had webhooks

    \b
    Exit status:
      0  nothing failed
      1  something failed; a later run tries it again
      2  wrong usage or configuration
    """  # noqa: D301 - click wants a real backspace
    etl = context.etl()
    if etl.settings.accounts[0].name != DEFAULT:
        etl.check_tokens()
    span = span_of(first, last, etl.clock)
    if refetch and first is None:
        raise click.UsageError("--refetch needs --from, the first day to fetch again.")
    if discover and first is None:
        raise click.UsageError("--discover needs --from, the first day to list.")
    if refetch and span is not None and not yes:
        from meeting_etl.cli.retry import confirm_if_many
        from meeting_etl.pipeline.ledger.reopening import Reopening

        confirm_if_many(etl, Reopening(span))
    from meeting_etl.cli.run_report import run_and_report

    status = run_and_report(
        etl, context.dagster_home, span=span, refetch=refetch, discover=discover
    )
    sys.exit(status)
