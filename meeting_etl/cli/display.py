"""What commands print: sentences and tables.

Belongs here: everything that knows about terminals. Values from outside cannot control one: markup
and emoji codes in them are printed as text, control characters as escapes (texts.visible). All
output goes through here, through formats.py, or through a `screen()`. Does not: which sentences.
"""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from meeting_etl.texts import escape_of, visible

Cell = str | Text


class _Screen(Console):
    """A console that prints strings as text only, whoever wrote them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Called for every string that is printed, cells of tables included."""
        return super().render_str(visible(text), **options)


def screen(stream: TextIO) -> Console:
    """A console that writes to the stream."""
    return _Screen(file=stream)


# What was requested goes to stdout, for pipes; everything else to stderr. 160: the width without a
# terminal.
answers: Console = _Screen(width=None if sys.stdout.isatty() else 160)
notes: Console = _Screen(stderr=True)


def styled(text: str, style: str) -> Text:
    """A text in a style of rich; the only way to one, because markup is not interpreted."""
    return Text(visible(text), style)


def one_line(text: str) -> str:
    """The text with newlines and tabs as escapes too, so that no value looks like two rows."""
    return re.sub(r"[\n\t]", lambda match: escape_of(match[0]), visible(text))


def say(sentence: str) -> None:
    """A message, to stderr."""
    notes.print(_indented(sentence), soft_wrap=True)


def answer(sentence: str) -> None:
    """A line of the requested output, to stdout."""
    answers.print(_indented(sentence), soft_wrap=True)


def complain(sentence: str) -> None:
    """An error message, to stderr."""
    notes.print(styled("Error:", "bold red"), _indented(sentence), soft_wrap=True)


def counted(number: int, noun: str) -> str:
    """`1 day`, `1,234 days`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _indented(sentence: str) -> str:
    """Further lines are indented, so that none looks like a message of its own."""
    return sentence.replace("\n", "\n  ")


def _cell(value: Any) -> Cell:
    if value is None:
        return styled("–", "dim")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.10g}"
    return one_line(str(value))


def show_table(
    title: str,
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    cell: Callable[[Any], Cell] = _cell,
) -> None:
    """A table, numbers to the right. Default cells are for people: 1,234, yes, a dash for None."""
    rows = [list(row) for row in rows]
    table = Table(
        title=one_line(title) or None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    for number, name in enumerate(names):
        numeric = any(isinstance(row[number], int | float | Decimal) for row in rows)
        table.add_column(
            one_line(name),
            justify="right" if numeric else "left",
            # The first column names the row; the last one may be prose.
            no_wrap=number < len(names) - 1,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(cell(value) for value in row))
    unbounded = answers.options.update(width=100_000)
    if Measurement.get(answers, unbounded, table).minimum <= answers.width:
        answers.print(table)
    else:
        _show_records(title, names, rows, cell)


def _show_records(
    title: str, names: Sequence[str], rows: Sequence[Sequence[Any]], cell: Callable[[Any], Cell]
) -> None:
    """Rows that are too wide for the screen, one value below the other."""
    if title:
        answers.print(styled(one_line(title), "bold"))
    if not rows:
        answers.print(f"No rows. Columns: {', '.join(map(one_line, names))}")
    for number, row in enumerate(rows, 1):
        record = Table(
            title=f"row {number}", title_justify="left", box=None, show_header=False, pad_edge=False
        )
        record.add_column(style="bold", no_wrap=True)
        record.add_column(overflow="fold")
        for name, value in zip(names, row, strict=True):
            record.add_row(one_line(name), cell(value))
        answers.print(record)
