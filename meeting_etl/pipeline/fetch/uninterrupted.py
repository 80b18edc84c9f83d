"""uninterrupted(): Ctrl-C and SIGTERM wait until something short is whole.

Belongs here: that alone. Does not: what an interruption ends (request_pool.py, fetch_days.py).
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Call the handlers of signals that arrive during the block when it has ended.

    Where an exception of a handler ended a commit half-way, all its responses would be lost.
    """
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not all(callable(handler) for handler in handlers.values()):
        yield  # nothing here can raise
        return
    arrived: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        arrived.append(number)

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for signal_number in arrived:
        signal.raise_signal(signal_number)
