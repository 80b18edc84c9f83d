"""`prune`: remove what is older than it may be, or show what that is.

Belongs here: options and the table of what was removed. Does not: removing
(pipeline/prune.py, orchestration/instance/run_retention.py).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import click

from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import YES, confirm
from meeting_etl.cli.progress import progress
from meeting_etl.lake.floors import EVERYTHING, FLOOR_FILE
from meeting_etl.pipeline.prune import first_days
from meeting_etl.pipeline.prune import prune as pipeline_prune
from meeting_etl.times import parse_days

if TYPE_CHECKING:
    from meeting_etl.settings import Etl

_NAMES = ["what", "before", "days", "rows", "files", "bytes"]


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
    metavar="DAYS",
    help="Age in days, such as 400d, counted from the UTC date on which the meeting ended; without "
    "it, the ages of [retention] in the settings file.",
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
    days: int | None,
    *,
    media_only: bool,
    dagster: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Remove what is older than it may be. Shows first what goes, and asks: it cannot be undone.

    With --older-than: everything of meetings older than that. That is the days' rows of every
    table, webhook events by received date, and the days' files in media/ and transcripts/.

    Without it: each table as [retention] in the settings file says, as the job `maintenance` does
    every night.

    With --media-only only files in media/ are removed; recording_files records when.

    With --dagster only finished runs are removed from the Dagster instance. Fetched data stays, and
    days stay green in the UI. This also happens every night, after 30 days or as set in [retention]
    dagster_runs.

    What was pruned stays away: lake/pruned.json stores the first day that is kept of each table,
    and late events, --refetch and --discover bring nothing earlier back. Remove that file, and
    `run --refetch` brings words, participants and files back. To restore whole meetings, remove all
    of lake/ and run `meeting-etl run`: it ingests all webhook logs that still exist.

    Webhook logs are never changed. Remove old ones yourself if they must not be kept.

    \b
    Examples:
      meeting-etl prune --dry-run
      meeting-etl prune --older-than 400d --dry-run
      meeting-etl prune --older-than 90d --media-only --yes
    """  # noqa: D301 - click wants a real backspace
    if dagster and media_only:
        raise click.UsageError("--dagster and --media-only cannot be combined.")
    if days is None and (dagster or media_only):
        raise click.UsageError(f"{'--dagster' if dagster else '--media-only'} needs --older-than.")
    etl = context.etl()
    if dagster:
        _prune_runs(etl, context.dagster_home, days or 0, dry_run=dry_run, yes=yes)
        return
    first = _first_days(etl, days, media_only=media_only)
    what = f"days before {max(first.values())}" if days else "what [retention] does not keep"
    if dry_run or not yes:
        rows = _removed(etl, first, dry_run=True)
        _show(rows, f"To remove: {what}")
        if dry_run:
            return
        if rows:
            confirm("Remove these?")
    rows = _removed(etl, first, dry_run=False)
    if rows or yes:
        _show(rows, f"Removed: {what}")
    display.say(
        f"What was removed stays away: {etl.storage.where(FLOOR_FILE)} has the first day that is "
        "kept of each table. To accept late events of earlier days again, remove it."
    )


def _first_days(etl: "Etl", days: int | None, *, media_only: bool) -> dict[str, date]:
    """The first day to keep by retention group."""
    now = etl.clock.now()
    if days is not None:
        return first_days({"media" if media_only else EVERYTHING: days}, now)
    if not etl.settings.retention_days:
        raise click.UsageError(
            "Nothing says what is too old. Give --older-than DAYS, or set ages in the settings "
            'file, as in [retention] snippets = "90d".'
        )
    return first_days(etl.settings.retention_days, now)


def _removed(etl: "Etl", first: Mapping[str, date], *, dry_run: bool) -> list[list[Any]]:
    """What was, or would be, removed: one row for each table or folder."""
    with progress() as meter:
        reports = pipeline_prune(
            etl.lake, etl.ledger, first, etl.clock.now(), dry_run=dry_run, progress=meter
        )
    return [list(vars(report).values()) for report in reports]


def _prune_runs(
    etl: "Etl", configured_home: str | None, days: int, *, dry_run: bool, yes: bool
) -> None:
    # Loading Dagster takes a second, which only --dagster needs.
    from meeting_etl.orchestration.instance.instance import dagster_home, open_instance
    from meeting_etl.orchestration.instance.run_retention import ended_runs, purge_runs

    before = etl.clock.now() - timedelta(days=days)
    with open_instance(dagster_home(etl.files, configured_home)) as instance:
        if dry_run or not yes:
            count = len(ended_runs(instance, etl, before))
            display.say(f"Runs to remove: {count:,}.")
            if dry_run or not count:
                return
            confirm("Remove these?")
        with progress() as meter:
            count = purge_runs(instance, etl, ended_runs(instance, etl, before), meter)
    display.say(f"Runs removed: {count:,}.")


def _show(rows: list[list[Any]], title: str) -> None:
    if not rows:
        display.say(f"{title}: nothing.")
        return
    display.show_table(title, _NAMES, rows)
