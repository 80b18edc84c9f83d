"""The day by the real clock, for tests of commands, which go by it, too."""

import time
from datetime import UTC, date, datetime, timedelta

# More than what a test does from here to its last command that depends on the day.
_LEFT = timedelta(minutes=1)


def today() -> date:
    """The UTC day, which does not end within a minute: commands that follow find the same day."""
    while True:
        now = datetime.now(UTC)
        if now.date() == (now + _LEFT).date():
            return now.date()
        time.sleep(1)
