"""Files(root): the only code that makes durable changes on disk.

Belongs here: replacing a file as a whole, appending, removing, free space, and translating an
OSError into a StorageError that says what to do. Does not: what is in the files, locks by name
(state.py).

Names are relative to the root and have slashes, as in object storage.
"""

import fcntl
import io
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from meeting_etl.disk_errors import remedy_of
from meeting_etl.errors import StorageError

# Loaded when used.
if TYPE_CHECKING:
    import pyarrow as pa


class Files:
    """The files below `root` (created at the first write).

    On a disk error all methods raise StorageError with the path and the remedy, and the file is as
    it was before. New files get `file_mode`, and new folders the same with the right to enter for
    everybody who may read; without it both get what the umask leaves.
    """

    def __init__(self, root: Path, file_mode: int | None = None) -> None:
        self.root = root.absolute()
        self.file_mode = file_mode

    def of(self, folder: Path) -> "Files":
        """The files below another folder, with the same file mode."""
        return Files(folder, self.file_mode)

    def path(self, name: str) -> Path:
        """The absolute path of a name."""
        return self.root / name

    def where(self, name: str) -> str:
        """The path of a name, for messages."""
        return str(self.path(name))

    @contextmanager
    def replacement(self, name: str, *, secret: bool = False) -> Iterator[Path]:
        """Replace the file `name` as a whole, or not at all when the block fails.

        Yields the path of an empty temporary file in the same folder, whose name has another ending
        than the target's (readers glob `*.parquet`). After the block it is durable as `name`. A
        secret one is for its owner alone.
        """
        target = self.path(name)
        with self.translate_errors(name):
            self._make_folder(target.parent)
            temporary, lock = self._new_temporary(target, secret=secret)
            try:
                yield temporary
                self._commit(temporary, target)
            finally:
                temporary.unlink(missing_ok=True)
                lock.close()

    def replace_bytes(self, name: str, content: bytes, *, secret: bool = False) -> None:
        """Replace the file with this content. A secret one is for its owner alone."""
        with self.replacement(name, secret=secret) as path:
            path.write_bytes(content)

    def read_bytes(self, name: str) -> bytes | None:
        """The content; None without the file."""
        with self.translate_errors(name, doing="read"), suppress(FileNotFoundError):
            return self.path(name).read_bytes()
        return None

    def reading(self, name: str) -> "pa.NativeFile":
        """The file, open for reading. Raises OSError."""
        import pyarrow as pa

        return pa.OSFile(str(self.path(name)))

    def move_in(self, path: Path, name: str) -> None:
        """Rename a whole file of the same disk to `name`, durably."""
        with self.translate_errors(name):
            self._make_folder(self.path(name).parent)
            self._commit(path, self.path(name))

    def remove_folder(self, folder: str) -> None:
        """Remove an empty folder; for the holder of the lock that guards it."""
        with suppress(OSError):  # not empty, or already removed: both fine
            self.path(folder).rmdir()

    def names(self, folder: str) -> list[str]:
        """Names of the entries of a folder, sorted; none without the folder."""
        with self.translate_errors(folder, doing="list"), suppress(FileNotFoundError):
            return sorted(entry.name for entry in self.path(folder).iterdir())
        return []

    def remove(self, name: str) -> None:
        """Remove a file if it exists. Its folder stays: others may be writing into it."""
        target = self.path(name)
        with self.translate_errors(name, doing="remove"):
            if not target.exists():
                return
            target.unlink(missing_ok=True)
            _sync_folder(target.parent)

    def sweep(self, folder: str) -> None:
        """Remove temporary files of killed processes from `folder`; writers at work keep theirs."""
        with self.translate_errors(folder, doing="clean"):
            for temporary in self.path(folder).glob(".*.tmp"):
                remove_if_free(temporary)

    def open_to_append(self, name: str) -> io.FileIO | None:
        """A new or existing file for `append`, locked until it is closed or its holder dies.

        None when another process has it, or removed it just now. The file's existence is durable,
        its folders' too.
        """
        with self.translate_errors(name):
            path = self.path(name)
            self._make_folder(path.parent)
            file = io.FileIO(path, "a+b", opener=self._open)
            try:
                if not (try_lock(file) and self.is_in_place(file)):
                    file.close()
                    return None
                # A folder may come from a process that was killed before syncing it.
                for folder in (path.parent, *path.parent.parents):
                    if folder.is_relative_to(self.root):
                        _sync_folder(folder)
            except OSError:
                file.close()
                raise
        return file

    def append(self, file: io.FileIO, lines: bytes) -> None:
        """Append whole lines to an open file and make them durable.

        An unfinished line that a crash left is terminated first. On a disk error a partial line is
        truncated; whole ones may stay, since they may have been read already.
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
                with suppress(OSError):  # the next append terminates the line
                    file.truncate(end + lines.rfind(b"\n", 0, written) + 1)
                raise

    def is_in_place(self, file: io.FileIO) -> bool:
        """Whether an open file still has the name by which it was opened."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), Path(str(file.name)).stat())
        except OSError:
            return False

    def open_to_write(self, name: str) -> io.FileIO:
        """A new or existing file, open for reading and writing at its beginning."""
        with self.translate_errors(name):
            path = self.path(name)
            self._make_folder(path.parent)
            return io.FileIO(path, "r+b", opener=self._open)

    def write(self, name: str, file: io.FileIO, piece: bytes) -> None:
        """Write all of a piece at the file's position; durable after `sync`."""
        with self.translate_errors(name):
            rest = memoryview(piece)
            while rest:
                rest = rest[file.write(rest) :]

    def sync(self, name: str, file: io.FileIO) -> None:
        """Make everything written durable."""
        with self.translate_errors(name):
            os.fdatasync(file.fileno())

    def size_bytes(self, name: str) -> int | None:
        """Size of a file; None without the file."""
        with self.translate_errors(name, doing="read"), suppress(FileNotFoundError):
            return self.path(name).stat().st_size
        return None

    def free_bytes(self) -> int:
        """Free disk space below the root."""
        folder = next(path for path in (self.root, *self.root.parents) if path.exists())
        return shutil.disk_usage(folder).free

    def _new_temporary(self, target: Path, *, secret: bool) -> tuple[Path, io.FileIO]:
        """A new empty file beside the target, locked until the returned file is closed."""
        while True:
            path = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
            lock = io.FileIO(path, "ab", opener=_open_secret if secret else self._open)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():  # else it was swept between these two lines
                return path, lock
            lock.close()

    def _commit(self, temporary: Path, target: Path) -> None:
        """Fsync the temporary file, rename it to the target, fsync the folder."""
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)

    def _open(self, path: str | Path, flags: int) -> int:
        """Open an existing or new file; a new one gets the file mode whatever the umask is."""
        flags |= os.O_CREAT | os.O_CLOEXEC
        if self.file_mode is None:
            return os.open(path, flags, 0o666)
        try:
            descriptor = os.open(path, flags | os.O_EXCL, self.file_mode)
        except FileExistsError:
            return os.open(path, flags, self.file_mode)
        try:
            os.fchmod(descriptor, self.file_mode)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def _make_folder(self, folder: Path) -> None:
        """Create a folder and its parents, durably."""
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir()
            if self.file_mode is not None and folder.is_relative_to(self.root):
                inherited = folder.stat().st_mode & stat.S_ISGID
                folder.chmod(self.file_mode | (self.file_mode & 0o444) >> 2 | inherited)
        _sync_folder(folder.parent)

    @contextmanager
    def translate_errors(self, name: str, *, doing: str = "write") -> Iterator[None]:
        """Translate an OSError of the block into a StorageError that says what to do."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise StorageError(
                f"Cannot {doing} {self.path(name)}: {reason}; {remedy_of(error)}."
            ) from error


def remove_if_free(path: Path) -> None:
    """Remove a file unless another process has locked it.

    Nor if it has become another one since it was opened, which may be locked.
    """
    with suppress(FileNotFoundError), path.open("rb") as file:
        if try_lock(file) and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            path.unlink()


def try_lock(file: IO[bytes]) -> bool:
    """Lock an open file until it is closed, unless another holds it; returns whether it did."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open_secret(path: str, flags: int) -> int:
    """Create a file that only its owner can read, whatever the umask is."""
    descriptor = os.open(path, flags | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def _sync_folder(folder: Path) -> None:
    """Make a folder's added and removed entries durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
