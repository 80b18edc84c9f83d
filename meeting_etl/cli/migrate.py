"""`migrate`: rewrite files of an earlier version, or of another column policy.

Belongs here: the command and what it prints. Does not: which files, and rewriting them
(lake/migration.py).
"""

import click

from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import YES, confirm
from meeting_etl.cli.progress import progress
from meeting_etl.lake import catalog, migration


@click.command()
@click.option("--dry-run", is_flag=True, help="Only count the files that would be rewritten.")
@YES
@pass_context
def migrate(context: CommandContext, /, *, dry_run: bool, yes: bool) -> None:
    """Rewrite files that an earlier version wrote, or that were written under another policy.

    Afterwards all files have the current columns, and follow the column policy of [privacy]. That
    hashes and drops what the policy does not keep, so it asks first. What was hashed or dropped
    before does not come back: remove lake/ for that, and `run` reads the logs and fetches again.
    `run` rewrites up to 200 files of an earlier version by itself, but because of the policy only
    those of days it has work for. Safe at any time: each day is rewritten under its lock, runs and
    queries can continue, and an interrupted migration continues when repeated.

    With MEETING_ETL_STATE, its tables in PostgreSQL are made or changed first, and what was in
    files of state/ is moved there. Stop everything that works on the data folder before that.
    """
    etl = context.etl()
    if not dry_run and (changed := etl.shared.migrate()):
        display.say(f"{display.counted(changed, 'change')} to the state in PostgreSQL.")
    with progress() as meter:
        of_policy = migration.files_of_other_policy(etl.lake, meter)
    if of_policy and not yes:
        display.say(
            f"{display.counted(len(of_policy), 'file')} follow another column policy than the "
            f"{etl.settings.policy.description}."
        )
    if dry_run:
        with progress() as meter:
            outdated = migration.outdated_files(etl.lake, meter)
        _show(len({*of_policy, *outdated}), "to rewrite")
        return
    if of_policy and not yes:
        confirm("Hash and drop there what it does not keep? It cannot be undone.")
    with progress() as meter:
        count = migration.migrate(etl.lake, progress=meter)
    if sentence := catalog.try_publish(etl.files, etl.lake, etl.settings.analytics):
        display.complain(sentence)
    _show(count, "rewritten")


def _show(count: int, what: str) -> None:
    if count:
        display.say(f"{display.counted(count, 'file')} {what}.")
    else:
        display.say("All files have the current columns and follow the policy; nothing to do.")
