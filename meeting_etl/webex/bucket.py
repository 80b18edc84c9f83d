"""Bucket: the rate and the Retry-After pause that all processes share.

Belongs here: what a kind of bucket must do, and the local kind, in one small file. Does not:
waiting, and a pause that is too long (rate_limit.py).

It is a token bucket, stored as GCRA stores it: one number, the theoretical arrival time, which each
request moves on by one interval. Wall time, because processes share it.
"""

import io
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from meeting_etl.files import Files
from meeting_etl.state import locked_file
from meeting_etl.times import Clock

LONGEST_PAUSE_SECONDS = 7 * 86_400.0
# The wall clock counts microseconds: less than one cannot be waited for.
_NO_TIME_SECONDS = 1e-6


class Bucket(Protocol):
    """Slots for requests: a burst after a quiet time, then one each interval, none in a pause.

    All methods raise StorageError.
    """

    def take(self) -> float:
        """0.0 once a slot is taken, else the seconds to wait before trying again."""

    def pause(self, seconds: float) -> None:
        """Give nobody a slot for so long, at most LONGEST_PAUSE_SECONDS.

        A pause that ends later stays. The bucket is empty when the pause ends, so that waiting
        requests leave one by one.
        """

    def paused_until(self) -> datetime | None:
        """When the current pause ends (aware, UTC); None when there is none."""


@dataclass(frozen=True)
class _Content:
    """The file's content, in seconds since the epoch."""

    arrival_at: float
    not_before_at: float
    written_at: float


_EMPTY = _Content(0.0, 0.0, 0.0)


class FileBucket:
    """A bucket in a file below state/, locked while it changes; damaged content counts as none.

    0 requests a minute disables the rate: only pauses delay requests.
    """

    def __init__(
        self,
        files: Files,
        clock: Clock,
        *,
        requests_per_minute: float,
        burst: int = 10,
        name: str = "pace",
    ) -> None:
        self._files = files
        self._file = f"state/{name}"
        self._clock = clock
        self._interval_seconds = 60 / requests_per_minute if requests_per_minute else 0.0
        self._tolerance_seconds = (burst - 1) * self._interval_seconds

    def take(self) -> float:
        with locked_file(self._files, self._file) as file:
            now = self._now()
            content = self._read(file, now)
            slot_at = content.arrival_at - self._tolerance_seconds
            for at in (content.not_before_at, slot_at):
                if at - now > _NO_TIME_SECONDS:
                    return at - now
            if self._interval_seconds:
                arrival_at = max(content.arrival_at, now) + self._interval_seconds
                self._write(file, _Content(arrival_at, content.not_before_at, now))
            return 0.0

    def pause(self, seconds: float) -> None:
        with locked_file(self._files, self._file) as file:
            now = self._now()
            content = self._read(file, now)
            until = now + min(seconds, LONGEST_PAUSE_SECONDS)
            if until > content.not_before_at:
                arrival_at = max(content.arrival_at, until + self._tolerance_seconds)
                self._write(file, _Content(arrival_at, until, now))

    def paused_until(self) -> datetime | None:
        with locked_file(self._files, self._file) as file:
            now = self._now()
            until = self._read(file, now).not_before_at
        return datetime.fromtimestamp(until, UTC) if until - now > _NO_TIME_SECONDS else None

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _read(self, file: io.FileIO, now: float) -> _Content:
        """The content, corrected for a clock that was set back and for another rate."""
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
        content = _Content(min(arrival_at, full_at), not_before_at, now)
        if back_seconds or arrival_at > full_at:
            self._write(file, content)  # once: both are measured from now, and that moves on
        return content

    def _write(self, file: io.FileIO, content: _Content) -> None:
        times = (content.arrival_at, content.not_before_at, content.written_at)
        text = " ".join(f"{at:017.6f}" for at in times) + "\n"
        with self._files.translate_errors(self._file):
            file.seek(0)
            file.write(text.encode())
            file.truncate()
