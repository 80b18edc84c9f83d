"""Locks of recordings: whoever holds one downloads that recording, and all others leave it alone.

Belongs here: their names, and those that a run holds. Does not: what is downloaded
(recording_files.py), when a lock is taken and released (pipeline/days/download_days.py).
"""

from contextlib import ExitStack
from types import TracebackType

from meeting_etl.pipeline.paths import file_stem
from meeting_etl.state import State


def lock_of_files(stem: str) -> str:
    """Name of the lock of the recording whose files have this stem."""
    return f"recording-{stem}"


class RecordingLocks:
    """The locks that a run holds. As a context manager it releases them at the end.

    In PostgreSQL, each is a connection of its own.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._held: dict[str, ExitStack] = {}

    def __enter__(self) -> "RecordingLocks":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for recording_id in list(self._held):
            self.release(recording_id)

    def take(self, recording_id: str) -> bool:
        """Take the lock of a recording without waiting; returns whether it was free."""
        name = lock_of_files(file_stem(recording_id))
        with ExitStack() as stack:
            if not stack.enter_context(self._state.lock_if_free(name)):
                return False
            self._held[recording_id] = stack.pop_all()
        return True

    def release(self, recording_id: str) -> None:
        """Release it, and leave nothing that names the recording; what is not held stays so."""
        if stack := self._held.pop(recording_id, None):
            stack.close()
            self._state.sweep_locks(lock_of_files(file_stem(recording_id)))
