"""State: what processes agree on. Locks, and small values that change as a whole.

Belongs here: what a kind of state must do, and the local kind, in files below state/. Does not:
what the values mean (their users), the rate limit (webex/bucket.py), tables (lake/), and what
is to be removed together with the lake.
"""

import fcntl
import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from meeting_etl.files import Files, remove_if_free, try_lock

_LOCKS = "state/locks"


class Held:
    """A lock that is held. A process that dies loses it, and nothing else takes it away here."""

    def check(self) -> None:
        """Raise StorageError if the lock was lost."""


@dataclass
class Value:
    """A value that nobody else changes meanwhile; `content` is stored when the block ends well."""

    content: bytes | None


class State(Protocol):
    """Locks and values, shared by all processes. All methods raise StorageError."""

    def lock(self, name: str) -> AbstractContextManager[Held]:
        """Wait for the lock `name` and hold it; not re-entrant, released when its holder dies."""

    def lock_if_free(self, name: str) -> AbstractContextManager[Held | None]:
        """As `lock`, without waiting: None when another has it."""

    def check_held(self) -> None:
        """Check all locks that are held through this object. To be called before each write."""

    def is_locked(self, name: str) -> bool:
        """Whether the lock `name` is held now."""

    def sweep_locks(self, prefix: str) -> None:
        """Forget free locks `prefix…`, where free locks leave anything behind."""

    def get(self, name: str) -> bytes | None:
        """The value; None when there is none."""

    def put(self, name: str, content: bytes) -> None:
        """Replace a value durably and as a whole."""

    def remove(self, name: str) -> None:
        """Remove a value if there is one."""

    def where(self, name: str) -> str:
        """What has the value `name`, for messages."""

    def swap(self, name: str, *, secret: bool = False) -> AbstractContextManager[Value]:
        """Read a value and change it, under the lock of its name. `secret`: for its owner alone."""


class LocalState:
    """State in files below state/ of a data folder, for the processes of one machine."""

    def __init__(self, files: Files) -> None:
        self._files = files

    @contextmanager
    def lock(self, name: str) -> Iterator[Held]:
        with locked_file(self._files, _lock_file(name)):
            yield Held()

    @contextmanager
    def lock_if_free(self, name: str) -> Iterator[Held | None]:
        while True:
            with self._files.open_to_write(_lock_file(name)) as file:
                is_free = try_lock(file)
                if self._files.is_in_place(file):
                    yield Held() if is_free else None
                    return

    def check_held(self) -> None:
        """Nothing to check: nobody takes a lock away here."""

    def is_locked(self, name: str) -> bool:
        with suppress(FileNotFoundError), self._files.path(_lock_file(name)).open("rb") as file:
            return not try_lock(file)
        return False

    def sweep_locks(self, prefix: str) -> None:
        with self._files.translate_errors(_LOCKS, doing="clean"):
            for path in self._files.path(_LOCKS).glob(f"{prefix}*.lock"):
                remove_if_free(path)

    def get(self, name: str) -> bytes | None:
        return self._files.read_bytes(_value_file(name))

    def put(self, name: str, content: bytes) -> None:
        self._files.replace_bytes(_value_file(name), content)

    def remove(self, name: str) -> None:
        self._files.remove(_value_file(name))

    def where(self, name: str) -> str:
        return _value_file(name)

    @contextmanager
    def swap(self, name: str, *, secret: bool = False) -> Iterator[Value]:
        with self.lock(name):
            before = self.get(name)
            value = Value(before)
            yield value
            if value.content is None:
                self.remove(name)
            elif value.content != before:
                self._files.replace_bytes(_value_file(name), value.content, secret=secret)


@contextmanager
def locked_file(files: Files, name: str) -> Iterator[io.FileIO]:
    """An existing or new file, open for reading and writing, locked while it is open.

    Waiting for it, somebody may have removed it: locked, it would exclude nobody.
    """
    while True:
        with files.open_to_write(name) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if files.is_in_place(file):
                yield file
                return


def _lock_file(name: str) -> str:
    return f"{_LOCKS}/{name}.lock"


def _value_file(name: str) -> str:
    return f"state/{name}.json"
