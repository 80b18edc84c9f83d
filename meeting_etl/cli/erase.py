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
from meeting_etl.texts import some_of

if TYPE_CHECKING:
    from meeting_etl.pipeline.erase.report import ErasureReport, Wanted
    from meeting_etl.privacy.erasures import Erasure
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
@click.option(
    "--even-if-unknown",
    is_flag=True,
    help="Keep out a person or meeting of whom nothing is stored yet.",
)
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
    even_if_unknown: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Forget a person or a meeting everywhere, and prove it. This cannot be undone.

    A person: address, names and ids become erased:<n> in all tables of all days, so that counts and
    the talk of others stay right; the person's words become [erased], and so do mentions of the
    address and of names of at least two words in any text. Recordings and transcript files of
    meetings with the person are removed, and all reports.

    A meeting: all its rows and files are removed. Its events stay as lines without content.

    Only keyed hashes are remembered, in state/erasures.json: a refetch, a late event or a new lake
    made of the same logs brings nothing back. The table erasures says what was done when. Runs and
    queries can go on meanwhile; after an interruption, give the same command again.

    The raw webhook logs stay as they are unless --logs is given. Lines keep their length there, so
    that nothing is ingested twice.

    Exit status: 0 erased; 1 nothing has this person or meeting, or something could not be changed,
    which is named; 2 wrong usage or configuration.

    \b
    Examples:
      meeting-etl erase --person ada@sales.example --dry-run
      meeting-etl erase --person ada@sales.example --name "Ada L." --logs
      meeting-etl erase --meeting 2b0c…_I_391 --yes
    """  # noqa: D301 - click wants a real backspace
    from meeting_etl.pipeline.erase.report import Wanted

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
    seen = _preview(etl, wanted)
    before = _before(etl, seen)
    if seen.is_empty and before is None and not even_if_unknown:
        display.complain(
            f"Nothing here has {person or meeting}. Check the spelling. To keep it out of what "
            "arrives later, add --even-if-unknown."
        )
        sys.exit(1)
    if before and before.finished_at and seen.is_done(wanted):
        _publish(etl)  # a killed erasure may not have come to it
        display.say(f"Erased as {before.label} at {before.finished_at}; nothing new was found.")
        return
    if dry_run or not yes:
        _show_preview(seen, wanted, etl)
        if dry_run:
            return
        confirm("Erase this? It cannot be undone.")
    report = _erase(etl, wanted, seen)
    _show_done(etl, report, wanted)
    if in_logs and etl.logs.unread:
        display.say(f"Skipped, as not named like logs: {some_of(sorted(etl.logs.unread))}.")
    sys.exit(1 if report.left or report.logs.problems else 0)


def _before(etl: "Etl", report: "ErasureReport") -> "Erasure | None":
    """The same erasure, if it was begun or done before."""
    number = report.erasure.number
    return next((each for each in etl.privacy.erasures.all if each.number == number), None)


def _preview(etl: "Etl", wanted: "Wanted") -> "ErasureReport":
    from meeting_etl.pipeline.erase.erase import EraseContext, preview

    with progress() as meter:
        return preview(
            EraseContext(etl.lake, etl.ledger, etl.logs, etl.files, etl.clock, meter), wanted
        )


def _erase(etl: "Etl", wanted: "Wanted", seen: "ErasureReport") -> "ErasureReport":
    from meeting_etl.pipeline.erase import erase as pipeline

    with progress() as meter:
        erasing = pipeline.EraseContext(etl.lake, etl.ledger, etl.logs, etl.files, etl.clock, meter)
        report = pipeline.erase(erasing, wanted, log_lines=seen.logs.lines)
    if not wanted.in_logs:
        report.logs = seen.logs  # still there
    _publish(etl)
    return report


def _publish(etl: "Etl") -> None:
    from meeting_etl.lake import catalog

    if sentence := catalog.try_publish(etl.files, etl.lake, etl.settings.analytics):
        display.complain(sentence)


def _show_preview(report: "ErasureReport", wanted: "Wanted", etl: "Etl") -> None:
    _show_rows(report, "To erase: rows by table")
    if report.names:
        display.say(
            f"Names that are looked for in all texts: {', '.join(report.names)}. Others, and first "
            "names alone, are not: give them with --name."
        )
    if wanted.person and etl.settings.policy.hashes:
        pseudonym = etl.privacy.pseudonyms.address(wanted.person)
        display.say(f"In columns that are hashed the address is {pseudonym}.")
    display.say(f"Files: {_files(report)}, and all reports in reports/.")
    _show_logs(report, wanted, dry_run=True)


def _show_done(etl: "Etl", report: "ErasureReport", wanted: "Wanted") -> None:
    from meeting_etl.privacy.erasures import ERASURES

    label, place = report.erasure.label, etl.state.where(ERASURES)
    _show_rows(report, f"Erased as {label}: rows by table")
    display.say(f"Files removed: {report.files:,}.")
    _show_logs(report, wanted, dry_run=False)
    if report.left:
        display.complain(f"{report.left:,} rows still have something: give the command again.")
        return
    display.say(
        "All tables were read once more: neither the address or id nor the names that were looked "
        f"for are left in them. The proof is in the table erasures ({label}). Keep {place}: its "
        "hashes keep out what Webex still has."
    )


def _show_rows(report: "ErasureReport", title: str) -> None:
    rows: list[list[Any]] = [
        [name, counts.before, counts.changed, counts.removed, counts.before - counts.removed]
        for name, counts in report.rows.items()
        if counts.is_touched
    ]
    if rows:
        display.show_table(title, _COLUMNS, rows)


def _files(report: "ErasureReport") -> str:
    """The number and size of files."""
    size = f" ({report.size_bytes / 1e6:,.0f} MB)" if report.size_bytes else ""
    return f"{display.counted(report.files, 'file')} of recordings and transcripts{size}"


def _show_logs(report: "ErasureReport", wanted: "Wanted", *, dry_run: bool) -> None:
    lines = display.counted(report.logs.lines, "line")
    if wanted.in_logs:
        verb = "would be changed" if dry_run else "changed"
        display.say(f"Raw webhook logs: {lines} {verb}.")
    elif report.logs.lines:
        display.say(f"Not changed: {lines} of raw webhook logs; --logs rewrites them, too.")
    for reason, count in report.logs.lines_left.items():
        if count:
            display.say(f"Lines of logs that were skipped, {reason}: {count:,}.")
    for problem in report.logs.problems:
        display.complain(problem)
