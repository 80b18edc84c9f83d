"""What processes share: in files of the data folder, or in PostgreSQL for several machines.

Belongs here: which kind of state, bucket and queue the settings choose. Does not: the kinds
(state.py, webex/bucket.py, pipeline/ledger/due_days.py, postgres/).
"""

from typing import Protocol

from meeting_etl.errors import SettingsError
from meeting_etl.files import Files
from meeting_etl.pipeline.ledger.due_days import FileQueue, Queue
from meeting_etl.settings.environment import Settings
from meeting_etl.state import LocalState, State
from meeting_etl.storage import Storage
from meeting_etl.times import Clock
from meeting_etl.webex.bucket import Bucket, FileBucket


class Shared(Protocol):
    """Makes one kind of each. Methods raise StorageError."""

    def state(self) -> State:
        """Locks and values."""

    def queue(self, state: State) -> Queue:
        """The days with open work."""

    def bucket(self, *, requests_per_minute: float, burst: int, name: str) -> Bucket:
        """A rate and its pauses."""

    def migrate(self) -> int:
        """Bring what is stored up to date; returns how many things were moved or changed."""

    def copy_to(self, location: str) -> None:
        """Make all of it that of another data folder as well, in the place of what that had."""


def shared_of(settings: Settings, files: Files, storage: Storage, clock: Clock) -> Shared:
    """What MEETING_ETL_STATE says. Raises SettingsError without the driver of PostgreSQL."""
    if settings.state_url is None:
        return _Local(files, storage, clock)
    try:
        from meeting_etl.settings.shared_postgres import Postgres
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("meeting_etl"):
            raise
        raise SettingsError(
            "MEETING_ETL_STATE needs the driver of PostgreSQL: pip install 'meeting_etl[cluster]'."
        ) from error
    return Postgres(settings.state_url, str(settings.location), files, storage)


class _Local:
    def __init__(self, files: Files, storage: Storage, clock: Clock) -> None:
        self._files = files
        self._storage = storage
        self._clock = clock

    def state(self) -> State:
        return LocalState(self._files)

    def queue(self, state: State) -> Queue:
        return FileQueue(self._storage, state)

    def bucket(self, *, requests_per_minute: float, burst: int, name: str) -> Bucket:
        rate = requests_per_minute
        return FileBucket(
            self._files, self._clock, requests_per_minute=rate, burst=burst, name=name
        )

    def migrate(self) -> int:
        return 0

    def copy_to(self, location: str) -> None:
        """Nothing: state/ stays in the working folder, and due days are in the lake."""
