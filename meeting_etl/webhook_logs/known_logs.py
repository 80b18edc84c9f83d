"""class KnownLogs: the logs that were read before, as the table ingested_logs has them.

Belongs here: finding the few of them that a scan needs, by columns, as after years there are tens
of thousands, and whether a file continues one. Does not: reading and writing that table
(pipeline/ingest/), matching files and logs (scan.py).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from itertools import starmap
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.webhook_logs.listing import FileStat
from meeting_etl.webhook_logs.log_file import WINDOW_BYTES, OpenLog

# Columns that `Logs.may_have_new_lines` needs.
QUICK_COLUMNS = ["log_file", "bytes_consumed", "size", "mtime", "updated_at"]
# A file that was changed this much earlier than the newest one counts as finished.
FINISHED_AFTER_NS = 48 * 3600 * 10**9
_PLAIN = ("log_id", "log_file", "bytes_consumed", "lines", "size", "mtime")


class KnownLog(NamedTuple):
    """How far a log was read: a row of ingested_logs.

    `log_file` is its path below the folder, with slashes. `bytes_consumed` counts uncompressed
    bytes, `lines` includes blank lines. `size` and `mtime` (nanoseconds) are those of the file when
    it had been read to its end, else 0. `head` and `tail` are the SHA-256, in hex, of the first and
    last 64 KiB (at most) consumed. A tuple, which is cheap: there are thousands.
    """

    log_id: str
    log_file: str
    bytes_consumed: int
    lines: int
    size: int
    mtime: int
    head: str | None
    tail: str | None

    def is_continued_by(self, file: OpenLog) -> bool:
        """Whether a file, just opened, begins with all that was read of this log.

        If so, the file is positioned after that. A file with another head is not read further,
        which for gzip saves decompressing it. Raises OSError.
        """
        if file.is_known_by_name:
            return file.skip_to(self.bytes_consumed)
        if not file.skip_to(min(self.bytes_consumed, WINDOW_BYTES)):
            return False
        if file.fingerprint.digests()[0] != self.head:
            return False
        return file.skip_to(self.bytes_consumed) and file.fingerprint.digests()[1] == self.tail


class KnownLogs:
    """The table ingested_logs at one time."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._begun = table.filter(pc.greater(table["bytes_consumed"], 0))

    def is_empty(self) -> bool:
        """Whether no log was read yet, or the table is lost."""
        return not self._table.num_rows

    def consumed(self) -> dict[str, int]:
        """Committed bytes of each log by log id."""
        columns = (self._table[name].to_pylist() for name in ("log_id", "bytes_consumed"))
        return dict(zip(*columns, strict=True))

    def read_so_far(self) -> dict[str, tuple[int, int]]:
        """Bytes consumed, and the time of the file read to its end (else 0), of logs by path."""
        names = ("log_file", "bytes_consumed", "mtime")
        columns = (self._begun[name].to_pylist() for name in names)
        return {path: (consumed, mtime) for path, consumed, mtime in zip(*columns, strict=True)}

    def rows(self, log_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """The whole rows of these logs by log id; a new log has none."""
        found = self._table.filter(_is_in(self._table["log_id"], log_ids))
        return {row["log_id"]: row for row in found.to_pylist()}

    def changed(self, found: Mapping[str, FileStat]) -> list[str]:
        """The files whose size or time is not that of any log known at their path."""
        names = pa.array(found, pa.string())
        sizes = pa.array((stat.size for stat in found.values()), pa.int64())
        mtimes = pa.array((stat.mtime for stat in found.values()), pa.int64())
        index = pc.index_in(self._begun["log_file"], names)
        same_size = pc.equal(pc.take(sizes, index), self._begun["size"])
        same_mtime = pc.equal(pc.take(mtimes, index), self._begun["mtime"])
        unchanged = names.take(index.filter(pc.and_(same_size, same_mtime)).combine_chunks())
        changed: list[str] = names.filter(pc.invert(pc.is_in(names, unchanged))).to_pylist()
        return changed

    def at_paths(self, log_files: Collection[str]) -> dict[str, list[KnownLog]]:
        """The logs known at these paths, by path."""
        found: dict[str, list[KnownLog]] = defaultdict(list)
        for log in _logs(self._begun.filter(_is_in(self._begun["log_file"], log_files))):
            found[log.log_file].append(log)
        return found

    def with_stems(self, stems: Collection[str]) -> list[KnownLog]:
        """The logs whose ids begin with one of these stems."""
        if not stems:
            return []
        column = pc.replace_substring_regex(self._begun["log_id"], "-.*", "")
        return _logs(self._begun.filter(_is_in(column, stems)))

    def unknown_paths(self, names: Collection[str]) -> list[str]:
        """The paths at which no log is known."""
        paths = pa.array(names, pa.string())
        new = pc.invert(pc.is_in(paths, self._begun["log_file"].combine_chunks()))
        found: list[str] = paths.filter(new).to_pylist()
        return found

    def unfinished(self) -> dict[str, set[FileStat]]:
        """The paths of logs that may still grow, and their files' stats when they were read.

        These are the newest logs, and those that were not read to their end.
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
        """The latest change of any log, in nanoseconds since 1970.

        A time in the future does not make other logs finished.
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
