"""Options that several commands share, and the question before a change that is hard to undo.

Belongs here: such options, what they mean, asking for confirmation. Does not: options of one
command.
"""

import mimetypes
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from meeting_etl.cli import display
from meeting_etl.times import Clock, Span, utc_day


class _Day(click.DateTime):
    """A date; what is wrong with one is said without the letters of a format."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a date such as 2026-03-31.", param, ctx)


DAY = _Day(["%Y-%m-%d"])
FROM = click.option(
    "--from",
    "first",
    type=DAY,
    metavar="YYYY-MM-DD",
    help="First day (UTC date on which meetings ended).",
)
TO = click.option(
    "--to", "last", type=DAY, metavar="YYYY-MM-DD", help="Last day; today by default."
)
YES = click.option("--yes", is_flag=True, help="Do not ask for confirmation; for scripts.")
PORT = click.IntRange(0, 65535)
WORLD = click.option(
    "--world",
    type=click.Choice(["demo", "guide"]),
    default="demo",
    show_default=True,
    help="demo: 300 meetings of an invented sales team; guide: the one meeting of Webex's guide.",
)
SEED = click.option(
    "--seed", default=1, show_default=True, help="Seed of the invented data; each gives other data."
)


def output_file(
    suffix: str, form: str
) -> Callable[[click.Context, click.Parameter, Path | None], Path | None]:
    """The callback of an option that names a file to write, of this form; links are followed.

    Raises click.BadParameter unless it is new or a regular file, in a folder that exists: a device
    would be replaced, and a slip of the pen would make folders. Nor may the name promise another
    form, such as .pdf.
    """

    def checked(_: click.Context, __: click.Parameter, value: Path | None) -> Path | None:
        return None if value is None else _writable(value, suffix, form)

    return checked


def _writable(value: Path, suffix: str, form: str) -> Path:
    promised, own = (mimetypes.guess_type(name)[0] for name in (value.name, f"a{suffix}"))
    if promised not in (None, own):
        raise click.BadParameter(f"{form} is written: name it {value.with_suffix(suffix).name}.")
    path = value.resolve()
    if not value.name or (path.exists() and not path.is_file()):
        raise click.BadParameter(f"{str(value)!r} is not a file that can be replaced.")
    if not path.parent.is_dir():
        raise click.BadParameter(
            f"There is no folder {path.parent}: make it, or name another file."
        )
    if not os.access(path.parent, os.W_OK):
        raise click.BadParameter(f"{path.parent} cannot be written to: name another file.")
    return path


def is_given(name: str) -> bool:
    """Whether the parameter of that name stands on the command line, even with its default."""
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def span_of(first: datetime | None, last: datetime | None, clock: Clock) -> Span | None:
    """The days from --from to --to; None when neither is given."""
    from meeting_etl.schemas import FIRST_DAY

    if first is None and last is None:
        return None
    span = Span(first.date() if first else FIRST_DAY, last.date() if last else utc_day(clock.now()))
    if span.first > span.last:
        if first is None:
            raise click.UsageError(
                f"--to {span.last} is before {FIRST_DAY}, the first day there is."
            )
        what = "today in UTC," if last is None else "--to"
        raise click.UsageError(f"--from {span.first} is after {what} {span.last}.")
    return span


def confirm(question: str) -> None:
    """Return only after a yes on the terminal.

    Ends the command with exit status 1 after a no. Raises click.UsageError, exit status 2, without
    a terminal: a script must give --yes.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is no terminal to confirm on: add --yes.")
    if not click.confirm(question, err=True):
        display.say("Nothing was changed.")
        sys.exit(1)
