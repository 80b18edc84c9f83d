"""A commit is whole before Ctrl-C or SIGTERM ends what it is part of."""

import signal
import threading
from collections.abc import Iterator

import pytest

from meeting_etl.pipeline.fetch.uninterrupted import uninterrupted


@pytest.fixture(params=["SIGINT", "SIGTERM"])
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal whose handler raises, as in a step of Dagster."""
    signals = signal.SIGINT, signal.SIGTERM
    before = [signal.signal(each, signal.default_int_handler) for each in signals]
    yield signal.Signals[request.param]
    for each, handler in zip(signals, before, strict=True):
        signal.signal(each, handler)


def test_a_signal_waits_for_the_end_of_the_block(number: signal.Signals) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        done.append("begun")
        signal.raise_signal(number)
        done.append("whole")
    assert done == ["begun", "whole"]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)  # the handlers are those of before


def test_an_error_of_the_block_comes_before_a_signal(number: signal.Signals) -> None:
    with pytest.raises(ValueError, match="disk"), uninterrupted():
        signal.raise_signal(number)
        raise ValueError("disk")


def test_other_threads_have_no_signals(number: signal.Signals) -> None:
    entered = []

    def enter() -> None:
        with uninterrupted():
            entered.append(signal.getsignal(number))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert entered == [signal.default_int_handler]
