"""The ids of logs whose first line was rewritten: an id is made from the first line as it was.

Belongs here: the file in the folder of logs that has the former stem of each such first line, so
that a log keeps its id when it is moved, and gets the same one in a new lake. Does not: which log a
file is (scan.py), rewriting lines (line_changes.py).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from meeting_etl.errors import StorageError
from meeting_etl.files import Files

# Hidden, so that it is not a log.
_FILE = ".log_ids.json"
_STEM_DIGITS = 16


def stem_of(sha256: str) -> str:
    """The stem of a log whose first line has this digest, in hex."""
    return sha256[:_STEM_DIGITS]


def stem_of_line(data: bytes) -> str:
    """The stem of a log that begins with this line."""
    return stem_of(hashlib.sha256(data).hexdigest())


class FormerStems:
    """Former stems by the present one, as the folder has them. Raises StorageError."""

    def __init__(self, folder: Path) -> None:
        self._files = Files(folder)
        try:
            self._stems: dict[str, list[str]] = json.loads(self._files.read_bytes(_FILE) or b"{}")
        except ValueError as error:
            raise StorageError(
                f"{folder / _FILE} is damaged: restore it from a backup. It has the ids of logs "
                "whose first line was rewritten."
            ) from error

    def of(self, stem: str) -> list[str]:
        """The stems that logs with this one may have: several where they begin alike now."""
        return [*self._stems.get(stem, ()), stem]

    def ids(self, stem: str) -> Iterator[str]:
        """The ids that a log with this stem may get, the first one first."""
        for number in count(1):
            for former in self._stems.get(stem, [stem]):
                yield f"{former}-{number}" if number > 1 else former

    def add(self, changes: Iterable[tuple[str, str]]) -> None:
        """Store pairs of the present and the former stem; repeating it changes nothing."""
        new = {stem: list(former) for stem, former in self._stems.items()}
        for present, former in changes:
            known = new.setdefault(present, [])
            stems = self._stems.get(former, [former])
            known += [each for each in stems if each not in known]
        if new != self._stems:
            self._files.replace_bytes(_FILE, json.dumps(new).encode())
            self._stems = new
