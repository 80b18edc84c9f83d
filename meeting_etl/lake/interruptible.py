"""interruptible(): Ctrl-C and SIGTERM end the work of DuckDB at once.

Belongs here: that alone. Does not: queries (catalog.py), what must not be interrupted
(pipeline/fetch/uninterrupted.py).
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Protocol, TypeVar

T = TypeVar("T")

_INTERRUPT_EVERY_SECONDS = 0.05


class Connection(Protocol):
    """One of DuckDB's."""

    def interrupt(self) -> None:
        """End the statement that runs on it now, if any."""


def interruptible(connection: Connection, work: Callable[[], T]) -> T:
    """What `work` returns, which uses the connection. Raises what it or a signal's handler raises.

    In the main thread DuckDB looks for signals only between its tasks, one of which may be hours of
    a join, and raises RuntimeError instead of what the handler raised. So it works in another
    thread, and the main thread waits.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()  # no signals here
    with ThreadPoolExecutor(1, "duckdb") as pool:
        done = pool.submit(work)
        try:
            return done.result()
        finally:
            # Again, as a statement that has not begun yet is not interrupted.
            while not done.done():
                connection.interrupt()
                wait([done], _INTERRUPT_EVERY_SECONDS)
