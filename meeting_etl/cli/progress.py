"""Progress of long work on stderr: a bar on a terminal, plain lines elsewhere.

Belongs here: drawing progress. Does not: what is worked on (callers say it), other output
(display.py).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from meeting_etl.cli.display import one_line, screen
from meeting_etl.cli.streams import original_stderr

_PLAIN_EVERY_SECONDS = 5.0


@contextmanager
def original_screen() -> Iterator[Console]:
    """The terminal that the command was started from, also while Dagster redirects its output."""
    with original_stderr() as stream:
        yield screen(stream)


@contextmanager
def progress() -> Iterator["Meter"]:
    """A meter that shows what is worked on until the end of the block."""
    with original_screen() as console:
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
        self._printed_at = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show it."""
        if self._bars is None:
            self._print(what, done, total)
            return
        if what != self._what:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(one_line(what), total=total)
            self._what = what
        self._bars.update(self._task, completed=done, total=total)

    def _print(self, what: str, done: int, total: int) -> None:
        """At most a line every few seconds."""
        now = time.perf_counter()
        if now - self._printed_at > _PLAIN_EVERY_SECONDS:
            self._printed_at = now
            self._console.print(f"{one_line(what)}: {done} of {total}", soft_wrap=True)
