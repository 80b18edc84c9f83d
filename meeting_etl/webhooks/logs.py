"""The folder of webhook logs, as the pipeline sees it.

Belongs here: the one class that the layers above use for logs. Does not: how a log is recognised
(sightings.py) and read (reading.py), nor what a line says (events.py).
"""

from collections.abc import Iterable
from pathlib import Path

from meeting_etl.webhooks.known_log import KnownLog
from meeting_etl.webhooks.listing import Found
from meeting_etl.webhooks.reading import Line, LogReader
from meeting_etl.webhooks.rereading import Lines
from meeting_etl.webhooks.sightings import Recognition, Sighting

__all__ = ["KnownLog", "Line", "Lines", "LogReader", "Logs", "Sighting"]

MAX_LINE_BYTES = 16 * 1024 * 1024


class Logs:
    """The webhook logs below `folder`, at any depth; listing.py says how they are named.

    Of the latest `sightings`, `problems` tells in sentences what could not be looked at: files and
    folders without permission, links to nothing, names that are not UTF-8; `unread` names the
    files that are not named like logs, and `unfinished` those without a finished line, with their
    sizes. OSError is never raised: one file stops no other.
    """

    def __init__(self, folder: Path, *, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self.problems: list[str] = []
        self.unread: list[str] = []
        self._unfinished: dict[str, Found] = {}
        self._folder = folder
        self._max_line_bytes = max_line_bytes

    def sightings(self, known: Iterable[KnownLog]) -> list[Sighting]:
        """The logs that have to be read now: new, changed or moved, in the order of their paths.

        A log that only moved is among them, so that its row can be brought up to date.
        """
        recognition = Recognition(
            self._folder, known, self._unfinished, max_line_bytes=self._max_line_bytes
        )
        self.problems = recognition.problems
        self.unread = recognition.unread
        return recognition.sightings

    @property
    def unfinished(self) -> dict[str, int]:
        """Sizes in bytes, by path, of the files that hold something but no finished line."""
        return {name: found.size for name, found in self._unfinished.items() if found.size}

    def read(self, sighting: Sighting) -> LogReader:
        """What is new in a log; to be used as a context manager."""
        return LogReader(
            self._folder / sighting.log_file,
            sighting.log_file,
            sighting.known,
            max_line_bytes=self._max_line_bytes,
        )

    def lines(self) -> Lines:
        """Access to lines that were read before; to be used as a context manager."""
        return Lines(self._folder)
