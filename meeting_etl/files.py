"""Files(root): the only code that makes changes on disk last.

Belongs here: replacing a file as a whole, appending, removing, locking, free space, and turning an
OSError into a StorageError that says what to do. Does not: what is in the files.

Every path given to a method is relative to the root and written with slashes, so that object
storage can be one more class with these methods.
"""

import contextlib
import errno
import fcntl
import io
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from meeting_etl.errors import StorageError

_REMEDY = {
    errno.ENOSPC: "free some disk space and run again",
    errno.EDQUOT: "free some disk space and run again",
    errno.EFBIG: "allow larger files (see `ulimit -f`) and run again",
    errno.EROFS: "the folder is read-only: mount it writable or set MEETING_ETL_DATA_DIR",
    errno.EACCES: "check the permissions or set MEETING_ETL_DATA_DIR",
    errno.EPERM: "check the permissions or set MEETING_ETL_DATA_DIR",
}


def describe_disk_error(words: str) -> str | None:
    """What the disk refused and what to do, where a library hands on its words and no errno."""
    for code, remedy in _REMEDY.items():
        if (reason := os.strerror(code)) in words:
            return f"{reason}; {remedy}"
    return None


class Files:
    """The files below `root` (created at the first write).

    All methods raise StorageError, naming the path and the remedy, when the disk refuses. A file
    that was not replaced or appended to completely is as it was before.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def path(self, name: str) -> Path:
        """The absolute path of a name."""
        return self.root / name

    @contextmanager
    def replacement(self, name: str) -> Iterator[Path]:
        """Fill a new file that takes the place of `name`, as a whole or not at all.

        Yields the path of a temporary file in the same folder, whose name does not end in that of
        the target (readers glob `*.parquet`). When the block ends well it is fsynced, renamed, and
        the folder fsynced; when it fails it is removed and `name` stays as it was.
        """
        target = self.path(name)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        with self.translate_errors(name):
            _make_folder(target.parent)
            try:
                yield temporary
                self._make_last(temporary, target)
            finally:
                temporary.unlink(missing_ok=True)

    def replace_bytes(self, name: str, content: bytes, *, mode: int = 0o666) -> None:
        """`replacement` for content that is at hand. The file has `mode`, less the umask."""
        with (
            self.replacement(name) as path,
            os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file,
        ):
            file.write(content)

    def read_bytes(self, name: str) -> bytes | None:
        """The content, or None when there is no such file."""
        with self.translate_errors(name, doing="read"):
            try:
                return self.path(name).read_bytes()
            except FileNotFoundError:
                return None

    def remove_folder(self, folder: str) -> None:
        """Remove a folder if it is empty; for the holder of the lock under which it is written."""
        with contextlib.suppress(OSError):  # not empty, or already gone: both fine
            self.path(folder).rmdir()

    def names(self, folder: str) -> list[str]:
        """Names of what lies directly in a folder, sorted; none when there is no such folder."""
        with self.translate_errors(folder, doing="list"):
            try:
                return sorted(entry.name for entry in self.path(folder).iterdir())
            except FileNotFoundError:
                return []

    def remove(self, name: str) -> None:
        """Remove a file if it is there. Its folder stays: others may be writing into it."""
        target = self.path(name)
        with self.translate_errors(name, doing="remove"):
            if not target.exists():
                return
            target.unlink(missing_ok=True)
            _sync_folder(target.parent)

    def sweep(self, folder: str, *, before: datetime | None = None) -> None:
        """Remove temporary files that killed processes left directly in `folder`.

        Only for the holder of the lock under which files of that folder are written; who does not
        hold it names a time `before` which no writer that lives has written last.
        """
        with self.translate_errors(folder, doing="clean"):
            for orphan in self.path(folder).glob(".*.tmp"):
                if _is_older(orphan, before):
                    orphan.unlink(missing_ok=True)

    def sweep_locks(self, prefix: str, *, before: datetime) -> None:
        """Remove files of free locks `prefix…` whose holders were killed.

        Only for locks with a name that is used once. `before` keeps this from a lock that was
        opened and is not held yet: its holder would hold a file that nobody else finds.
        """
        with self.translate_errors("state/locks", doing="clean"):
            for path in self.path("state/locks").glob(f"{prefix}*.lock"):
                if _is_older(path, before):
                    _remove_if_free(path)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock `name` for all processes and threads; waits until it is free.

        The kernel releases it when the holder dies. Not re-entrant.
        """
        with self.locked_file(f"state/locks/{name}.lock"):
            yield

    @contextmanager
    def lock_if_free(self, name: str) -> Iterator[bool]:
        """As `lock`, but without waiting: yields whether it is held now."""
        with self._opened_to_lock(f"state/locks/{name}.lock", 0o666) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_mine = True
            except BlockingIOError:
                is_mine = False
            yield is_mine

    def is_locked(self, name: str) -> bool:
        """Whether somebody holds the lock `name` now."""
        try:
            with self.path(f"state/locks/{name}.lock").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @contextmanager
    def locked_file(self, name: str, *, mode: int = 0o666) -> Iterator[IO[bytes]]:
        """An existing or new small file, open for reading and writing, locked while in use."""
        with self._opened_to_lock(name, mode) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    @contextmanager
    def _opened_to_lock(self, name: str, mode: int) -> Iterator[IO[bytes]]:
        with self.translate_errors(name, doing="lock"):
            path = self.path(name)
            _make_folder(path.parent)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            yield file

    def open_to_append(self, name: str) -> io.FileIO | None:
        """A new or existing file for `append`, locked until it is closed or its holder dies.

        None when somebody else holds it. That the file is there lasts, its folders' being too.
        """
        with self.translate_errors(name):
            path = self.path(name)
            _make_folder(path.parent)
            file = path.open("a+b", buffering=0)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # A folder may have been made by somebody who was killed before it was synced.
                for folder in (path.parent, *path.parent.parents):
                    if folder.is_relative_to(self.root):
                        _sync_folder(folder)
            except OSError as error:
                file.close()
                if isinstance(error, BlockingIOError):
                    return None
                raise
        return file

    def append(self, file: io.FileIO, lines: bytes) -> None:
        """Add whole lines at the end of an open file and make them last.

        An unfinished line there, which a crash left, is closed off first. When the disk refuses, a
        line that is not whole is cut off again; whole ones may stay, for whoever follows the file
        may have read them already.
        """
        with self.translate_errors(str(file.name)):
            end, written = os.fstat(file.fileno()).st_size, 0
            if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
                lines = b"\n" + lines
            try:
                while written < len(lines):
                    written += os.write(file.fileno(), memoryview(lines)[written:])
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):  # the next append closes the line off
                    file.truncate(end + lines.rfind(b"\n", 0, written) + 1)
                raise

    def is_in_place(self, file: io.FileIO) -> bool:
        """Whether an open file still lies under the name by which it was opened."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), Path(str(file.name)).stat())
        except OSError:
            return False

    def open_partial(self, name: str) -> io.FileIO:
        """A new or existing unfinished file, open for reading and writing at its beginning."""
        with self.translate_errors(name):
            path = self.path(name)
            _make_folder(path.parent)
            return io.FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b")

    def write(self, name: str, file: io.FileIO, piece: bytes) -> None:
        """Write all of a piece where the file stands; it does not last before `sync`."""
        with self.translate_errors(name):
            written = 0
            while written < len(piece):
                written += file.write(memoryview(piece)[written:])

    def sync(self, name: str, file: io.FileIO) -> None:
        """Make what was written last."""
        with self.translate_errors(name):
            os.fdatasync(file.fileno())

    def finish(self, partial: str, name: str) -> None:
        """Make an unfinished file, in the same folder, the file `name`."""
        with self.translate_errors(name):
            self._make_last(self.path(partial), self.path(name))

    def size_bytes(self, name: str) -> int | None:
        """Size of a file; None when there is none."""
        with self.translate_errors(name, doing="read"):
            try:
                return self.path(name).stat().st_size
            except FileNotFoundError:
                return None

    def free_bytes(self) -> int:
        """Bytes that may still be written below the root."""
        folder = self.root
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def _make_last(self, temporary: Path, target: Path) -> None:
        """Fsync the temporary file, rename it onto the target, fsync the folder."""
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)

    @contextmanager
    def translate_errors(self, name: str, *, doing: str = "write") -> Iterator[None]:
        """Turn an OSError of the block into a StorageError that says what to do."""
        try:
            yield
        except OSError as error:
            remedy = _REMEDY.get(error.errno or 0, "see the cause and run again")
            reason = error.strerror or str(error)
            raise StorageError(f"Cannot {doing} {self.path(name)}: {reason}; {remedy}.") from error


def _is_older(path: Path, before: datetime | None) -> bool:
    try:
        return before is None or path.stat().st_mtime < before.timestamp()
    except FileNotFoundError:
        return False


def _remove_if_free(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they are there after a power cut."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Make what was added to and removed from a folder last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
