"""What the commands show: progress, tables, sentences.

Belongs here: everything that knows about terminals. Does not: what is shown.
"""

import csv
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

# Answers go to stdout, so that they can be piped; all else goes to stderr.
# Where nobody looks at a terminal there is no width to heed.
answers = Console(width=None if sys.stdout.isatty() else 160)
notes = Console(stderr=True)

_PLAIN_EVERY_SECONDS = 5.0


def say(sentence: str) -> None:
    """One line about what goes on."""
    notes.print(sentence, highlight=False, soft_wrap=True)


def complain(sentence: str) -> None:
    """One line about what went wrong."""
    notes.print(f"[bold red]Error:[/] {escape(sentence)}", highlight=False, soft_wrap=True)


def show_table(title: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table; numbers to the right, NULL as a dim dash."""
    rows = [list(row) for row in rows]
    table = Table(
        title=title or None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    for number, name in enumerate(names):
        numeric = any(isinstance(row[number], int | float) for row in rows)
        table.add_column(
            escape(name),
            justify="right" if numeric else "left",
            # The first column names the row; the last one may be prose.
            no_wrap=number < len(names) - 1,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    unbounded = answers.options.update(width=100_000)
    if Measurement.get(answers, unbounded, table).minimum <= answers.width:
        answers.print(table)
    else:
        _show_records(names, rows)


def _show_records(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Rows that are too wide for the screen, one below the other: nothing is left out."""
    for number, row in enumerate(rows, 1):
        record = Table(
            title=f"row {number}", title_justify="left", box=None, show_header=False, pad_edge=False
        )
        record.add_column(style="bold", no_wrap=True)
        record.add_column(overflow="fold")
        for name, value in zip(names, row, strict=True):
            record.add_row(escape(name), _cell(value))
        answers.print(record)


def write_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Comma-separated values with a header."""
    writer = csv.writer(sys.stdout)
    writer.writerow(names)
    writer.writerows(rows)


def write_json(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """One JSON object a line."""
    for row in rows:
        record = dict(zip(names, row, strict=True))
        sys.stdout.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")


@contextmanager
def started_from() -> Iterator[Console]:
    """Where the command was started: Dagster points the process's output at files meanwhile."""
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8") as stream:
        yield Console(file=stream)


@contextmanager
def output_given_back() -> Iterator[None]:
    """Afterwards output goes where it went before.

    While a step runs Dagster points it at files. On a full disk it does not get so far as to point
    it back, and whatever is said after that would be lost.
    """
    with ExitStack() as stack:
        for stream in (sys.stdout, sys.stderr):
            before = os.dup(stream.fileno())
            stack.callback(os.close, before)
            stack.callback(_point, stream, before)
        yield


def _point(stream: TextIO, target: int) -> None:
    """Point a stream at a file; what it could not write where it points now is dropped."""
    try:
        stream.flush()
    except OSError:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
            stream.flush()
    os.dup2(target, stream.fileno())


@contextmanager
def progress() -> Iterator["Meter"]:
    """Shows what is worked on: a bar for each thing on a terminal, plain lines elsewhere."""
    with started_from() as console:
        if not console.is_terminal:
            yield Meter(console, None)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console, transient=True) as bars:
            yield Meter(console, bars)


class Meter:
    """Called with what is worked on, how much is done and how much there is."""

    def __init__(self, console: Console, bars: Progress | None) -> None:
        self._console = console
        self._bars = bars
        self._what = ""
        self._task: Any = None
        self._said_at = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show it."""
        if self._bars is None:
            self._say(what, done, total)
            return
        if what != self._what:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(escape(what), total=total)
            self._what = what
        self._bars.update(self._task, completed=done, total=total)

    def _say(self, what: str, done: int, total: int) -> None:
        """At most a line every few seconds."""
        now = time.perf_counter()
        if now - self._said_at > _PLAIN_EVERY_SECONDS:
            self._said_at = now
            self._console.print(f"{what}: {done} of {total}", highlight=False)


def _cell(value: Any) -> str:
    if value is None:
        return "[dim]–[/]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.10g}"
    return escape(str(value))
