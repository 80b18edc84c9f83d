"""What processes share, in PostgreSQL.

Belongs here: making the kinds in postgres/ for one data folder. Does not: choosing them
(shared.py); it is imported only where the driver is needed.
"""

from functools import cache

from meeting_etl.files import Files
from meeting_etl.pipeline.ledger.due_days import Queue
from meeting_etl.postgres import schema
from meeting_etl.postgres.bucket import PgBucket
from meeting_etl.postgres.database import Database
from meeting_etl.postgres.move import check_moved, move_state
from meeting_etl.postgres.queue import PgQueue
from meeting_etl.postgres.state import PgState
from meeting_etl.state import State
from meeting_etl.storage import Storage
from meeting_etl.webex.bucket import Bucket


@cache
def _database_of(url: str) -> Database:
    """One for all tenants of a process, so that they use the same connections in turn."""
    return Database(url)


class Postgres:
    """One database for all. `root` names the data folder among others in it."""

    def __init__(self, url: str, root: str, files: Files, storage: Storage) -> None:
        self._database = _database_of(url)
        self._root = root
        self._files = files
        self._storage = storage

    def state(self) -> State:
        """Locks and values. Raises StorageError while some of them are still in files."""
        check_moved(self._files, self._storage)
        return PgState(self._database, self._root)

    def queue(self, state: State) -> Queue:
        """The days with open work."""
        return PgQueue(self._storage, state, self._database, self._root)

    def bucket(self, *, requests_per_minute: float, burst: int, name: str) -> Bucket:
        """A rate and its pauses."""
        rate = requests_per_minute
        return PgBucket(
            self._database, self._root, requests_per_minute=rate, burst=burst, name=name
        )

    def migrate(self) -> int:
        """Make or change the tables, and move in what is in files; returns how much."""
        state = PgState(self._database, self._root)
        changed = schema.migrate(self._database)
        return changed + move_state(self._files, self._storage, state, self.queue(state))

    def copy_to(self, location: str) -> None:
        """Make all rows those of another data folder as well, in the place of what that had."""
        schema.copy_rows(self._database, self._root, location)
