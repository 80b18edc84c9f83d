"""Time: the clock that is handed in, timestamps as text, UTC days and spans of days.

Belongs here: everything that knows what a timestamp or a UTC day is, and the only calls of the
system clock in the package. Does not: when something is due (pipeline/ledger/ledger.py).
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
    """The only source of the present. Tests hand in one that they move by hand."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never run backwards, for measuring."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; nothing for zero or less."""
        if seconds > 0:
            time.sleep(seconds)


class FastClock(Clock):
    """Another time, which begins at `start` and passes `speed` times as fast as the real one.

    Only `now` is of that time: waiting and measuring stay real, for whoever waits for a disk or a
    socket. Safe to use from several threads.
    """

    def __init__(self, start: datetime, speed: float) -> None:
        self._speed = speed
        # One tuple, so that no thread ever sees half of a jump.
        self._from = (start, self.monotonic())

    def now(self) -> datetime:
        """The present of that time, aware, in UTC."""
        start, since = self._from
        return start + timedelta(seconds=(self.monotonic() - since) * self._speed)

    def jump(self, to: datetime) -> None:
        """Go on from there, from now on; nothing when that is past, since time never runs back."""
        if to > self.now():
            self._from = (to, self.monotonic())


def parse_timestamp(text: str) -> datetime | None:
    """Read an ISO 8601 timestamp into an aware UTC datetime.

    Without an offset it is taken as UTC. The epoch (1970-01-01T00:00:00Z) is None: Webex writes it
    for "not known yet" (T26). Raises ValueError for anything that is not a date *and*
    a time of day.
    """
    if len(text) < 16 or text[10] not in "Tt ":
        raise ValueError("not an ISO 8601 date and time")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not UTC:
        try:
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("a timestamp outside of the calendar") from error
    return None if moment == EPOCH else moment


def format_timestamp(moment: datetime) -> str:
    """`2021-05-14T20:26:54Z`, with milliseconds where there are any: the form that Webex takes."""
    moment = moment.astimezone(UTC)
    spec = "milliseconds" if moment.microsecond else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def utc_day(moment: datetime) -> date:
    """The UTC date on which the moment lies: the partition of a meeting that ended then."""
    return moment.astimezone(UTC).date()


def start_of(day: date) -> datetime:
    """Midnight UTC at which the day begins."""
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

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


def spans(
    days: Iterable[date], *, bridge_days: int = 0, longest_days: int | None = None
) -> list[Span]:
    """Join days into as few spans as cover them, oldest first.

    Up to `bridge_days` days that were not asked for may lie between two days of one span. Spans of
    more than `longest_days` are cut, from their newest day on.
    """
    found: list[Span] = []
    for day in sorted(set(days), reverse=True):
        joins = found and (found[-1].first - day).days <= bridge_days + 1
        if joins and (longest_days is None or (found[-1].last - day).days < longest_days):
            found[-1] = Span(day, found[-1].last)
        else:
            found.append(Span(day, day))
    return found[::-1]
