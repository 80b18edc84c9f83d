"""Storage: files by name, which a disk has, or a bucket of an object storage.

Belongs here: what both kinds must do. Does not: the kinds (files.py, object_storage/), what is in
the files, and what needs a disk: appending, partial files, locks.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


class Storage(Protocol):
    """Files by name, each replaced as a whole. All methods raise StorageError.

    Names have slashes. A folder is what the names in it begin with.
    """

    def where(self, name: str) -> str:
        """The path or URL of a name, for messages."""

    def replacement(self, name: str) -> AbstractContextManager[Path]:
        """Replace a file by the one that is written to the path, or not at all if that fails."""

    def replace_bytes(self, name: str, content: bytes) -> None:
        """Replace a file by this content."""

    def move_in(self, path: Path, name: str) -> None:
        """Make a whole file of the disk, which may be large, the file `name`; then it is gone."""

    def read_bytes(self, name: str) -> bytes | None:
        """The content; None without the file."""

    def reading(self, name: str) -> "AbstractContextManager[pa.NativeFile]":
        """The file, open for reading at any place. Raises FileNotFoundError without it."""

    def names(self, folder: str) -> list[str]:
        """Names of the entries of a folder, sorted; none without the folder."""

    def size_bytes(self, name: str) -> int | None:
        """Size of a file; None without the file."""

    def remove(self, name: str) -> None:
        """Remove a file if it exists."""

    def remove_folder(self, folder: str) -> None:
        """Remove an empty folder; for the holder of the lock that guards it."""

    def sweep(self, folder: str) -> None:
        """Remove what killed writers left in a folder."""
