"""`auto-record`: switch recording on for newly created meetings, and show the decisions.

Belongs here: options, the table of decisions, the exit status. Does not: any decision
(pipeline/auto_record/auto_record.py).
"""

import sys
import uuid

import click

from meeting_etl.cli import display, formats
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.pipeline.auto_record import auto_record as pipeline
from meeting_etl.pipeline.auto_record.results import NOT_FINAL

_COLUMNS = (
    *("meeting_id", "host_email", "title", "policy_line"),
    *("before", "after", "result", "reason", "http_status"),
)


@click.command("auto-record")
@click.option("--dry-run", is_flag=True, help="Decide and show, but change nothing in Webex.")
@click.option("--again", is_flag=True, help="Retry refused changes, after you added a scope.")
@formats.FORMAT
@pass_context
def auto_record(context: CommandContext, /, row_format: str, *, dry_run: bool, again: bool) -> None:
    """Switch on automatic recording of newly created meetings.

    Which meetings: hosts, sites or titles in [auto_record] of the settings file
    (MEETING_ETL_SETTINGS); without them this does nothing. Considers meetings whose created event
    was ingested and received in the last 7 days, decides once for each, and shows the decisions.
    `meeting-etl run` does the same.

    Exit status: 1 if a meeting could not be decided on; a later run retries it.
    """
    if again and dry_run:
        # A later run would carry out what the dry run reopened.
        raise click.UsageError("--again and --dry-run cannot be combined.")
    from meeting_etl.lake import catalog

    etl = context.etl()
    policy = etl.settings.auto_record
    if not policy.is_on:
        display.say(
            "Auto-record is off: set hosts, sites or titles in [auto_record] of the settings file "
            "(MEETING_ETL_SETTINGS)."
        )
        return
    rows = pipeline.auto_record(
        lambda: etl.accounts,
        etl.lake,
        etl.clock,
        policy.as_dry_run() if dry_run else policy,
        str(uuid.uuid4()),
        again=again,
    )
    if rows:
        analytics = etl.settings.analytics
        if sentence := catalog.try_publish(etl.files, etl.lake, analytics):
            display.complain(sentence)
    shown = [[row[name] for name in _COLUMNS] for row in rows]
    if row_format != "table":
        formats.write_rows(row_format, _COLUMNS, shown)
    elif rows:
        display.show_table("", _COLUMNS, shown)
    else:
        display.say("No new meetings to decide on.")
    if failed := sum(row["result"] in NOT_FINAL for row in rows):
        display.complain(
            f"{display.counted(failed, 'meeting')} could not be decided on; a later run retries."
        )
        sys.exit(1)
