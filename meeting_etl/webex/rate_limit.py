"""Rate limit: one rate and one Retry-After pause for all threads and processes.

Belongs here: waiting until the next request may be sent. Does not: when that is, on which all
processes agree (bucket.py), reading Retry-After (responses.py).
"""

import threading

from meeting_etl.errors import ApiUnavailable, Stopped
from meeting_etl.times import Clock, format_timestamp
from meeting_etl.webex.bucket import Bucket

_RECHECK_SECONDS = 5.0
_CANCEL_CHECK_SECONDS = 0.5


class RateLimiter:
    """Requests are sent when the bucket has a slot for them.

    No Retry-After is waited for longer than `max_wait_seconds`. Methods raise StorageError when the
    bucket cannot be used.
    """

    def __init__(self, bucket: Bucket, clock: Clock, *, max_wait_seconds: float) -> None:
        self._bucket = bucket
        self._clock = clock
        self.max_wait_seconds = max_wait_seconds
        # One thread of a process at a time waits for a slot. The others queue here instead of
        # waking up together for a slot that only one of them can have.
        self._turn = threading.Lock()
        self._thread = threading.local()

    def cancel_on(self, stop: threading.Event) -> None:
        """In the calling thread, raise Stopped instead of waiting once `stop` is set."""
        self._thread.stop = stop

    def acquire(self) -> None:
        """Wait until one request may be sent, and take its slot.

        Raises Stopped, and ApiUnavailable, with the moment, when a pause lasts longer than
        max_wait_seconds.
        """
        with self._turn:
            self._check_cancelled()
            while (seconds := self._bucket.take()) > 0:
                if seconds > self.max_wait_seconds:
                    self._check_pause()
                # In steps, so that a pause that begins meanwhile and is too long is noticed soon.
                self.sleep(min(seconds, _RECHECK_SECONDS))

    def sleep(self, seconds: float) -> None:
        """Wait. Raises Stopped."""
        if self._stop is None:
            self._clock.sleep(seconds)
            return
        while seconds > 0:
            self._clock.sleep(min(seconds, _CANCEL_CHECK_SECONDS))
            self._check_cancelled()
            seconds -= _CANCEL_CHECK_SECONDS

    def pause(self, seconds: float) -> None:
        """Let nobody send for so many seconds; a pause that ends later stays."""
        self._bucket.pause(seconds)

    @property
    def _stop(self) -> threading.Event | None:
        return getattr(self._thread, "stop", None)

    def _check_cancelled(self) -> None:
        if self._stop is not None and self._stop.is_set():
            raise Stopped("The run was asked to end; the next run continues from here.")

    def _check_pause(self) -> None:
        """A low rate, unlike a pause, may make a request wait for as long as it takes."""
        if (retry_at := self._bucket.paused_until()) is not None:
            raise ApiUnavailable(
                f"Webex accepts no requests before {format_timestamp(retry_at)} (Retry-After), "
                f"longer than WEBEX_MAX_WAIT_SECONDS ({self.max_wait_seconds:g} s); run again "
                "then.",
                retry_at,
            )
