"""`meeting-etl migrate`: files of an earlier version get today's columns.

Belongs here: the command and what it prints. Does not: which files those are and rewriting them
(lake/migration.py).
"""

from collections.abc import Callable

import click

from meeting_etl.cli import display
from meeting_etl.lake import catalog, migration
from meeting_etl.settings import Etl


@click.command()
@click.option("--dry-run", is_flag=True, help="Say how many files would be rewritten, and end.")
@click.pass_obj
def migrate(etl_of: Callable[[], Etl], /, *, dry_run: bool) -> None:
    """Rewrite files that an earlier version wrote, so that all have today's columns.

    `run` does it by itself for up to 200 files. Runs and readers may go on meanwhile: a day is
    rewritten under its lock, as a whole. It may be ended and repeated at any time.
    """
    etl = etl_of()
    with display.progress() as meter:
        if dry_run:
            count = len(migration.outdated(etl.lake, meter))
        else:
            count = migration.migrate(etl.lake, progress=meter)
    if not dry_run:
        analytics = etl.settings.analytics
        if sentence := catalog.try_publish(etl.files, etl.lake, analytics):
            display.complain(sentence)
    files = f"{count:,} file{'' if count == 1 else 's'}"
    if not count:
        display.say("All files have today's columns; nothing is to be done.")
    else:
        display.say(f"{files} {'would be' if dry_run else 'were'} rewritten.")
