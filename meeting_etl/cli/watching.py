"""Figures that change while one watches.

Belongs here: drawing them again and again on a terminal, saying them now and then elsewhere. Does
not: what the figures are (live.py).
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from meeting_etl.cli.display import one_line, started_from, styled

Figures = Callable[[], Mapping[str, str]]
_DRAWN_PER_SECOND = 4
_SAID_EVERY_SECONDS = 4.0


@contextmanager
def watching(title: str, figures: Figures) -> Iterator[None]:
    """Show what `figures` gives, from another thread, until left; the last of it stays."""
    with started_from() as console:
        shown = (
            _drawing(console, title, figures) if console.is_terminal else _saying(console, figures)
        )
        with shown:
            yield


@contextmanager
def _drawing(console: Console, title: str, figures: Figures) -> Iterator[None]:
    with Live(
        get_renderable=lambda: _drawn(title, figures()),
        console=console,
        refresh_per_second=_DRAWN_PER_SECOND,
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield


def _drawn(title: str, figures: Mapping[str, str]) -> Table:
    table = Table(
        title=title, title_justify="left", box=box.SIMPLE, show_header=False, pad_edge=False
    )
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True, min_width=22)
    for name, value in figures.items():
        table.add_row(name, styled(value, "bold"))
    return table


@contextmanager
def _saying(console: Console, figures: Figures) -> Iterator[None]:
    def say() -> None:
        line = "; ".join(f"{name} {value}" for name, value in figures().items())
        console.print(one_line(line), soft_wrap=True)

    try:
        with repeating(_SAID_EVERY_SECONDS, say):
            yield
    finally:
        say()


@contextmanager
def repeating(seconds: float, deed: Callable[[], None]) -> Iterator[None]:
    """Meanwhile do something every so many seconds; it is not under way any more afterwards."""
    ended = threading.Event()

    def again_and_again() -> None:
        while not ended.wait(seconds):
            deed()

    thread = threading.Thread(target=again_and_again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
