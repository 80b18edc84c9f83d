"""A clock that stands still until a test moves it."""

import threading
from datetime import datetime, timedelta

from meeting_etl.times import Clock


class ManualClock(Clock):
    """Starts at `now`; sleeping moves it on at once, for all threads that share it."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._elapsed = 0.0
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        with self._lock:
            return self._elapsed

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            with self._lock:
                self.slept.append(seconds)
            self.advance(seconds=seconds)

    def advance(self, **by: float) -> None:
        """Move on by a timedelta given in words: `advance(hours=1)`."""
        step = timedelta(**by)
        with self._lock:
            self._now += step
            self._elapsed += step.total_seconds()
