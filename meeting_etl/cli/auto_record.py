"""`auto-record`: switch recording on for meetings that were created, and show what was decided.

Belongs here: arguments, the table of decisions, the exit status. Does not: any decision
(pipeline/auto_record/auto_record.py).
"""

import sys
import uuid
from collections.abc import Callable

import click

from meeting_etl.cli import display
from meeting_etl.cli.options import FORMAT
from meeting_etl.pipeline.auto_record import auto_record as pipeline
from meeting_etl.pipeline.auto_record.results import NOT_FINAL
from meeting_etl.settings import Etl

_COLUMNS = (
    *("meeting_id", "host_email", "title", "policy_line"),
    *("before", "after", "result", "reason", "http_status"),
)


@click.command("auto-record")
@click.option("--dry-run", is_flag=True, help="Decide and show, but change nothing at Webex.")
@click.option("--again", is_flag=True, help="Try again what was refused, after a scope was added.")
@FORMAT
@click.pass_obj
def auto_record(etl_of: Callable[[], Etl], /, form: str, *, dry_run: bool, again: bool) -> None:
    """Switch recording on for created meetings that the settings name.

    Off unless [auto_record] in the file that MEETING_ETL_SETTINGS names has lines. It looks at the
    meetings whose created event is among the tables (`meeting-etl run` reads the logs) and was
    received in the last 7 days, decides once on each, and shows what it decided. `meeting-etl run`
    does the same by itself.
    """
    if again and dry_run:
        # What a dry run finds fit is done by the next run: that is to be said outright.
        raise click.UsageError("--again and --dry-run exclude each other.")
    from meeting_etl.lake import catalog

    etl = etl_of()
    policy = etl.settings.auto_record
    if not policy.is_on:
        display.say(
            "Auto-record is off: no meeting is named by hosts, sites or titles in [auto_record] of "
            "the file that MEETING_ETL_SETTINGS names."
        )
        return
    rows = pipeline.auto_record(
        lambda: etl.webex,
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
    if form != "table":
        (display.write_csv if form == "csv" else display.write_json)(_COLUMNS, shown)
    elif rows:
        display.show_table("", _COLUMNS, shown)
    else:
        display.say("No created meeting waits for a decision.")
    undone = sum(row["result"] in NOT_FINAL for row in rows)
    if undone:
        display.complain(f"{undone} meetings could not be decided on; they are tried again.")
        sys.exit(1)
