"""The rate limit and the quiet that it asks for (docs/webex-api-notes.md).

Belongs here: counting requests against the rate, and 429. Does not: other faults
(sandbox/faults/injection.py).
"""

import math
from datetime import timedelta
from email.utils import format_datetime

from meeting_etl.sandbox.api.answers import Refusal
from meeting_etl.sandbox.counters import Counters
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.times import Clock

# Requests this soon after a 429 were under way already: refused, but not counted as disobedient.
_UNDER_WAY_SECONDS = 0.05


class RateLimit:
    """A bucket of `burst` requests, filled at the rate, and the quiet that a 429 asks for."""

    def __init__(self, faults: Faults, clock: Clock, counters: Counters) -> None:
        self._faults = faults
        self._clock = clock
        self._counters = counters
        self._left = float(faults.burst)
        self._filled_at = clock.monotonic()
        self._announced_at = self._quiet_until = -math.inf

    def admit(self) -> None:
        """Let a request pass; refuses with 429."""
        if not self._faults.requests_per_second:
            return
        now = self._clock.monotonic()
        if now < self._quiet_until:
            if now - self._announced_at >= _UNDER_WAY_SECONDS:
                self._counters.note_disobedience()
            raise self._refusal(self._quiet_until - now)
        fresh = (now - self._filled_at) * self._faults.requests_per_second
        self._left = min(self._left + fresh, self._faults.burst)
        self._filled_at = now
        if self._left >= 1:
            self._left -= 1
            return
        self._announced_at, self._quiet_until = now, now + self._faults.retry_after_seconds
        raise self._refusal(self._faults.retry_after_seconds)

    def _refusal(self, seconds: float) -> Refusal:
        self._counters.note_injected("rate_limit")
        whole = max(1, math.ceil(seconds))
        told = str(whole)
        if self._faults.retry_after == "nonsense":
            told = "rand(30),add(30)"
        if self._faults.retry_after == "date":
            # One second more, because the date has no fractions.
            told = format_datetime(self._clock.now() + timedelta(seconds=whole + 1), usegmt=True)
        html = self._faults.retry_after == "html"
        return Refusal(429, "Too many requests.", html=html, retry_after=told)
