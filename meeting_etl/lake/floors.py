"""Floors: the first day of which rows or files are kept. What is older was pruned and stays away.

Belongs here: the retention groups, the file with their floors, and which rows may still be written.
Does not: how long anything is kept (settings/), removing it (pipeline/prune.py), which days get
work (pipeline/ledger/).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from threading import Lock
from typing import TYPE_CHECKING

from meeting_etl import schemas
from meeting_etl.errors import StorageError
from meeting_etl.schemas import Table
from meeting_etl.state import State
from meeting_etl.storage import Storage

if TYPE_CHECKING:
    import pyarrow as pa

# In lake/, not in state/: after deleting the lake, all logs are to be ingested again.
FLOOR_FILE = "lake/pruned.json"
# The group of everything that belongs to a day.
EVERYTHING = "meetings"
# Retention group by table. Rows of files stay, and say that their file was removed.
GROUP_OF = {
    schemas.TRANSCRIPT_SNIPPETS.name: "snippets",
    schemas.SPEAKER_METRICS.name: "metrics",
    schemas.MEETING_SUMMARIES.name: "summaries",
    schemas.PARTICIPANTS.name: "participants",
    schemas.INVITEES.name: "participants",
    schemas.WEBHOOK_EVENTS.name: "events",
    schemas.REJECTED_LINES.name: "events",
    schemas.RECORDING_FILES.name: "media",
    schemas.TRANSCRIPT_FILES.name: "transcript_files",
}
_FILES = (schemas.RECORDING_FILES, schemas.TRANSCRIPT_FILES)
_LOCK = "pruned"


class Floors:
    """The floor of each group, in one small file. They only rise.

    All methods raise StorageError.
    """

    def __init__(self, files: Storage, state: State) -> None:
        self._files = files
        self._state = state
        self._guard = Lock()
        self._locks_held = self._generation = 0
        self._known: dict[str, date] | None = None

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """While locks of writers are held, which were just taken: the file is read once.

        `prune` raises a floor before it takes the locks of what it removes, or while it has them.
        """
        with self._guard:
            self._known = None
            self._generation += 1
            self._locks_held += 1
        try:
            yield
        finally:
            with self._guard:
                self._locks_held -= 1

    def all(self) -> dict[str, date]:
        """The floors by group; a group of which nothing was pruned has none."""
        with self._guard:
            if self._locks_held and self._known is not None:
                return self._known
            generation = self._generation
        floors = self._read()
        with self._guard:
            if generation == self._generation:  # else this may be older than that lock
                self._known = floors
        return floors

    def _read(self) -> dict[str, date]:
        content = self._files.read_bytes(FLOOR_FILE)
        if content is None:
            return {}
        try:
            stored = json.loads(content)
            texts = {EVERYTHING: stored["before"], **stored.get("groups", {})}
            floors = {group: date.fromisoformat(text) for group, text in texts.items()}
        except (ValueError, TypeError, KeyError) as error:
            raise StorageError(
                f"{self._files.where(FLOOR_FILE)} is damaged, so it is unknown which days were "
                "pruned: remove it and run `meeting-etl prune` again."
            ) from error
        return {group: day for group, day in floors.items() if day > date.min}

    def of(self, table: Table) -> date:
        """The first day of which the table's rows, or their files, are kept."""
        floors = self.all()
        groups = (EVERYTHING, GROUP_OF.get(table.name))
        return max((floors[group] for group in groups if group in floors), default=date.min)

    def raise_to(self, floors: Mapping[str, date]) -> None:
        """Raise the floors of these groups; one that is higher already stays."""
        with self._state.lock(_LOCK):
            before = self._read()
            after = before | {
                group: max(day, before.get(group, date.min)) for group, day in floors.items()
            }
            if after != before:
                texts = {group: str(day) for group, day in sorted(after.items())}
                # As earlier versions wrote it, which had no groups.
                content = {"before": texts.pop(EVERYTHING, str(date.min)), "groups": texts}
                self._files.replace_bytes(FLOOR_FILE, json.dumps(content).encode())
            with self._guard:
                self._known = after
                self._generation += 1

    def kept(self, table: Table, partition: object, rows: "pa.Table") -> "pa.Table":
        """The rows that may be written into a partition: none where the table's were pruned."""
        if not rows.num_rows or not isinstance(partition, date):
            return rows
        floor = self.all().get(EVERYTHING, date.min) if table in _FILES else self.of(table)
        return rows if partition >= floor else rows.slice(0, 0)
