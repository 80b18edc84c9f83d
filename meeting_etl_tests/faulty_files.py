"""A disk that fails at one chosen write, and then works again or stays broken."""

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.settings import Etl


class FaultyFiles(Files):
    """Fails at the write number `fails_at` (from 0).

    It fails before the file is in place; with `late`, every other file fails when it is in place
    already, as when its folder cannot be made to last.
    """

    def __init__(self, root: Path, fails_at: int, *, late: bool = False) -> None:
        super().__init__(root)
        self.fails_at = fails_at
        self._late = late
        self.writes = 0

    @contextmanager
    def replacement(self, name: str, *, secret: bool = False) -> Iterator[Path]:
        with super().replacement(name, secret=secret) as path:
            yield path
            if not (behind := self._late and self.writes % 2 == 1):
                self._count(name)
        if behind:
            self._count(name)

    def remove(self, name: str) -> None:
        self._count(name)
        super().remove(name)

    def twice_if_it_fails(self, build: Callable[[], Etl], step: Callable[[Etl], None]) -> None:
        """Do the step on this disk; if it fails, once more by another process, so to speak."""
        for _ in range(2):
            etl = build()
            etl.files = self
            try:
                step(etl)
            except StorageError:
                self._assert_whole()
            else:
                return

    def _assert_whole(self) -> None:
        """No file of a table is torn."""
        for path in (self.root / "lake").rglob("*.parquet"):
            assert path.read_bytes().endswith(b"PAR1"), path

    def _count(self, name: str) -> None:
        number, self.writes = self.writes, self.writes + 1
        if number == self.fails_at:
            reason = OSError(errno.ENOSPC, "No space left on device")
            raise StorageError(f"Cannot write {self.path(name)}: no space left.") from reason


class FullDisk(Files):
    """While `room` is a number, of an append so many bytes are written and the rest is refused."""

    room: int | None = None

    def append(self, file: io.FileIO, lines: bytes) -> None:
        if self.room is None:
            super().append(file, lines)
            return
        if begin := lines[: self.room]:
            os.write(file.fileno(), begin)
        reason = OSError(errno.ENOSPC, "No space left on device")
        raise StorageError(f"Cannot write {file.name}: no space left.") from reason
