"""Figures that change while they are shown.

Belongs here: redrawing them on a terminal, printing them every few seconds elsewhere. Does not:
which figures (demo_live.py).
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from meeting_etl.cli.display import one_line, styled
from meeting_etl.cli.progress import original_screen

Figures = Callable[[], Mapping[str, str]]
_DRAWN_PER_SECOND = 4
_PRINTED_EVERY_SECONDS = 4.0


@contextmanager
def live_figures(title: str, figures: Figures) -> Iterator[None]:
    """Show what `figures` returns, from another thread, until the end of the block."""
    with original_screen() as console:
        shown = (
            _drawing(console, title, figures)
            if console.is_terminal
            else _printing(console, figures)
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
def _printing(console: Console, figures: Figures) -> Iterator[None]:
    def print_line() -> None:
        line = "; ".join(f"{name} {value}" for name, value in figures().items())
        console.print(one_line(line), soft_wrap=True)

    try:
        with repeating(_PRINTED_EVERY_SECONDS, print_line):
            yield
    finally:
        print_line()


@contextmanager
def repeating(seconds: float, action: Callable[[], None]) -> Iterator[None]:
    """Call `action` every so many seconds; no call is in progress afterwards."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(seconds):
            action()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
