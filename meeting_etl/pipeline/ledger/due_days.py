"""Due days: one small file for each day with open work, gone when the day has settled.

Belongs here: what is in such a file, reading and writing it. Does not: when it changes (ledger.py).
Callers that change one hold DUE_DAYS_LOCK.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from meeting_etl.files import Files
from meeting_etl.times import format_timestamp, parse_day, parse_timestamp

DUE_DAYS_LOCK = "due_days"
_FOLDER = "lake/due_days"


@dataclass(frozen=True)
class DueDay:
    """The open work of a day: its next attempt, and meetings with news.

    `files_due_at` is the next attempt of downloads, which have runs of their own. `everything`: the
    file was damaged, so that every meeting of the day counts as one with news.
    """

    due_at: datetime | None = None
    version: int = 0
    news: tuple[str, ...] = ()
    files_due_at: datetime | None = None
    everything: bool = False

    @property
    def next_at(self) -> datetime | None:
        """When the day's next attempt is, downloads included; None when there is none."""
        return min((at for at in (self.due_at, self.files_due_at) if at), default=None)

    def is_due(self, now: datetime) -> bool:
        """Whether there is work now, downloads aside."""
        return (
            self.everything or bool(self.news) or (self.due_at is not None and self.due_at <= now)
        )


def days_with_work(files: Files) -> Iterator[date]:
    """All days that have a file, in no order."""
    for name in files.names(_FOLDER):
        day = parse_day(name.removesuffix(".json")) if name.endswith(".json") else None
        if day is not None:
            yield day


def read_due_day(files: Files, day: date) -> DueDay:
    """The open work of one day; none when it has no file."""
    content = files.read_bytes(_file(day))
    if content is None:
        return DueDay()
    try:
        stored = json.loads(content)
        # Files of earlier versions have no downloads.
        due_at, files_due_at = (
            parse_timestamp(text) if text else None
            for text in (stored["due_at"], stored.get("files_due_at"))
        )
        news, version = tuple(stored["news"]), stored["version"]
        return DueDay(due_at, version, news, files_due_at, stored.get("everything", False))
    except (ValueError, TypeError, KeyError, AttributeError):
        # All that was in it can be found again: the whole day is folded.
        return DueDay(everything=True)


def write_due_day(files: Files, day: date, due: DueDay) -> None:
    """Write the open work of one day; without any its file is removed."""
    if due == read_due_day(files, day):
        return
    if due.next_at is None and not due.news and not due.everything:
        remove_due_day(files, day)
        return
    content = {
        "due_at": format_timestamp(due.due_at) if due.due_at else None,
        "files_due_at": format_timestamp(due.files_due_at) if due.files_due_at else None,
        "version": due.version,
        "news": due.news,
        "everything": due.everything,
    }
    files.replace_bytes(_file(day), json.dumps(content).encode())


def remove_due_day(files: Files, day: date) -> None:
    """Close a day, whatever is open."""
    files.remove(_file(day))


def _file(day: date) -> str:
    return f"{_FOLDER}/{day}.json"
