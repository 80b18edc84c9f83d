"""Retry: how often one request is sent again, and the delays in between.

Belongs here: attempts, backoff and jitter of a single request. Does not: which faults are transient
(responses.py), nor what pauses all requests (rate_limit.py).
"""

import logging
from random import Random

from meeting_etl.webex.rate_limit import RateLimiter
from meeting_etl.webex.transport import Limits, TransientError

_LOG = logging.getLogger(__name__)


class RetryState:
    """The attempts of one request. `failures` is how often it was sent and failed."""

    def __init__(
        self,
        rate_limiter: RateLimiter,
        random: Random,
        limits: Limits,
        attempts: int | None = None,
    ) -> None:
        self._rate_limiter = rate_limiter
        self._random = random
        self._limits = limits
        self._attempts_left = attempts or limits.attempts
        self._rate_limit_retries_left = limits.rate_limit_retries
        self._backoff_seconds = limits.backoff_seconds
        self._retry_after_seconds_left = rate_limiter.max_wait_seconds
        self.failures = 0

    def wait_or_give_up(self, error: TransientError, *, is_down: bool) -> bool:
        """Wait as this fault demands and return True, or False when no attempt is left.

        A Retry-After for this request alone keeps its thread waiting, so all of them together may
        last as long as a pause of all requests may.
        """
        self.failures += 1
        if error.consumes_attempt:
            self._attempts_left -= 1
        else:
            self._rate_limit_retries_left -= 1
        own_seconds = None if error.pauses_all else error.retry_after_seconds
        if error.retry_after_seconds is not None and error.pauses_all:
            self._rate_limiter.pause(error.retry_after_seconds)
        if own_seconds is not None:
            self._retry_after_seconds_left -= own_seconds
        if self._retry_after_seconds_left < 0:
            return False
        if self._attempts_left <= 0 or self._rate_limit_retries_left <= 0:
            return False
        if is_down and error.consumes_attempt:
            return False
        _LOG.info("%s; retrying", error)
        if own_seconds is not None:
            self._rate_limiter.sleep(own_seconds)
        elif error.retry_after_seconds is None:
            self._rate_limiter.sleep(self._random.uniform(0, self._backoff_seconds))
            self._backoff_seconds = min(
                self._backoff_seconds * 2, self._limits.longest_backoff_seconds
            )
        return True
