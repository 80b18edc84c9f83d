"""`migrate`: rewrite files of an earlier version, or of another column policy.

Belongs here: the command and what it prints. Does not: which files, and rewriting them
(lake/migration.py).
"""

import click

from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.progress import progress
from meeting_etl.lake import catalog, migration


@click.command()
@click.option("--dry-run", is_flag=True, help="Only count the files that would be rewritten.")
@pass_context
def migrate(context: CommandContext, /, *, dry_run: bool) -> None:
    """Rewrite files that an earlier version wrote, or that were written under another policy.

    Afterwards all files have the current columns, and follow the column policy of [privacy]. What
    was hashed or dropped before does not come back: for that, fetch the days again with `run
    --refetch`. `run` rewrites up to 200 files of an earlier version by itself, but because of the
    policy only those of days it has work for. Safe at any time: each day is rewritten under its
    lock, runs and queries can continue, and an interrupted migration continues when repeated.
    """
    etl = context.etl()
    with progress() as meter:
        if dry_run:
            outdated = migration.outdated_files(etl.lake, meter)
            count = len({*outdated, *migration.files_of_other_policy(etl.lake, meter)})
        else:
            count = migration.migrate(etl.lake, progress=meter)
    if not dry_run:
        analytics = etl.settings.analytics
        if sentence := catalog.try_publish(etl.files, etl.lake, analytics):
            display.complain(sentence)
    if not count:
        display.say("All files have the current columns and follow the policy; nothing to do.")
    else:
        files = display.counted(count, "file")
        display.say(f"{files} {'to rewrite' if dry_run else 'rewritten'}.")
