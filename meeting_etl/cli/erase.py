"""`erase`: remove a person or a meeting from everything that is stored, with proof.

Belongs here: options, the question, and what is printed. Does not: erasing (pipeline/erase/).
"""

import sys
from typing import TYPE_CHECKING, Any

import click

from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import YES, confirm
from meeting_etl.cli.progress import progress

if TYPE_CHECKING:
    from meeting_etl.pipeline.erase.erase import ErasureReport, Wanted
    from meeting_etl.settings import Etl

_COLUMNS = ["table", "rows before", "changed", "removed", "rows after"]


@click.command()
@click.option("--person", metavar="E-MAIL", help="E-mail address of the person to forget.")
@click.option("--meeting", metavar="ID", help="Id of the meeting instance to forget.")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="Another name of the person, besides those that stand beside the address. Repeatable.",
)
@click.option(
    "--rows",
    "removes_rows",
    is_flag=True,
    help="Remove the person's own rows instead of keeping them as erased:<n>.",
)
@click.option("--logs", "in_logs", is_flag=True, help="Rewrite the raw webhook logs, too.")
@click.option("--dry-run", is_flag=True, help="Only show what would be erased.")
@YES
@pass_context
def erase(
    context: CommandContext,
    /,
    person: str | None,
    meeting: str | None,
    names: tuple[str, ...],
    *,
    removes_rows: bool,
    in_logs: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Forget a person or a meeting everywhere, and prove it. This cannot be undone.

    A person: address, names and ids become erased:<n> in all tables of all days, so that counts and
    the talk of others stay right; the person's words become [erased], and so do mentions of the
    address and of names of two words or more in any text. Recordings and transcript files of
    meetings with the person are removed, and all reports.

    A meeting: all its rows and files are removed. Its events stay as lines without content.

    Only keyed hashes are remembered, in state/erasures.json: a refetch, a late event or a new lake
    made of the same logs brings nothing back. The table erasures says what was done when. Runs and
    queries can go on meanwhile; after an interruption, give the same command again.

    The raw webhook logs stay as they are unless --logs is given. Lines keep their length there, so
    that nothing is ingested twice.

    Exit status: 0 erased; 1 something is left, which is named; 2 wrong usage or configuration.

    \b
    Examples:
      meeting-etl erase --person ada@sales.example --dry-run
      meeting-etl erase --person ada@sales.example --name "Ada L." --logs
      meeting-etl erase --meeting 2b0c…_I_391 --yes
    """  # noqa: D301 - click wants a real backspace
    from meeting_etl.pipeline.erase.erase import Wanted

    if (person is None) == (meeting is None):
        raise click.UsageError("Give either --person or --meeting.")
    if person is not None and "@" not in person.strip("@ "):
        raise click.BadParameter(f"{person!r} is not an e-mail address.", param_hint="--person")
    if meeting is not None and not meeting.strip():
        raise click.BadParameter("The id is empty.", param_hint="--meeting")
    if meeting is not None and (names or removes_rows):
        raise click.UsageError("--name and --rows are for persons.")
    wanted = Wanted(person, meeting, names, removes_rows=removes_rows, in_logs=in_logs)
    etl = context.etl()
    if dry_run or not yes:
        report = _run(etl, wanted, dry_run=True)
        _show(report, wanted, dry_run=True)
        if dry_run:
            return
        confirm("Erase this? It cannot be undone.")
    report = _run(etl, wanted, dry_run=False)
    _show(report, wanted, dry_run=False)
    sys.exit(1 if report.left or report.logs.problems else 0)


def _run(etl: "Etl", wanted: "Wanted", *, dry_run: bool) -> "ErasureReport":
    from meeting_etl.lake import catalog
    from meeting_etl.pipeline.erase.erase import EraseContext, erase, preview

    with progress() as meter:
        erasing = EraseContext(etl.lake, etl.ledger, etl.logs, etl.clock, meter)
        report = preview(erasing, wanted) if dry_run else erase(erasing, wanted)
    if not dry_run and (
        sentence := catalog.try_publish(etl.files, etl.lake, etl.settings.analytics)
    ):
        display.complain(sentence)
    return report


def _show(report: "ErasureReport", wanted: "Wanted", *, dry_run: bool) -> None:
    rows: list[list[Any]] = [
        [name, counts.before, counts.changed, counts.removed, counts.before - counts.removed]
        for name, counts in report.rows.items()
        if counts.is_touched
    ]
    erasure = report.erasure
    if rows:
        title = "To erase" if dry_run else f"Erased as {erasure.label}"
        display.show_table(f"{title}: rows by table", _COLUMNS, rows)
    elif report.is_empty:
        display.say("No row, file or line of a log has this person or meeting.")
    if not dry_run:
        display.say(f"Files removed: {report.files:,}.")
    _show_logs(report, wanted, dry_run=dry_run)
    if dry_run:
        return
    if report.left:
        display.complain(f"{report.left:,} rows still have something: give the command again.")
    else:
        display.say(
            "All rows were read once more: nothing is left. The proof is in the table erasures "
            f"({erasure.label}). Keep the folder state/: its hashes keep out what Webex still has."
        )


def _show_logs(report: "ErasureReport", wanted: "Wanted", *, dry_run: bool) -> None:
    lines = display.counted(report.logs.lines, "line")
    if wanted.in_logs:
        verb = "would be changed" if dry_run else "changed"
        display.say(f"Raw webhook logs: {lines} {verb}.")
    elif report.logs.lines:
        display.say(f"The raw webhook logs still have {lines} about this: add --logs.")
    for reason, count in report.logs.lines_left.items():
        if count:
            display.say(f"Lines of logs that were skipped, {reason}: {count:,}.")
    for problem in report.logs.problems:
        display.complain(problem)
