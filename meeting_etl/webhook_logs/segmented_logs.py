"""The webhook logs that receivers shipped into a bucket, read like files.

Belongs here: which of them have new lines, and the bytes of one. Does not: names of logs and
segments (object_storage/log_segments.py), shipping them (receiver/shipper.py), lines (reader.py).

Such a log is recognised by its name, which has its id. Only segments with bytes that were not read
yet are downloaded, so that it has no digests; of a log that was ended and read nothing is listed.
"""

from collections.abc import Iterator

from meeting_etl.object_storage.log_segments import (
    Chain,
    LogSegments,
    Segment,
    chain_from,
    id_of,
    is_log,
)
from meeting_etl.webhook_logs.known_logs import KnownLogs
from meeting_etl.webhook_logs.log_file import Fingerprint
from meeting_etl.webhook_logs.scan import LogToRead

_NS = 10**9


class SegmentedLog:
    """A log in a bucket, open for reading: what LogFile is for a file.

    `size` is the number of bytes up to the end or a gap, `mtime` (nanoseconds) the time when the
    log was ended, 0 while it may go on. Methods raise StorageError, and FileNotFoundError for what
    was removed.
    """

    damage: str | None = None
    is_gzip = False
    is_known_by_name = True

    def __init__(self, segments: LogSegments, name: str) -> None:
        self.fingerprint = Fingerprint()
        self._files = segments
        self._all = segments.of(name)
        if not self._all:
            raise FileNotFoundError(2, "no such log in the bucket", name)
        self._chain = chain_from(self._all, 0)
        self._latest: tuple[Segment, bytes] | None = None

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self._chain.end

    @property
    def mtime(self) -> int:
        """When the log was ended."""
        return _nanoseconds(self._chain)

    @property
    def position(self) -> int:
        """Bytes read."""
        return self.fingerprint.length

    def close(self) -> None:
        """Forget what was read."""
        self._latest = None

    def skip_to(self, length: int) -> bool:
        """Skip to the byte `length` without reading; False if the log is shorter."""
        chain = chain_from(self._all, length)
        if not chain.segments and all(segment.end < length for segment in self._all):
            return False
        self._chain = chain
        self._move_to(length)
        return True

    def blocks(self) -> Iterator[bytes]:
        """The remaining bytes, a segment at a time."""
        for segment in self._chain.segments:
            content = self._read(segment)[self.position - segment.offset :]
            self._move_to(segment.end)
            if content:
                yield content

    def take(self, length: int) -> Iterator[bytes]:
        """The next `length` bytes, in pieces; fewer at the end."""
        for segment in self._chain.segments:
            if segment.end <= self.position:
                continue
            at = self.position - segment.offset
            piece = self._read(segment)[at : at + length]
            self._move_to(self.position + len(piece))
            length -= len(piece)
            yield piece
            if not length:
                return

    def _read(self, segment: Segment) -> bytes:
        if self._latest is None or self._latest[0] != segment:
            self._latest = segment, self._files.read(segment)
        return self._latest[1]

    def _move_to(self, position: int) -> None:
        self.fingerprint = Fingerprint(position)


class SegmentedLogs:
    """All logs in the bucket. Methods raise StorageError."""

    def __init__(self, segments: LogSegments) -> None:
        self.segments = segments

    def has_new_lines(self, known: KnownLogs) -> bool:
        """Whether a log has bytes beyond what was read."""
        names, _ = self.segments.logs()
        return any(chain.end > start for _, start, chain in self._open_logs(names, known))

    def scan(self, known: KnownLogs, problems: list[str], unread: list[str]) -> list[LogToRead]:
        """The logs with new bytes, or ended since they were read, in the order of names.

        Adds sentences to `problems`, and to `unread` what is among the logs and is none.
        """
        names, others = self.segments.logs()
        unread += others
        found = []
        for name, start, chain in self._open_logs(names, known):
            if chain.has_gap:
                problems.append(
                    f"{name} lacks its bytes from {chain.end:,} on: a segment was removed from "
                    f"{self.segments.where(name)}."
                )
            if chain.end > start or chain.ended_at:
                found.append(name)
        rows = known.at_paths(found)
        return [
            LogToRead(id_of(name), name, next(iter(rows.get(name, ())), None), None, moved=False)
            for name in found
        ]

    def _open_logs(self, names: list[str], known: KnownLogs) -> Iterator[tuple[str, int, Chain]]:
        """The logs that may have more than was read: name, bytes read, segments with the others."""
        read = known.read_so_far()
        for name in sorted(names):
            consumed, mtime = read.get(name, (0, 0))
            if not mtime:
                yield name, consumed, chain_from(self.segments.of(name), consumed)


def is_segmented(log_file: str) -> bool:
    """Whether the path of a log below webhook_logs is that of one in a bucket."""
    return is_log(log_file)


def _nanoseconds(chain: Chain) -> int:
    return int(chain.ended_at.timestamp() * _NS) if chain.ended_at else 0
