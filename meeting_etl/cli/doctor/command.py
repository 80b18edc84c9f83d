"""`doctor`: check everything that has to work.

Belongs here: options, output and exit status. Does not: the checks (all_checks.py).
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import groupby

import click
from rich import box
from rich.table import Table

from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.doctor.finding import CheckResult, State
from meeting_etl.texts import visible_json

_STYLES = {
    State.OK: "green",
    State.WARNING: "yellow",
    State.PROBLEM: "bold red",
    State.SKIPPED: "dim",
}


# Longer names of accounts are folded.
_SECTION_WIDTH = 13


@click.command()
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Output format; json is an array of objects, one a line.",
)
@click.option("--json", "as_json", is_flag=True, hidden=True, help="The same as --format json.")
@pass_context
def doctor(context: CommandContext, /, output_format: str, *, as_json: bool) -> None:
    """Check everything that has to work, and say what to do about problems.

    Checks settings, token, scopes, sites, webhooks, receiver, recent recordings and transcripts,
    data folder, clock, Dagster and open work. Each line is ok, a warning, a problem, or skipped.
    Sends at most a dozen requests to Webex and changes nothing. With several accounts: a dozen for
    each of the first three of each kind, and one for each further account.

    \b
    Exit status:
      0  no problem
      1  a problem
      2  wrong usage, or settings that cannot be read
    """  # noqa: D301 - click wants a real backspace
    from meeting_etl.cli.doctor.account_checks import matrix
    from meeting_etl.cli.doctor.all_checks import has_readable_settings, run_checks
    from meeting_etl.settings import Etl

    tenant = context.tenant()
    etl = Etl.of(tenant, context.clock)
    results = run_checks(etl, tenant.variables)
    is_readable = has_readable_settings(etl)
    if as_json or output_format == "json":
        write_json(results)
    else:
        show(results)
        if is_readable and len(etl.settings.accounts) > 1:
            show_matrix(*matrix(etl))
        display.say(f"{_counted(results, State.PROBLEM)}, {_counted(results, State.WARNING)}.")
    if not is_readable:
        sys.exit(2)
    sys.exit(int(any(result.state is State.PROBLEM for result in results)))


def show(results: Sequence[CheckResult]) -> None:
    """Print the results as one table, each with what to do."""
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("", max_width=_SECTION_WIDTH, overflow="fold")
    table.add_column("what", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("found", overflow="fold")
    section = ""
    for result in _shortened(results):
        found = display.styled(display.one_line(result.found), "")
        if result.todo:
            found.append(f" → {display.one_line(result.todo)}", "bold")
        table.add_row(
            display.styled(result.section, "bold") if result.section != section else "",
            display.one_line(result.name),
            display.styled(result.state, _STYLES[result.state]),
            found,
        )
        section = result.section
    display.answers.print(table)


def show_matrix(names: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
    """Print which account is asked for what."""
    display.show_table("Who is asked", names, rows)
    if any("own" in row for row in rows):
        display.answer("own: for the meetings of their own hosts, before the others.")


def _shortened(results: Sequence[CheckResult]) -> Iterator[CheckResult]:
    """The results, those of each account together, endpoints with the same result in one line."""
    for section, group in groupby(results, lambda result: result.section):
        title, _, account = section.partition(" of ")
        alike: dict[tuple[State, str], list[CheckResult]] = {}
        for result in group:
            is_scope = account and title == "scopes"
            what = "allowed" if is_scope and result.state is State.OK else result.found
            name = result.name if not is_scope or result.todo else ""
            alike.setdefault((result.state, name or what), []).append(
                replace(result, section=account or section)
            )
        for (_, what), found in alike.items():
            first = found[0]
            if len(found) > 1:
                sentence = f"{len(found)} endpoints: {what}".removesuffix(".")
                first = replace(first, name="scopes", found=f"{sentence}.")
            yield first


def write_json(results: Sequence[CheckResult]) -> None:
    """Print a JSON array of objects, each on a line of its own."""
    objects = [visible_json(json.dumps(asdict(result), ensure_ascii=False)) for result in results]
    sys.stdout.write("[\n" + ",\n".join(objects) + "\n]\n")


def _counted(results: Sequence[CheckResult], state: State) -> str:
    count = sum(result.state is state for result in results)
    return f"{count} {state}{'' if count == 1 else 's'}"
