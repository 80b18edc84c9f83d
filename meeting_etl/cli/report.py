"""`report`: charts of some days, or of one meeting, in one HTML file.

Belongs here: which report goes where. Does not: its content (report/).
"""

from datetime import datetime
from pathlib import Path

import click

from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import FROM, TO, output_file, span_of


@click.command()
@FROM
@TO
@click.option("--meeting", metavar="ID", help="One meeting: who was there, and who spoke when.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    callback=output_file(".html", "HTML"),
    metavar="FILE",
    help="The file to write; below reports/ in the data folder by default.",
)
@pass_context
def report(
    context: CommandContext,
    /,
    first: datetime | None,
    last: datetime | None,
    meeting: str | None,
    output: Path | None,
) -> None:
    """Write charts of the tables into one HTML file.

    Activity by local day, talk balance, what is here and what is missing, accounts and recurring
    meetings of the last 31 days, or of the days from --from to --to. With --meeting: who was there,
    and who spoke when.

    The file needs nothing else: send it by mail, open it without a network, print it from there, to
    PDF too. It sends no request to Webex. Like the tables it names accounts, and with --meeting
    persons.

    \b
    Examples:
      meeting-etl report
      meeting-etl report --from 2026-10-01 --to 2026-10-31 -o october.html
      meeting-etl report --meeting 501e995485e2460bb129410116757b13_I_194316955237236650

    Needs the extra `report`: pip install 'meeting_etl[report]'
    """  # noqa: D301 - click wants a real backspace
    from meeting_etl.report.report import (
        latest_days,
        report_name,
        write_meeting_report,
        write_report,
    )

    etl = context.etl()
    span = span_of(first, last, etl.clock)
    path = output or etl.settings.data_dir / report_name(span, meeting)
    if meeting is None:
        write_report(
            etl.files,
            span or latest_days(etl.clock),
            path,
            etl.clock,
            data_dir=etl.settings.location,
        )
    elif span is not None:
        raise click.UsageError("Give --meeting or days, not both.")
    elif not etl.settings.analytics.person_metrics:
        raise click.UsageError(
            "The report of a meeting is about persons, which `person_metrics = false` in "
            "[analytics] leaves out."
        )
    else:
        write_meeting_report(etl.files, meeting, path, etl.clock, data_dir=etl.settings.location)
    display.say(f"Report: {path}")
