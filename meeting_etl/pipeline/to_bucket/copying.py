"""Copying what a data folder has into a bucket, and comparing both.

Belongs here: what is copied again after an interruption, and what counts as equal. Does not: what
there is (contents.py), who may work meanwhile (move.py).
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from typing import TypeVar

from meeting_etl.errors import StorageError
from meeting_etl.lake.delta_tables import DeltaTables
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.moved import MARK
from meeting_etl.lake.parquet_files import ParquetFiles
from meeting_etl.lake.partitions import folder_of
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.object_storage.part_files import PartFile
from meeting_etl.pipeline.to_bucket.contents import ALL_TABLES, Contents, Part, Progress
from meeting_etl.schemas import Table

T = TypeVar("T")
# Files that one commit adds: as much is uploaded again after an interruption.
_BATCH = 64
# Each large file has a dozen pieces of 5 MB in memory.
_UPLOADS = 4

Place = tuple[str | None, int]


class Copying:
    """Copies the contents of a folder to a bucket. All methods raise StorageError.

    What is there already is not uploaded again: a part by its number of rows and its size, a
    download by its size. Nothing else may change either place meanwhile.
    """

    def __init__(
        self, lake: Lake, bucket: ObjectFiles, contents: Contents, progress: Progress
    ) -> None:
        self._files = lake.files
        self._lake = lake
        self._bucket = bucket
        self._tables = DeltaTables(bucket)
        self._contents = contents
        self._progress = progress

    def copy(self) -> None:
        """Make the bucket have all of it."""
        for table in ALL_TABLES:
            self._copy_table(table)
        self._copy_downloads()
        notes = self._contents.notes
        for number, name in enumerate(notes):
            self._progress("copy small files", number, len(notes))
            self._bucket.replace_bytes(name, self._files.read_bytes(name) or b"")

    def compare(self) -> None:
        """Raise StorageError unless the bucket has all of it, as its readers see it."""
        for table in ALL_TABLES:
            self._compare_table(table)
        stored = self._stored_downloads()
        for name, size_bytes in self._contents.downloads.items():
            if stored.get(name) != size_bytes:
                raise self._difference(name)
        for name in self._contents.notes:
            if self._bucket.read_bytes(name) != self._files.read_bytes(name):
                raise self._difference(name)

    def _copy_table(self, table: Table) -> None:
        parts = self._contents.parts[table.name]
        stored = self._stored(table)
        missing = [part for part in parts if not _is_there(part, stored)]
        for done, batch in _batches(missing, _BATCH):
            self._progress(f"copy {table.name}", len(parts) - len(missing) + done, len(parts))
            self._tables.take_over(
                table,
                [(p.partition, p.number, self._files.path(p.name), p.rows) for p in batch],
            )

    def _copy_downloads(self) -> None:
        stored, names = self._stored_downloads(), self._contents.downloads
        missing = [name for name, size in names.items() if stored.get(name) != size]
        with ThreadPoolExecutor(_UPLOADS) as pool:
            for done, batch in _batches(missing, _UPLOADS):
                self._progress("copy files", len(names) - len(missing) + done, len(names))
                list(pool.map(self._upload, batch))

    def _upload(self, name: str) -> None:
        self._bucket.copy_in(self._files.path(name), name)

    def _compare_table(self, table: Table) -> None:
        parts, stored = self._contents.parts[table.name], self._stored(table)
        if {_place(part) for part in parts} != stored.keys():
            raise self._difference(folder_of(table))
        for number, part in enumerate(parts):
            self._progress(f"compare {table.name}", number, len(parts))
            if not self._has_same_rows(part, stored[_place(part)]):
                raise self._difference(part.name)

    def _has_same_rows(self, part: Part, file: PartFile) -> bool:
        """Whether the rows are the same in the same order; some at a time are in memory."""
        schema, name = part.table.schema, f"{folder_of(part.table)}/{file.path}"
        ours = self._lake.tables.read(part.table, part.partition, part.number, schema)
        theirs = ParquetFiles(self._bucket).row_groups(name, schema)
        rows = 0
        for own, copied in zip_longest(ours, theirs):
            if own is None or copied is None or not own.equals(copied):
                return False
            rows += own.num_rows
        return rows == part.rows == file.rows

    def _stored(self, table: Table) -> dict[Place, PartFile]:
        return {
            (partition, number): file
            for partition, files in self._tables.stored(table).items()
            for number, file in files.items()
        }

    def _stored_downloads(self) -> dict[str, int]:
        folders = sorted({name.split("/", 1)[0] for name in self._contents.downloads})
        return {
            found.name: found.size_bytes
            for folder in folders
            for found in self._bucket.objects(folder)
        }

    def _difference(self, name: str) -> StorageError:
        return StorageError(
            f"{self._files.where(name)} is not the same in {self._bucket.url}. Something else has "
            f"changed one of both during the move. Remove {self._files.where(MARK)}, and all that "
            f"is in {self._bucket.url}, then move again."
        )


def _place(part: Part) -> Place:
    return None if part.partition is None else str(part.partition), part.number


def _is_there(part: Part, stored: dict[Place, PartFile]) -> bool:
    file = stored.get(_place(part))
    return file is not None and (file.rows, file.size_bytes) == (part.rows, part.size_bytes)


def _batches(items: Sequence[T], size: int) -> Iterator[tuple[int, Sequence[T]]]:
    """Some at a time, each with the number of those before."""
    for start in range(0, len(items), size):
        yield start, items[start : start + size]
