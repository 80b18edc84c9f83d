"""Due days: the days with open work, closed when they have settled or were pruned.

Belongs here: what is known of such a day, what a queue of them must do, and the local kind, in
small files. Does not: when a due day changes (ledger.py), removing what is pruned
(pipeline/prune.py).
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from meeting_etl.lake.floors import EVERYTHING, Floors
from meeting_etl.schemas import FOLDED
from meeting_etl.state import State
from meeting_etl.storage import Storage
from meeting_etl.times import format_timestamp, parse_day, parse_timestamp

# In lake/, as the floors are (lake/floors.py).
_FOLDER = "lake/due_days"
_LOCK = "due_days"


@dataclass(frozen=True)
class DueDay:
    """The open work of a day: its next attempt, how many work items that is, and news.

    `news`: meeting id → resources of webhooks that new events are about. `files_due_at` is the next
    attempt of downloads, which have runs of their own. `everything`: all meetings of the day count
    as having news of all resources, for a refetch or because the file was damaged.
    """

    due_at: datetime | None = None
    version: int = 0
    news: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files_due_at: datetime | None = None
    everything: bool = False
    due_items: int = 0

    @property
    def next_at(self) -> datetime | None:
        """When the day's next attempt is, downloads included; None when there is none."""
        return min((at for at in (self.due_at, self.files_due_at) if at), default=None)

    @property
    def is_open(self) -> bool:
        """Whether there is work, now or later."""
        return self.everything or bool(self.news) or self.next_at is not None

    def is_due(self, now: datetime) -> bool:
        """Whether there is work now, downloads aside."""
        return (
            self.everything or bool(self.news) or (self.due_at is not None and self.due_at <= now)
        )


@dataclass
class OpenWork:
    """A due day that nobody else changes meanwhile; `due` is stored when the block ends well."""

    due: DueDay


class Queue(Protocol):
    """Days with open work, and the prune floor: older days are never opened again.

    All methods raise StorageError.
    """

    def floor(self) -> date:
        """The first day that was never pruned; the first of all dates when none was."""

    def raise_floor(self, before: date) -> None:
        """Close the days before `before`, whatever is open, for the future too."""

    def open_days(self) -> dict[date, DueDay]:
        """All days with open work, newest first. The cost follows these days, not the history."""

    def due_day(self, day: date) -> DueDay:
        """The open work of one day; none when it is closed."""

    def swap(self, day: date) -> AbstractContextManager[OpenWork]:
        """Read and change the open work of a day. Without any it is closed."""


class DayQueue(ABC):
    """A queue whose days are small documents; kinds differ in where these are.

    The floor is that of everything, in the lake.
    """

    def __init__(self, files: Storage, state: State) -> None:
        self._state = state
        self._floors = Floors(files, state)

    def floor(self) -> date:
        return self._floors.all().get(EVERYTHING, date.min)

    def raise_floor(self, before: date) -> None:
        with self._state.lock(_LOCK):
            self._floors.raise_to({EVERYTHING: before})
            for day in self._all():
                if day < before:
                    self._remove(day)

    def open_days(self) -> dict[date, DueDay]:
        floor = self.floor()
        days = sorted(self._all().items(), reverse=True)
        return {day: _parse(content) for day, content in days if day >= floor}

    def due_day(self, day: date) -> DueDay:
        content = self._get(day)
        return DueDay() if content is None else _parse(content)

    @contextmanager
    def swap(self, day: date) -> Iterator[OpenWork]:
        with self._state.lock(_LOCK):
            work = OpenWork(before := self.due_day(day))
            yield work
            due = work.due if day >= self.floor() else DueDay()
            self._state.check_held()
            if due != before and due.is_open:
                self._put(day, _format(due))
            elif due != before:
                self._remove(day)

    @abstractmethod
    def _all(self) -> Mapping[date, bytes]:
        """The documents of all days."""

    @abstractmethod
    def _get(self, day: date) -> bytes | None:
        """The document of a day, if it has one."""

    @abstractmethod
    def _put(self, day: date, content: bytes) -> None:
        """Replace the document of a day."""

    @abstractmethod
    def _remove(self, day: date) -> None:
        """Remove the document of a day, if it has one."""


class FileQueue(DayQueue):
    """A small file for each open day in lake/due_days/."""

    def __init__(self, files: Storage, state: State) -> None:
        super().__init__(files, state)
        self._files = files

    def has_files(self) -> bool:
        """Whether there is any day, pruned ones included."""
        return bool(self._all())

    def remove_files(self) -> None:
        """Close all days, whatever is open, as when they were moved to another queue."""
        with self._state.lock(_LOCK):
            for day in self._all():
                self._remove(day)

    def _all(self) -> dict[date, bytes]:
        found = {}
        for name in self._files.names(_FOLDER):
            day = parse_day(name.removesuffix(".json")) if name.endswith(".json") else None
            if day is not None and (content := self._get(day)) is not None:
                found[day] = content
        return found

    def _get(self, day: date) -> bytes | None:
        return self._files.read_bytes(_file(day))

    def _put(self, day: date, content: bytes) -> None:
        self._files.replace_bytes(_file(day), content)

    def _remove(self, day: date) -> None:
        self._files.remove(_file(day))


def _parse(content: bytes) -> DueDay:
    try:
        stored = json.loads(content)
        # Files of earlier versions have no downloads and no number of items.
        due_at, files_due_at = (
            parse_timestamp(text) if text else None
            for text in (stored["due_at"], stored.get("files_due_at"))
        )
        news, version = stored["news"], stored["version"]
        if isinstance(news, list):
            # Of an earlier version: ids of meetings, whatever the events are about.
            news = dict.fromkeys(news, FOLDED)
        news = {meeting_id: tuple(resources) for meeting_id, resources in news.items()}
        everything, due_items = stored.get("everything", False), int(stored.get("due_items", 0))
        return DueDay(due_at, version, news, files_due_at, everything, due_items)
    except (ValueError, TypeError, KeyError, AttributeError):
        # All that was in it can be found again: the whole day is folded.
        return DueDay(everything=True)


def _format(due: DueDay) -> bytes:
    content = {
        "due_at": format_timestamp(due.due_at) if due.due_at else None,
        "files_due_at": format_timestamp(due.files_due_at) if due.files_due_at else None,
        "version": due.version,
        "news": due.news,
        "everything": due.everything,
        "due_items": due.due_items,
    }
    return json.dumps(content).encode()


def _file(day: date) -> str:
    return f"{_FOLDER}/{day}.json"
