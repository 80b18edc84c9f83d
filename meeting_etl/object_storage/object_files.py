"""class ObjectFiles: files by name in a bucket.

Belongs here: reading and writing whole objects, and what errors of the bucket mean. Does not:
credentials and the endpoint, which come from the variables of its provider (AWS_…, GOOGLE_…,
AZURE_…), tables (delta_log.py).
"""

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from meeting_etl.errors import SettingsError
from meeting_etl.object_storage.errors import cause_of, check_installed, translate_errors
from meeting_etl.object_storage.urls import url_of

if TYPE_CHECKING:
    import pyarrow as pa
    from obstore.store import ObjectStore

# Larger objects are read piece by piece.
_LARGE_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 8 * 1024 * 1024
_TIMEOUT = "30s"
_MOST_RETRIES = 4


class StoredObject(NamedTuple):
    """An object as it is listed; its name is relative to the URL."""

    name: str
    size_bytes: int
    modified_at: datetime


class ObjectFiles:
    """The objects below a URL such as `s3://bucket/folder`; names are relative to it.

    An object is replaced as a whole by one request, so that nothing half-written is ever seen.
    """

    def __init__(self, url: str) -> None:
        """Raises SettingsError for what is no such URL, and without the libraries."""
        self.url = url_of(url)
        check_installed()

    @cached_property
    def _store(self) -> "ObjectStore":
        from obstore.exceptions import BaseError
        from obstore.store import from_url

        try:
            return from_url(
                self.url,
                # Without TLS only where the endpoint says http://.
                client_options={"allow_http": True, "timeout": _TIMEOUT},
                retry_config={"max_retries": _MOST_RETRIES},
            )
        except (BaseError, ValueError) as error:
            raise SettingsError(
                f"MEETING_ETL_DATA_DIR is {self.url}, which cannot be used: {cause_of(error)}."
            ) from None

    def where(self, name: str) -> str:
        """The URL of an object, for messages."""
        return f"{self.url}/{name}"

    @contextmanager
    def replacement(self, name: str) -> Iterator[Path]:
        """Replace an object by the file that is written to the path, unless the block fails."""
        with (
            self.translate_errors(name),
            TemporaryDirectory(prefix="meeting-etl-") as folder,
        ):
            path = Path(folder) / "object"
            path.touch()
            yield path
            self._store.put(name, path)

    def replace_bytes(self, name: str, content: bytes) -> None:
        """Replace an object by this content."""
        self._put(name, content)

    def copy_in(self, path: Path, name: str) -> None:
        """Upload a file, in parts if it is large."""
        self._put(name, path)

    def move_in(self, path: Path, name: str) -> None:
        """Upload a file and remove it from the disk."""
        self.copy_in(path, name)
        path.unlink()

    def put_new(self, name: str, content: bytes) -> bool:
        """Make an object of this content unless there is one; returns whether it was made."""
        from obstore.exceptions import AlreadyExistsError

        with self.translate_errors(name):
            try:
                self._store.put(name, content, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def read_bytes(self, name: str) -> bytes | None:
        """The content; None without the object."""
        with suppress(FileNotFoundError), self.translate_errors(name, doing="read"):
            return bytes(self._store.get(name).bytes())
        return None

    @contextmanager
    def reading(self, name: str) -> Iterator["pa.NativeFile"]:
        """The object, open for reading. Raises FileNotFoundError without it."""
        import pyarrow as pa

        with self.translate_errors(name, doing="read"):
            found = self._store.get(name)
            if found.meta["size"] <= _LARGE_BYTES:
                file = pa.BufferReader(found.bytes())
            else:
                file = pa.PythonFile(self._pieces(name), "r")
        with file:
            yield file

    def names(self, folder: str) -> list[str]:
        """Names of what is in a folder, sorted."""
        with self.translate_errors(folder, doing="list"):
            found = self._store.list_with_delimiter(None if folder == "." else folder)
        paths = [*found["common_prefixes"], *(meta["path"] for meta in found["objects"])]
        return sorted(path.rsplit("/", 1)[-1] for path in paths)

    def paths(self, folder: str) -> list[str]:
        """Names of all objects below a folder, relative to the URL."""
        return [each.name for each in self.objects(folder)]

    def first_paths(self, most: int) -> list[str]:
        """Names of so many objects, if there are any: folders may remain that have none."""
        with self.translate_errors(".", doing="list"):
            for found in self._store.list(chunk_size=most):
                return [meta["path"] for meta in found]
        return []

    def objects(self, folder: str) -> list[StoredObject]:
        """All objects below a folder."""
        with self.translate_errors(folder, doing="list"):
            prefix = None if folder == "." else f"{folder}/"
            return [
                StoredObject(meta["path"], meta["size"], meta["last_modified"])
                for batch in self._store.list(prefix)
                for meta in batch
            ]

    def size_bytes(self, name: str) -> int | None:
        """Size of an object; None without it."""
        with suppress(FileNotFoundError), self.translate_errors(name, doing="read"):
            return int(self._store.head(name)["size"])
        return None

    def remove(self, name: str) -> None:
        """Remove an object if there is one."""
        with suppress(FileNotFoundError), self.translate_errors(name, doing="remove"):
            self._store.delete(name)

    def remove_folder(self, folder: str) -> None:
        """Nothing: a folder is there while objects are in it."""

    def sweep(self, folder: str) -> None:
        """Nothing: an object is never there in part."""

    def translate_errors(self, name: str, *, doing: str = "write") -> AbstractContextManager[None]:
        """Translate errors into a StorageError, but FileNotFoundError only without the bucket."""
        return translate_errors(self.where(name), doing=doing, may_lack=True)

    def _pieces(self, name: str) -> "_Pieces":
        import obstore

        reader = obstore.open_reader(self._store, name, buffer_size=_PIECE_BYTES)
        return _Pieces(reader, self.where(name))

    def _put(self, name: str, content: bytes | Path) -> None:
        with self.translate_errors(name):
            self._store.put(name, content)


class _Pieces(io.RawIOBase):
    """An object, read by requests for a range each."""

    def __init__(self, reader: Any, where: str) -> None:
        self._reader = reader
        self._where = where

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with translate_errors(self._where, doing="read"):
            piece = self._reader.read(len(buffer)).to_bytes()
        buffer[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._reader.seek(offset, whence))

    def tell(self) -> int:
        return int(self._reader.tell())
