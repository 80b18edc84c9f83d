"""`prune`: remove meetings or Dagster runs older than a number of days, or show which.

Belongs here: options and the table of what was removed. Does not: removing
(pipeline/prune.py, orchestration/instance/run_retention.py).
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import click

from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import YES, confirm
from meeting_etl.cli.progress import progress
from meeting_etl.lake import catalog
from meeting_etl.lake.floors import FLOOR_FILE
from meeting_etl.pipeline.prune import prune as pipeline_prune
from meeting_etl.times import parse_days, utc_day

if TYPE_CHECKING:
    from meeting_etl.settings import Etl

_NAMES = ["what", "days", "rows", "files", "bytes"]


class _Days(click.ParamType[int]):
    """A number of days, written 400d."""

    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, at least 1: less would remove what is being fetched."""
        days = parse_days(str(value))
        if days is None:
            self.fail(f"{value!r} is not a number of days such as 400d.", param, ctx)
        return days


@click.command("prune")
@click.option(
    "--older-than",
    "days",
    type=_Days(),
    required=True,
    metavar="DAYS",
    help="Age in days, such as 400d, counted from the UTC date on which the meeting ended.",
)
@click.option(
    "--media-only", is_flag=True, help="Only recording files in media/; all tables keep their rows."
)
@click.option(
    "--dagster",
    is_flag=True,
    help="Only the run history of the Dagster instance, by the time a run was created.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@YES
@pass_context
def prune(
    context: CommandContext,
    /,
    days: int,
    *,
    media_only: bool,
    dagster: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Remove meetings older than a number of days, with everything that belongs to them.

    Removes the days' rows from every table, webhook events by received date, and the days' files in
    media/ and transcripts/. Shows first what it removes and asks for confirmation: this cannot be
    undone.

    With --media-only only files in media/ are removed; recording_files records when.

    With --dagster only finished runs are removed from the Dagster instance. Fetched data stays, and
    days stay green in the UI. This also happens every night, after 30 days or as set in [retention]
    dagster_runs.

    Pruned days stay empty: lake/pruned.json stores the first day that is kept, and late events,
    --refetch and --discover skip earlier days. To let new events fill them again, remove that file.
    To restore the meetings, remove all of lake/ and run `meeting-etl run`: it ingests all webhook
    logs that still exist.

    Webhook logs are never changed. Remove old ones yourself if they must not be kept.

    \b
    Examples:
      meeting-etl prune --older-than 400d --dry-run
      meeting-etl prune --older-than 90d --media-only --yes
    """  # noqa: D301 - click wants a real backspace
    if dagster and media_only:
        raise click.UsageError("--dagster and --media-only cannot be combined.")
    etl = context.etl()
    if dagster:
        _prune_runs(etl, context.dagster_home, days, dry_run=dry_run, yes=yes)
        return
    before = utc_day(etl.clock.now()) - timedelta(days=days)
    if dry_run or not yes:
        rows = _removed(etl, before, media_only=media_only, dry_run=True)
        _show(rows, before, dry_run=True)
        if dry_run:
            return
        if rows:
            confirm("Remove these?")
    rows = _removed(etl, before, media_only=media_only, dry_run=False)
    if sentence := catalog.try_publish(etl.files, etl.lake, etl.settings.analytics):
        display.complain(sentence)
    if rows or yes:
        _show(rows, before, dry_run=False)
    if not media_only:
        display.say(
            f"Days before {before} stay empty: late events are skipped. To accept them again, "
            f"remove {etl.files.path(FLOOR_FILE)}."
        )


def _removed(etl: "Etl", before: date, *, media_only: bool, dry_run: bool) -> list[list[Any]]:
    """What was, or would be, removed: one row for each table or folder."""
    with progress() as meter:
        reports = pipeline_prune(
            etl.lake,
            etl.ledger.queue,
            before,
            etl.clock.now(),
            media_only=media_only,
            dry_run=dry_run,
            progress=meter,
        )
    return [
        [report.what, report.days, report.rows, report.files, report.size_bytes]
        for report in reports
        if report.days
    ]


def _prune_runs(
    etl: "Etl", configured_home: str | None, days: int, *, dry_run: bool, yes: bool
) -> None:
    # Loading Dagster takes a second, which only --dagster needs.
    from meeting_etl.orchestration.instance.instance import dagster_home, open_instance
    from meeting_etl.orchestration.instance.run_retention import ended_runs, purge_runs

    before = etl.clock.now() - timedelta(days=days)
    with open_instance(dagster_home(etl.files, configured_home)) as instance:
        if dry_run or not yes:
            count = len(ended_runs(instance, before))
            display.say(f"Runs to remove: {count:,}.")
            if dry_run or not count:
                return
            confirm("Remove these?")
        with progress() as meter:
            count = purge_runs(instance, ended_runs(instance, before), meter)
    display.say(f"Runs removed: {count:,}.")


def _show(rows: list[list[Any]], before: date, *, dry_run: bool) -> None:
    if not rows:
        display.say(f"There is nothing from days before {before}.")
        return
    title = "To remove" if dry_run else "Removed"
    display.show_table(f"{title}: days before {before}", _NAMES, rows)
