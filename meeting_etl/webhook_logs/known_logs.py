"""class KnownLogs: what ingested_logs says of all logs.

Belongs here: finding the few of them that a look at the folder needs, by columns, for after years
there are tens of thousands. Does not: reading and writing that table (pipeline/ingest/ingest.py),
recognising logs (scan.py).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from itertools import starmap
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.webhook_logs.listing import FileStat
from meeting_etl.webhook_logs.log_file import WINDOW_BYTES, LogFile

# Columns that the quick look needs.
QUICK_COLUMNS = ["log_file", "bytes_consumed", "size", "mtime", "updated_at"]
# A file whose last change lies so far behind that of others is finished, if nobody says otherwise.
FINISHED_AFTER_NS = 48 * 3600 * 10**9
_PLAIN = ("log_id", "log_file", "bytes_consumed", "lines", "size", "mtime")


class KnownLog(NamedTuple):
    """How far a log was read, as a row of ingested_logs tells it.

    `log_file` is its path below the folder, with slashes. `bytes_consumed` counts uncompressed
    bytes, `lines` blank lines too. `size` and `mtime` (nanoseconds) are those of the file when it
    had been read to its end, else 0. `head` and `tail` are the SHA-256, in hex, of the first and
    the last (at most) 64 KiB consumed. A tuple, which is quick to make: there are thousands.
    """

    log_id: str
    log_file: str
    bytes_consumed: int
    lines: int
    size: int
    mtime: int
    head: str | None
    tail: str | None

    def is_continued_by(self, file: LogFile) -> bool:
        """The file, just opened, begins with all that was read of this log; it is then behind it.

        A file with another head is not read further, which for gzip saves decompressing it. Raises
        OSError.
        """
        if not file.skip_to(min(self.bytes_consumed, WINDOW_BYTES)):
            return False
        if file.prefix.digests()[0] != self.head:
            return False
        return file.skip_to(self.bytes_consumed) and file.prefix.digests()[1] == self.tail


class KnownLogs:
    """The table as it was when it was read."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._begun = table.filter(pc.greater(table["bytes_consumed"], 0))

    def is_empty(self) -> bool:
        """Whether no log was read yet, or what was known of them is lost."""
        return not self._table.num_rows

    def consumed(self) -> dict[str, int]:
        """By log id how many bytes of each log are committed."""
        columns = (self._table[name].to_pylist() for name in ("log_id", "bytes_consumed"))
        return dict(zip(*columns, strict=True))

    def rows(self, log_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """The whole rows of some logs by log id; none of a log that is new."""
        some = self._table.filter(_is_in(self._table["log_id"], log_ids))
        return {row["log_id"]: row for row in some.to_pylist()}

    def changed(self, found: Mapping[str, FileStat]) -> list[str]:
        """The files that are not as any log was that is known at their path."""
        names = pa.array(found, pa.string())
        sizes = pa.array((one.size for one in found.values()), pa.int64())
        mtimes = pa.array((one.mtime for one in found.values()), pa.int64())
        place = pc.index_in(self._begun["log_file"], names)
        same_size = pc.equal(pc.take(sizes, place), self._begun["size"])
        same_mtime = pc.equal(pc.take(mtimes, place), self._begun["mtime"])
        unchanged = names.take(place.filter(pc.and_(same_size, same_mtime)).combine_chunks())
        new: list[str] = names.filter(pc.invert(pc.is_in(names, unchanged))).to_pylist()
        return new

    def at(self, log_files: Collection[str]) -> dict[str, list[KnownLog]]:
        """The logs that are known at these paths, by path."""
        found: dict[str, list[KnownLog]] = defaultdict(list)
        for log in _logs(self._begun.filter(_is_in(self._begun["log_file"], log_files))):
            found[log.log_file].append(log)
        return found

    def beginning(self, stems: Collection[str]) -> list[KnownLog]:
        """The logs whose ids begin with one of these stems."""
        if not stems:
            return []
        own = pc.replace_substring_regex(self._begun["log_id"], "-.*", "")
        return _logs(self._begun.filter(_is_in(own, stems)))

    def unknown(self, names: Collection[str]) -> list[str]:
        """The paths at which no log is known."""
        paths = pa.array(names, pa.string())
        new = pc.invert(pc.is_in(paths, self._begun["log_file"].combine_chunks()))
        found: list[str] = paths.filter(new).to_pylist()
        return found

    def unfinished(self) -> dict[str, set[FileStat]]:
        """The paths of logs that may still grow, and how their files were when they were read.

        Those are the newest, and those whose reading was broken off.
        """
        table = self._begun
        is_new = pc.greater(table["mtime"], self._newest() - FINISHED_AFTER_NS)
        paths = table["log_file"].filter(pc.or_(is_new, pc.equal(table["mtime"], 0)))
        table = table.filter(_is_in(table["log_file"], paths.to_pylist()))
        columns = (table[name].to_pylist() for name in ("log_file", "size", "mtime"))
        found: dict[str, set[FileStat]] = defaultdict(set)
        for name, size, mtime in zip(*columns, strict=True):
            found[name].add(FileStat(size, mtime))
        return found

    def _newest(self) -> int:
        """The latest change of any log; one that lies ahead of our clock does not make others old.

        In nanoseconds since 1970.
        """
        changed = pc.max(self._begun["mtime"]).as_py() or 0
        read = pc.max(self._begun["updated_at"].cast(pa.int64())).as_py()
        return min(changed, changed if read is None else read * 1000)


def _is_in(column: pa.ChunkedArray, values: Collection[str]) -> pa.ChunkedArray:
    return pc.is_in(column, pa.array(values, pa.string()))


def _logs(table: pa.Table) -> list[KnownLog]:
    columns = [table[name].to_pylist() for name in _PLAIN]
    columns += [pc.struct_field(table["digests"], name).to_pylist() for name in ("head", "tail")]
    return list(starmap(KnownLog, zip(*columns, strict=True)))
