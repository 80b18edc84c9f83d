"""What the commands show: progress, tables, sentences.

Belongs here: everything that knows about terminals, and that values of others cannot do anything
there: markup and emoji codes in them are text, characters that a terminal would obey are shown as
escapes (texts.visible). All that is printed goes through here or through a `screen()`. Does not:
what is shown.
"""

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from decimal import Decimal
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import msgspec
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from meeting_etl.texts import escape_of, visible, visible_json

# Answers go to stdout, so that they can be piped; all else goes to stderr.
# Where nobody looks at a terminal there is no width to heed.
_PLAIN_EVERY_SECONDS = 5.0
_JSON = msgspec.json.Encoder(decimal_format="number")


class _Screen(Console):
    """A console on which strings are text and nothing else, whoever wrote them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """What every string that is printed comes through, also those in the cells of a table."""
        return super().render_str(visible(text), **options)


def screen(stream: TextIO) -> Console:
    """A console that writes to the stream."""
    return _Screen(file=stream)


answers: Console = _Screen(width=None if sys.stdout.isatty() else 160)
notes: Console = _Screen(stderr=True)


def styled(text: str, style: str) -> Text:
    """A text in a style of rich's; the only way to one, for markup is not read."""
    return Text(visible(text), style)


def one_line(text: str) -> str:
    """The text with its newlines and tabs as escapes too, so that no value looks like two rows."""
    return re.sub(r"[\n\t]", lambda match: escape_of(match[0]), visible(text))


def say(sentence: str) -> None:
    """One line about what goes on."""
    notes.print(_indented(sentence), soft_wrap=True)


def answer(sentence: str) -> None:
    """One line of what was asked for: it goes to stdout, beside the tables."""
    answers.print(_indented(sentence), soft_wrap=True)


def complain(sentence: str) -> None:
    """One line about what went wrong."""
    notes.print(styled("Error:", "bold red"), _indented(sentence), soft_wrap=True)


def _indented(sentence: str) -> str:
    """A sentence of several lines (DuckDB's errors are): none passes for a sentence of its own."""
    return sentence.replace("\n", "\n  ")


def _cell(value: Any) -> str | Text:
    if value is None:
        return styled("–", "dim")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.10g}"
    return one_line(str(value))


def _exact_cell(value: Any) -> str | Text:
    return styled("NULL", "dim") if value is None else one_line(_exact(value))


def show_table(
    title: str,
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    cell: Callable[[Any], str | Text] = _cell,
) -> None:
    """A table; numbers to the right. By default for people: 1,234, yes, a dash for NULL."""
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
        _show_records(names, rows, cell)


def _show_records(
    names: Sequence[str], rows: Sequence[Sequence[Any]], cell: Callable[[Any], str | Text]
) -> None:
    """Rows that are too wide for the screen, one below the other: nothing is left out."""
    for number, row in enumerate(rows, 1):
        record = Table(
            title=f"row {number}", title_justify="left", box=None, show_header=False, pad_edge=False
        )
        record.add_column(style="bold", no_wrap=True)
        record.add_column(overflow="fold")
        for name, value in zip(names, row, strict=True):
            record.add_row(one_line(name), cell(value))
        answers.print(record)


def show_rows(names: Sequence[str], rows: Iterator[Sequence[Any]], most: int | None) -> None:
    """An answer of SQL as a table, its values as they are; of more than `most` rows how many."""
    shown = list(islice(rows, most))
    if list(names) == ["explain_key", "explain_value"]:
        for row in shown:
            answers.print(row[1])
        return
    show_table("", names, shown, _exact_cell)
    further = sum(1 for _ in rows)
    if further:
        say(f"{len(shown):,} of {len(shown) + further:,} rows are shown; --all shows all.")


def write_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Comma-separated values with a header, a line each; NULL is empty, an empty text is ""."""
    _write(",".join(map(_field, names)) + "\n")
    for row in rows:
        _write(",".join(map(_field, row)) + "\n")


def _field(value: Any) -> str:
    if value is None:
        return ""
    text = _exact(value)
    if text and not set(text) & set(',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def write_json(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """One JSON object a line; NaN and infinities are null, bytes are Base64."""
    names = _distinct(names)
    for row in rows:
        record = _JSON.encode(_encodable(dict(zip(names, row, strict=True)))).decode()
        # JSON may hold what a terminal obeys (DEL, C1, bidi) only in the form of escapes here.
        _write(visible_json(record) + "\n")


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of which none is there twice, for an object would keep the last alone."""
    found: list[str] = []
    for name in names:
        candidates = (name, *(f"{name}_{number}" for number in range(1, len(names) + 1)))
        found.append(next(one for one in candidates if one not in found))
    return found


def _encodable(value: Any) -> Any:
    """The value without what the encoder cannot write: whole numbers beyond 64 bits."""
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return Decimal(value)
    if isinstance(value, dict):
        return {name: _encodable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(item) for item in value]
    return value


def _exact(value: Any) -> str:
    """A value as it is: numbers without separators, true, ISO 8601, JSON for what is nested."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = _JSON.encode(_encodable(value)).decode()
    return text[1:-1] if text.startswith('"') else text


def _write(data: str) -> None:
    """Exactly, in UTF-8; only to a terminal as what it can be shown."""
    if sys.stdout.isatty():
        sys.stdout.write(visible(data))
    else:
        # Bytes of file names that are no UTF-8 go out as they came.
        sys.stdout.flush()
        sys.stdout.buffer.write(data.encode("utf-8", "surrogateescape"))


def prepare() -> None:
    """Let no character fail that stdout's encoding does not have: it is shown as an escape."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def drop_unwritten() -> None:
    """Forget what could not be written, or Python would try again, and complain, at its end."""
    with suppress(OSError, ValueError):
        _point(sys.stdout, os.open(os.devnull, os.O_WRONLY))


@contextmanager
def started_from() -> Iterator[Console]:
    """Where the command was started: Dagster points the process's output at files meanwhile."""
    stderr = os.dup(sys.stderr.fileno())
    with os.fdopen(stderr, "w", encoding=sys.stderr.encoding, errors="backslashreplace") as stream:
        yield screen(stream)


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
            TextColumn("{task.description}", markup=False),
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
            self._task = self._bars.add_task(one_line(what), total=total)
            self._what = what
        self._bars.update(self._task, completed=done, total=total)

    def _say(self, what: str, done: int, total: int) -> None:
        """At most a line every few seconds."""
        now = time.perf_counter()
        if now - self._said_at > _PLAIN_EVERY_SECONDS:
            self._said_at = now
            self._console.print(f"{one_line(what)}: {done} of {total}", soft_wrap=True)
