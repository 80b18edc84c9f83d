"""The rate limit and the pause that it demands (docs/webex-api-notes.md).

Belongs here: counting requests against the rate, and 429. Does not: other forms of Retry-After
(sandbox/faults/faulty_api.py).
"""

import math
from collections.abc import Callable

from meeting_etl.sandbox.counters import Counters
from meeting_etl.sandbox.layers import Refusal
from meeting_etl.times import Clock

# Requests this soon after a 429 were under way already: refused, but not counted as disobedient.
_UNDER_WAY_SECONDS = 0.05


class RateLimits:
    """A rate limit for each owner of tokens, as made by `new`: owners do not slow each other."""

    def __init__(self, new: Callable[[], "RateLimit"]) -> None:
        self._new = new
        self._of_owner: dict[str, RateLimit] = {}

    def admit(self, owner: str) -> None:
        """Let a request of an owner pass; refuses with 429."""
        if owner not in self._of_owner:
            self._of_owner[owner] = self._new()
        self._of_owner[owner].admit()


class RateLimit:
    """A bucket of `burst` requests, filled at the rate, and the pause that a 429 demands.

    A rate of 0 admits everything.
    """

    def __init__(
        self,
        requests_per_second: float,
        burst: int,
        retry_after_seconds: int,
        clock: Clock,
        counters: Counters,
    ) -> None:
        self._requests_per_second = requests_per_second
        self._burst = burst
        self._retry_after_seconds = retry_after_seconds
        self._clock = clock
        self._counters = counters
        self._left = float(burst)
        self._filled_at = clock.monotonic()
        self._paused_at = self._paused_until = -math.inf

    def admit(self) -> None:
        """Let a request pass; refuses with 429."""
        if not self._requests_per_second:
            return
        now = self._clock.monotonic()
        if now < self._paused_until:
            if now - self._paused_at >= _UNDER_WAY_SECONDS:
                self._counters.note_disobedience()
            raise self._refusal(self._paused_until - now)
        fresh = (now - self._filled_at) * self._requests_per_second
        self._left = min(self._left + fresh, self._burst)
        self._filled_at = now
        if self._left >= 1:
            self._left -= 1
            return
        self._paused_at, self._paused_until = now, now + self._retry_after_seconds
        raise self._refusal(self._retry_after_seconds)

    def _refusal(self, seconds: float) -> Refusal:
        self._counters.note_injected("rate_limit")
        whole = max(1, math.ceil(seconds))
        return Refusal(429, "Too many requests.", retry_after=str(whole))
