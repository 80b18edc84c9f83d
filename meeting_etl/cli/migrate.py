"""`migrate`: rewrite files of an earlier version, or of another column policy; `--to`.

Belongs here: the command and what it prints. Does not: which files, and rewriting them
(lake/migration.py), moving to a bucket (to_bucket.py).
"""

from typing import TYPE_CHECKING

import click

from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import YES, confirm
from meeting_etl.cli.progress import progress
from meeting_etl.lake import catalog, migration

if TYPE_CHECKING:
    from meeting_etl.settings import Etl


@click.command()
@click.option(
    "--to",
    metavar="URL",
    help="Then move the data folder to this folder of a bucket, such as s3://bucket/etl.",
)
@click.option("--dry-run", is_flag=True, help="Only count what would be rewritten, or moved.")
@YES
@pass_context
def migrate(context: CommandContext, /, to: str | None, *, dry_run: bool, yes: bool) -> None:
    """Rewrite files that an earlier version wrote, or that were written under another policy.

    Afterwards all files have the current columns, and follow the column policy of [privacy]. That
    hashes and drops what the policy does not keep, so it asks first. What was hashed or dropped
    before does not come back: remove lake/ for that, and `run` reads the logs and fetches again.
    `run` rewrites up to 200 files of an earlier version by itself, but because of the policy only
    those of days it has work for. Safe at any time: each day is rewritten under its lock, runs and
    queries can continue, and an interrupted migration continues when repeated.

    With MEETING_ETL_STATE, its tables in PostgreSQL are made or changed first, and what was in
    files of state/ is moved there. Stop everything that works on the data folder before that. With
    MEETING_ETL_TENANTS this is done for all tenants, unless MEETING_ETL_TENANT names one.

    With --to, all tables, recordings and transcripts are then copied to the bucket, and compared
    there, and the folder is marked: it is refused as the data folder from then on. Nothing in it is
    removed. It can be interrupted and repeated. See docs/object-storage.md.

    \b
    Examples:
      meeting-etl migrate --dry-run
      meeting-etl migrate --to s3://meetings/etl
    """  # noqa: D301 - click wants a real backspace
    if to is None:
        for etl in (etls := context.etls()):
            if len(etls) > 1:
                display.say(f"Tenant {etl.tenant}:")
            _migrate(etl, dry_run=dry_run, yes=yes)
        return
    from meeting_etl.cli.to_bucket import Target

    etl = context.etl()
    target = Target(context, etl, to)
    # A folder whose move has begun is not changed any more.
    if not target.is_begun:
        _migrate(etl, dry_run=dry_run, yes=yes)
    if dry_run:
        target.show()
    else:
        target.move(yes=yes)


def _migrate(etl: "Etl", *, dry_run: bool, yes: bool) -> None:
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
