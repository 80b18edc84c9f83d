"""PgQueue: the days with open work, for processes on several machines.

Belongs here: where the second kind of queue keeps its days. Does not: what a due day is, and how it
changes (pipeline/ledger/due_days.py), the floor, which is in the lake (lake/floors.py).
"""

from datetime import date

from meeting_etl.pipeline.ledger.due_days import DayQueue
from meeting_etl.postgres.database import Database
from meeting_etl.state import State
from meeting_etl.storage import Storage


class PgQueue(DayQueue):
    """A row for each open day."""

    def __init__(self, files: Storage, state: State, database: Database, root: str) -> None:
        super().__init__(files, state)
        self._database = database
        self._root = root

    def _all(self) -> dict[date, bytes]:
        rows = self._database.execute(
            "SELECT day, content FROM due_days WHERE root = %s", [self._root]
        )
        return {day: bytes(content) for day, content in rows}

    def _get(self, day: date) -> bytes | None:
        rows = self._database.execute(
            "SELECT content FROM due_days WHERE root = %s AND day = %s", [self._root, day]
        )
        return bytes(rows[0][0]) if rows else None

    def _put(self, day: date, content: bytes) -> None:
        self._database.execute(
            "INSERT INTO due_days VALUES (%s, %s, %s) "
            "ON CONFLICT (root, day) DO UPDATE SET content = excluded.content",
            [self._root, day, content],
        )

    def _remove(self, day: date) -> None:
        self._database.execute(
            "DELETE FROM due_days WHERE root = %s AND day = %s", [self._root, day]
        )
