"""Rate limit: one rate and one Retry-After pause for all threads and processes.

Belongs here: when the next request may be sent, and the small file through which all processes that
share the data folder agree on that. Does not: reading Retry-After (responses.py).

The rate is a token bucket, stored as GCRA stores it: one number, the theoretical arrival time,
which each request moves on by one interval. Wall time, because processes share it.
"""

import math
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from meeting_etl.errors import ApiUnavailable, Stopped, StorageError
from meeting_etl.files import Files
from meeting_etl.state import locked_file
from meeting_etl.times import Clock, format_timestamp

_FILE = "state/pace"
LONGEST_PAUSE_SECONDS = 7 * 86_400.0
_RECHECK_SECONDS = 5.0
_CANCEL_CHECK_SECONDS = 0.5
# The wall clock counts microseconds: less than one cannot be waited for.
_NO_TIME_SECONDS = 1e-6


@dataclass(frozen=True)
class _State:
    """The file's content, in seconds since the epoch."""

    arrival_at: float
    not_before_at: float
    written_at: float


_EMPTY = _State(0.0, 0.0, 0.0)


class RateLimiter:
    """At most `requests_per_minute`, up to `burst` immediately after a quiet time, none in a pause.

    No Retry-After is waited for longer than `max_wait_seconds`. 0 requests a minute disables the
    rate: only pauses delay requests. All methods raise StorageError when the file cannot be used.
    Damaged content counts as none.
    """

    def __init__(
        self,
        files: Files,
        clock: Clock,
        *,
        requests_per_minute: float,
        max_wait_seconds: float,
        burst: int = 10,
    ) -> None:
        self._files = files
        self._clock = clock
        self.max_wait_seconds = max_wait_seconds
        self._interval_seconds = 60 / requests_per_minute if requests_per_minute else 0.0
        self._tolerance_seconds = (burst - 1) * self._interval_seconds
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
            while (seconds := self._try_acquire()) > 0:
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

    @property
    def _stop(self) -> threading.Event | None:
        return getattr(self._thread, "stop", None)

    def _check_cancelled(self) -> None:
        if self._stop is not None and self._stop.is_set():
            raise Stopped("The run was asked to end; the next run continues from here.")

    def pause(self, seconds: float) -> None:
        """Let nobody send for so many seconds; a pause that ends later stays.

        The bucket is empty when the pause ends, so that waiting requests leave one by one.
        """
        with locked_file(self._files, _FILE) as file:
            now = self._now()
            state = self._read(file, now)
            until = now + min(seconds, LONGEST_PAUSE_SECONDS)
            if until > state.not_before_at:
                arrival_at = max(state.arrival_at, until + self._tolerance_seconds)
                self._write(file, _State(arrival_at, until, now))

    def paused_until(self) -> datetime | None:
        """When the current pause ends (aware, UTC); None when there is none."""
        with locked_file(self._files, _FILE) as file:
            now = self._now()
            until = self._read(file, now).not_before_at
        return datetime.fromtimestamp(until, UTC) if until - now > _NO_TIME_SECONDS else None

    def _try_acquire(self) -> float:
        """0.0 once the slot is taken, else the seconds to wait before trying again."""
        with locked_file(self._files, _FILE) as file:
            now = self._now()
            state = self._read(file, now)
            if state.not_before_at - now > _NO_TIME_SECONDS:
                return self._pause_seconds(state.not_before_at, now)
            slot_at = state.arrival_at - self._tolerance_seconds
            if slot_at - now > _NO_TIME_SECONDS:
                return slot_at - now
            if self._interval_seconds:
                arrival_at = max(state.arrival_at, now) + self._interval_seconds
                self._write(file, _State(arrival_at, state.not_before_at, now))
            return 0.0

    def _pause_seconds(self, not_before_at: float, now: float) -> float:
        if not_before_at - now <= self.max_wait_seconds:
            return not_before_at - now
        retry_at = datetime.fromtimestamp(not_before_at, UTC)
        raise ApiUnavailable(
            f"Webex accepts no requests before {format_timestamp(retry_at)} (Retry-After), longer "
            f"than WEBEX_MAX_WAIT_SECONDS ({self.max_wait_seconds:g} s); run again then.",
            retry_at,
        )

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _read(self, file: IO[bytes], now: float) -> _State:
        """The state, corrected for a clock that was set back and for another rate."""
        try:
            arrival_at, not_before_at, written_at = map(float, file.read(256).split())
        except ValueError:
            return _EMPTY
        if not math.isfinite(arrival_at + not_before_at + written_at):
            return _EMPTY
        if not_before_at - written_at > LONGEST_PAUSE_SECONDS + 1:
            return _EMPTY
        # Written in the future: the wall clock has been set back, and all times move with it.
        back_seconds = max(0.0, written_at - now)
        arrival_at, not_before_at = arrival_at - back_seconds, not_before_at - back_seconds
        # A fuller bucket than possible can only come from another rate or another program.
        full_at = max(now, not_before_at) + self._tolerance_seconds + self._interval_seconds
        state = _State(min(arrival_at, full_at), not_before_at, now)
        if back_seconds or arrival_at > full_at:
            self._write(file, state)  # once: both are measured from now, and that moves on
        return state

    def _write(self, file: IO[bytes], state: _State) -> None:
        text = f"{state.arrival_at:017.6f} {state.not_before_at:017.6f} {state.written_at:017.6f}\n"
        try:
            file.seek(0)
            file.write(text.encode())
            file.truncate()
        except OSError as error:
            raise StorageError(
                f"Cannot write {self._files.path(_FILE)}: {error.strerror or error}; "
                "free some disk space or check the permissions and run again."
            ) from error
