from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind, World
from meeting_etl.sandbox.world.worlds import demo_world, guide_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.small import NOW, small_world
from meeting_etl_tests.sandbox.walker import Walker

# The walkers look at everything at once.
ANY_WINDOW = Faults(longest_window_days=0)
UNTIL = datetime(2026, 3, 12, 15, 20, tzinfo=UTC)
OpenWalker = Callable[..., Walker]
Serve = Callable[..., Sandbox]


@pytest.fixture(scope="session")
def demo() -> Iterator[Sandbox]:
    """A demo world at the moment up to which it was made."""
    with Sandbox(demo_world(5, UNTIL, meetings=120), ManualClock(UNTIL), ANY_WINDOW) as webex:
        yield webex


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    """For tests that change nothing."""
    with Sandbox(small_world(), ManualClock(NOW)) as webex:
        yield webex


@pytest.fixture(scope="session")
def guide() -> Iterator[Sandbox]:
    with Sandbox(guide_world(), ManualClock(UNTIL), ANY_WINDOW) as webex:
        yield webex


@pytest.fixture(scope="module")
def running() -> Iterator[list[Sandbox]]:
    """Sandboxes that are stopped together, because each needs a moment to stop.

    After each module, since every server that idles on takes time from all later tests.
    """
    found: list[Sandbox] = []
    yield found
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda webex: webex.__exit__(None, None, None), found))


@pytest.fixture
def serve(running: list[Sandbox]) -> Serve:
    """Serves a world at a moment, with faults by name."""

    def start(world: World, now: datetime = UNTIL, **faults: Any) -> Sandbox:
        webex = Sandbox(world, ManualClock(now), Faults(**{"longest_window_days": 0, **faults}))
        running.append(webex.__enter__())
        return webex

    return start


@pytest.fixture
def open_walker() -> Iterator[OpenWalker]:
    """Opens a walker, which is closed at the end of the test."""
    with ExitStack() as stack:

        def start(webex: Sandbox, kind: Kind = "user") -> Walker:
            return stack.enter_context(Walker(webex, kind))

        yield start
