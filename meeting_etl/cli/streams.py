"""Standard output and error: encodings, failed writes, redirections by Dagster, libraries' logs.

Belongs here: file descriptors, and what reaches them beside our own output. Does not: what our
output is (display.py, formats.py).
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO


def prepare() -> None:
    """Open what was closed, and write characters that stdout's encoding lacks as escapes.

    A scheduler may start a process with its streams closed. Python has None for them then, and the
    next file that is opened, a table perhaps, would get the number of stdout.

    What libraries log goes to stderr, but not an interruption: they log it with its traceback as an
    error of what it happened to end, such as the closing of a connection, and raise it then.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if logging.lastResort is not None:
        logging.lastResort.addFilter(_is_no_interruption)


def _is_no_interruption(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return error is None or isinstance(error, Exception)


def drop_unwritten() -> None:
    """Discard what could not be written, or Python tries it again at exit and complains."""
    with suppress(OSError, ValueError):
        _redirect(sys.stdout, os.open(os.devnull, os.O_WRONLY))


@contextmanager
def original_stderr() -> Iterator[TextIO]:
    """Today's stderr as a stream of its own, also while Dagster redirects the process's output."""
    stderr = os.dup(sys.stderr.fileno())
    with os.fdopen(stderr, "w", encoding=sys.stderr.encoding, errors="backslashreplace") as stream:
        yield stream


@contextmanager
def restored() -> Iterator[None]:
    """Restore stdout and stderr at the end.

    Dagster redirects them to files while a step runs. On a full disk it fails before it restores
    them, and all later messages would be lost.
    """
    with ExitStack() as stack:
        for stream in (sys.stdout, sys.stderr):
            before = os.dup(stream.fileno())
            stack.callback(os.close, before)
            stack.callback(_redirect, stream, before)
        yield


def _redirect(stream: TextIO, target: int) -> None:
    """Redirect a stream to a file descriptor; what its old target refuses is dropped."""
    try:
        stream.flush()
    except OSError:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
            stream.flush()
    os.dup2(target, stream.fileno())
