"""Ctrl-C and SIGTERM while DuckDB works: it ends at once, as whatever the handler raised."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import duckdb
import pytest

from meeting_etl.lake.interruptible import interruptible

# A minute of work in one task of DuckDB.
SLOW = "SELECT sum(hash(a.range * b.range)) FROM range(100000) a, range(100000) b"
SOON_SECONDS = 20


class Ended(BaseException):
    """What a handler raises, as Dagster's does in a step."""


def end(_number: int, _frame: FrameType | None) -> None:
    raise Ended


@contextmanager
def sent_after(seconds: float, number: signal.Signals) -> Iterator[None]:
    before = signal.signal(number, end)
    timer = threading.Timer(seconds, os.kill, (os.getpid(), number))
    timer.start()
    try:
        yield
    finally:
        timer.join()
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_query_as_its_handler_says(number: signal.Signals) -> None:
    started_at = time.monotonic()
    with duckdb.connect() as connection:
        with sent_after(0.3, number), pytest.raises(Ended):
            interruptible(connection, lambda: connection.execute(SLOW).fetchall())
        assert time.monotonic() - started_at < SOON_SECONDS
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_a_signal_before_the_query_begins_ends_it_too() -> None:
    """DuckDB forgets an interruption that comes between two statements."""

    def work() -> None:
        time.sleep(0.5)
        connection.execute(SLOW).fetchall()

    started_at = time.monotonic()
    with duckdb.connect() as connection:
        with sent_after(0.1, signal.SIGINT), pytest.raises(Ended):
            interruptible(connection, work)
        assert time.monotonic() - started_at < SOON_SECONDS


def test_results_and_errors_are_those_of_the_work() -> None:
    with duckdb.connect() as connection:
        assert interruptible(connection, lambda: connection.execute("SELECT 7").fetchone()) == (7,)
        with pytest.raises(duckdb.ParserException, match="SELEKT"):
            interruptible(connection, lambda: connection.execute("SELEKT"))


def test_another_thread_works_by_itself() -> None:
    seen = []
    with duckdb.connect() as connection:
        thread = threading.Thread(
            target=lambda: seen.append(interruptible(connection, threading.current_thread))
        )
        thread.start()
        thread.join()
    assert seen == [thread]
