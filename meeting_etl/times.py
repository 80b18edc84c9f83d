"""Time: the clock, timestamps as text, UTC days and spans of days.

Belongs here: everything that knows what a timestamp or a UTC day is, and the only calls of the
system clock in the package. Does not: when something is due (pipeline/ledger/).
"""

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_days(text: str) -> int | None:
    """A number of days written as in 400d, at least one; None for any other text."""
    found = re.fullmatch(r"([1-9]\d{0,4})d", text.strip())
    return int(found[1]) if found else None


def parse_day(text: str) -> date | None:
    """A day written as YYYY-MM-DD and not otherwise; None for any other text."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


class Clock:
    """The only source of the current time. Tests pass one that they set themselves."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never run backwards, for measuring durations."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; returns immediately for zero or less."""
        if seconds > 0:
            time.sleep(seconds)


class FastClock(Clock):
    """A clock that starts at `start` and runs `speed` times as fast as the real one.

    Only `now` is accelerated: sleeping and measuring stay real, for code that waits for a disk or a
    socket. Safe to use from several threads.
    """

    def __init__(self, start: datetime, speed: float) -> None:
        self._speed = speed
        # One tuple, so that no thread sees half of a jump.
        self._from = (start, self.monotonic())

    def now(self) -> datetime:
        """The accelerated time, aware, in UTC."""
        start, since = self._from
        return start + timedelta(seconds=(self.monotonic() - since) * self._speed)

    def jump(self, to: datetime) -> None:
        """Continue from `to`; no effect when that is past, since time never runs backwards."""
        if to > self.now():
            self._from = (to, self.monotonic())


def parse_timestamp(text: str) -> datetime | None:
    """Parse an ISO 8601 timestamp into an aware UTC datetime.

    Without an offset it is UTC. The epoch (1970-01-01T00:00:00Z) is None: Webex writes it
    for "not known yet" (T26). Raises ValueError for anything but a date *and* a
    time of day.
    """
    if len(text) < 16 or text[10] not in "Tt ":
        raise ValueError("not an ISO 8601 date and time")
    # RFC 3339 allows a small z as well as a small t, fromisoformat() only the latter.
    moment = datetime.fromisoformat(f"{text[:-1]}Z" if text[-1] == "z" else text)
    if moment.tzinfo is not UTC:
        try:
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("a timestamp outside the calendar") from error
    return None if moment == EPOCH else moment


def format_timestamp(moment: datetime) -> str:
    """`2021-05-14T20:26:54Z`, with milliseconds if there are any: the format that Webex accepts."""
    moment = moment.astimezone(UTC)
    spec = "milliseconds" if moment.microsecond else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def utc_day(moment: datetime) -> date:
    """The UTC date of a moment: the partition of a meeting that ended then."""
    return moment.astimezone(UTC).date()


def start_of(day: date) -> datetime:
    """Midnight UTC at the start of the day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def round_up(moment: datetime, step: timedelta) -> datetime:
    """The first multiple of `step` since the epoch that is not before `moment`."""
    return moment + (EPOCH - moment) % step


@dataclass(frozen=True, order=True)
class Span:
    """The days from `first` to `last`, both included."""

    first: date
    last: date

    def __iter__(self) -> Iterator[date]:
        for number in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=number)

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


def last_days(now: datetime, count: int) -> Span:
    """So many UTC days before today."""
    today = utc_day(now)
    return Span(today - timedelta(days=count), today - timedelta(days=1))


def spans(days: Iterable[date], *, bridge_days: int = 0) -> list[Span]:
    """As few spans as cover the days, oldest first.

    Gaps of up to `bridge_days` days between two days of a span are included.
    """
    found: list[Span] = []
    for day in sorted(set(days)):
        if found and (day - found[-1].last).days <= bridge_days + 1:
            found[-1] = Span(found[-1].first, day)
        else:
            found.append(Span(day, day))
    return found
