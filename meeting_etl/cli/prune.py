"""`prune`: remove what is older than it may be kept, or show what that would be.

Belongs here: arguments and the table of what went. Does not: what is removed
(pipeline/prune.py).
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import click

from meeting_etl.cli import display
from meeting_etl.cli.options import YES, confirm
from meeting_etl.lake import catalog
from meeting_etl.pipeline.ledger.prune_floor import FLOOR_FILE
from meeting_etl.pipeline.prune import prune as pipeline_prune
from meeting_etl.settings import Etl
from meeting_etl.times import parse_days, utc_day

_NAMES = ["what", "days", "rows", "files", "bytes"]


class _Days(click.ParamType[int]):
    """A number of days, written 400d."""

    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; zero and less would remove what is being fetched."""
        days = parse_days(str(value))
        if days is None:
            self.fail(f"{value!r} is no number of days; say for example 400d.", param, ctx)
        return days


@click.command("prune")
@click.option(
    "--older-than",
    "days",
    type=_Days(),
    required=True,
    metavar="DAYS",
    help="Age in days, for example 400d, counted to the UTC date on which the meeting ended.",
)
@click.option(
    "--media-only", is_flag=True, help="Only the recordings in media/; all tables keep their rows."
)
@click.option(
    "--dagster",
    is_flag=True,
    help="Only the history of runs in the Dagster instance, by when a run was created.",
)
@click.option("--dagster-home", hidden=True, help="Folder of the Dagster instance.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed, remove nothing.")
@YES
@click.pass_obj
def prune(
    etl_of: Callable[[], Etl],
    /,
    days: int,
    *,
    media_only: bool,
    dagster: bool,
    dagster_home: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Remove meetings that are older than so many days, with all that belongs to them.

    Rows of every table by day, the events by the day on which they were received, the files in
    media/ and transcripts/. With --media-only only the files in media/; their rows in
    recording_files stay and say when they were removed. It cannot be taken back: what it will be is
    shown first, and you are asked.

    Nothing of these days comes back: lake/pruned.json keeps the first day that stays, and days
    before it are neither filled by late events nor fetched, not even with --refetch or --discover.
    Remove that file to undo this: new events fill such days again. What was removed comes back only
    when you remove all of lake/ and run again, from the webhook logs that you still have.

    The webhook logs are the record and are never changed; what was read of them is not read again.
    Remove old ones yourself where they must not be kept either.

    With --dagster only ended runs that are older go from the Dagster instance. What they fetched
    stays, and each day stays green in the UI. It happens every night by itself, after 30
    days or what [retention] dagster_runs says.
    """
    if dagster and media_only:
        raise click.UsageError("Say either --dagster or --media-only.")
    etl = etl_of()
    if dagster:
        _prune_runs(etl, dagster_home, days, dry_run=dry_run, yes=yes)
        return
    before = utc_day(etl.clock.now()) - timedelta(days=days)
    if dry_run or not yes:
        rows = _removed(etl, before, media_only=media_only, dry_run=True)
        _show(rows, before, dry_run=True)
        if dry_run:
            return
        if rows:
            confirm("Remove all this?")
    rows = _removed(etl, before, media_only=media_only, dry_run=False)
    if sentence := catalog.try_publish(etl.files, etl.lake, etl.settings.analytics):
        display.complain(sentence)
    if rows or yes:
        _show(rows, before, dry_run=False)
    if not media_only:
        display.say(
            f"Days before {before} stay empty: late events do not fill them again. To undo this, "
            f"remove {etl.files.path(FLOOR_FILE)}."
        )


def _removed(etl: Etl, before: date, *, media_only: bool, dry_run: bool) -> list[list[Any]]:
    """What was, or would be, removed: a row a table or folder."""
    with display.progress() as meter:
        reports = pipeline_prune(
            etl.lake,
            before,
            etl.clock.now(),
            media_only=media_only,
            dry_run=dry_run,
            progress=meter,
        )
    return [
        [one.what, one.days, one.rows, one.files, one.size_bytes] for one in reports if one.days
    ]


def _prune_runs(
    etl: Etl, configured_home: str | None, days: int, *, dry_run: bool, yes: bool
) -> None:
    # Loading Dagster takes a second, which only this needs.
    from meeting_etl.orchestration.instance import dagster_home, open_instance
    from meeting_etl.orchestration.run_retention import ended_runs, purge_runs

    before = etl.clock.now() - timedelta(days=days)
    with open_instance(dagster_home(etl.files, configured_home)) as instance:
        if dry_run or not yes:
            count = len(ended_runs(instance, before))
            display.say(f"Runs that would be removed: {count:,}.")
            if dry_run or not count:
                return
            confirm("Remove all this?")
        with display.progress() as meter:
            count = purge_runs(instance, ended_runs(instance, before), meter)
    display.say(f"Runs removed: {count:,}.")


def _show(rows: list[list[Any]], before: date, *, dry_run: bool) -> None:
    if not rows:
        display.say(f"There is nothing of days before {before}.")
        return
    title = "Would be removed" if dry_run else "Removed"
    display.show_table(f"{title}: days before {before}", _NAMES, rows)
