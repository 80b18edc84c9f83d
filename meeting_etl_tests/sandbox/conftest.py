from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from meeting_etl.sandbox.api import Sandbox
from meeting_etl.sandbox.world import demo_world, guide_world
from meeting_etl_tests.clocks import ManualClock

UNTIL = datetime(2026, 3, 12, 15, 20, tzinfo=UTC)


@pytest.fixture(scope="session")
def demo() -> Iterator[Sandbox]:
    """A demo world at the moment up to which it was made."""
    with Sandbox(demo_world(5, UNTIL, meetings=120), ManualClock(UNTIL)) as webex:
        yield webex


@pytest.fixture(scope="session")
def guide() -> Iterator[Sandbox]:
    with Sandbox(guide_world(), ManualClock(UNTIL)) as webex:
        yield webex
