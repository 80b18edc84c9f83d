"""Notes Ctrl-C and SIGTERM while Dagster executes runs in this process.

Belongs here: the interruptions that Dagster forgets. Does not: what an interrupted run leaves
(pipeline/), what the command says then (cli/run_report.py).
"""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = {signal.SIGINT, signal.SIGTERM}


@contextmanager
def noted_interrupts() -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether this process was interrupted since the block began.

    While a run executes, Dagster replaces the handler of SIGINT by one that raises only inside of a
    step. An interruption after the last step is forgotten when the run ends, and the next run would
    begin. Python writes every signal to the wakeup file descriptor, whatever its handler is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # signals reach only the main thread
        return
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        previous = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield lambda: _interrupted(reader)
        finally:
            signal.set_wakeup_fd(previous)


def _interrupted(reader: socket.socket) -> bool:
    try:
        return not _SIGNALS.isdisjoint(reader.recv(4096))
    except BlockingIOError:
        return False
