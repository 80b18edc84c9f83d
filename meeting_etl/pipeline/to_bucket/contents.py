"""What a data folder has that is in the bucket afterwards.

Belongs here: parts of tables, files of recordings and transcripts, small files of the lake. Does
not: what belongs to a machine (state/, webhook_logs/, reports/, dagster/), and what is made again
(the catalog).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.partitions import part_name, partition_values
from meeting_etl.lake.tables import Partition
from meeting_etl.pipeline.paths import FOLDERS
from meeting_etl.schemas import MEETING_INDEX, TABLES, Table

Progress = Callable[[str, int, int], None]
ALL_TABLES = (*TABLES.values(), MEETING_INDEX)


@dataclass(frozen=True)
class Part:
    """A part of a table: a Parquet file."""

    table: Table
    partition: Partition
    number: int
    rows: int
    size_bytes: int

    @property
    def name(self) -> str:
        """Name of the file, relative to the data folder."""
        return part_name(self.table, self.partition, self.number)


@dataclass(frozen=True)
class Contents:
    """All of it. `downloads` are sizes by name, and `notes` names, relative to the data folder."""

    parts: dict[str, list[Part]]
    downloads: dict[str, int]
    notes: list[str]


@dataclass(frozen=True)
class Count:
    """How much there is of a table, or in a folder, whose files have no rows."""

    name: str
    files: int
    rows: int | None
    size_bytes: int


def contents_of(lake: Lake, progress: Progress) -> Contents:
    """What is in a folder. Raises StorageError when a file cannot be read."""
    parts = {}
    for number, table in enumerate(ALL_TABLES):
        progress(f"files of {table.name}", number, len(ALL_TABLES))
        parts[table.name] = list(_parts(lake, table))
    downloads = {
        name: size
        for folder in FOLDERS.values()
        for name, size in sorted(_files_below(lake.files, folder))
    }
    return Contents(parts, downloads, list(_notes(lake.files)))


def counts(contents: Contents) -> list[Count]:
    """How much it is, by table and by folder; nothing for those that have nothing."""
    found = [
        Count(name, len(parts), _sum(p.rows for p in parts), _sum(p.size_bytes for p in parts))
        for name, parts in contents.parts.items()
    ]
    for folder in FOLDERS.values():
        sizes = [size for name, size in contents.downloads.items() if name.startswith(f"{folder}/")]
        found.append(Count(f"{folder}/", len(sizes), None, sum(sizes)))
    return [count for count in found if count.files]


def _sum(numbers: Iterator[int]) -> int:
    return sum(numbers)


def _parts(lake: Lake, table: Table) -> Iterator[Part]:
    tables = lake.tables
    for partition in partition_values(table, tables.partitions(table)):
        for number in tables.parts(table, partition):
            rows = tables.count(table, partition, number)
            size_bytes = lake.files.size_bytes(part_name(table, partition, number)) or 0
            yield Part(table, partition, number, rows, size_bytes)


def _files_below(files: Files, folder: str) -> Iterator[tuple[str, int]]:
    """Whole files with their sizes: those whose name begins with a dot are not whole."""
    for path in files.path(folder).rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            yield path.relative_to(files.root).as_posix(), path.stat().st_size


def _notes(files: Files) -> Iterator[str]:
    """Files of the lake beside those of its tables, such as floors, due days and queues."""
    for folder in ("lake", *(f"lake/{name}" for name in files.names("lake"))):
        if not files.path(folder).is_dir():
            continue
        for name in files.names(folder):
            is_note = not name.startswith(".") and not name.endswith(".parquet")
            if is_note and files.path(f"{folder}/{name}").is_file():
                yield f"{folder}/{name}"
