"""The bytes of one log file, plain or gzip.

Belongs here: opening, decompressing as far as a damaged file allows, skipping to a byte, and the
fingerprint of what was read. Does not: lines (reader.py), which files exist (listing.py).
"""

import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# A log is recognised by this many bytes at both ends.
WINDOW_BYTES = 64 * 1024
BLOCK_BYTES = 256 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WBITS = 31


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The first `length` uncompressed bytes of a log, by their first and last 64 KiB (at most)."""

    length: int = 0
    first: bytes = b""
    last: bytes = b""

    def extended_by(self, more: memoryview | bytes) -> "Fingerprint":
        """The fingerprint with these bytes appended."""
        return self._append(more, more, len(more))

    def joined_with(self, more: "Fingerprint") -> "Fingerprint":
        """The fingerprint with bytes appended of which only the fingerprint is known."""
        return self._append(more.first, more.last, more.length)

    def _append(
        self, first: memoryview | bytes, last: memoryview | bytes, length: int
    ) -> "Fingerprint":
        head, tail = self.first, bytes(last[-WINDOW_BYTES:])
        if len(head) < WINDOW_BYTES:
            head += first[: WINDOW_BYTES - len(head)]
        if len(tail) < WINDOW_BYTES:
            tail = (self.last + tail)[-WINDOW_BYTES:]
        return Fingerprint(self.length + length, head, tail)

    def digests(self) -> tuple[str, str]:
        """SHA-256, in hex, of the first and of the last bytes."""
        return hashlib.sha256(self.first).hexdigest(), hashlib.sha256(self.last).hexdigest()


class OpenLog(Protocol):
    """A log, open for reading: a file, or segments in a bucket. All methods raise OSError.

    `size` and `mtime` (nanoseconds) are those at the time of opening. Nothing after `size` is read,
    so that reading ends although the log grows. `fingerprint` is that of the bytes skipped.
    `damage` is why the bytes end early, in words that follow the name of the log, else None.
    `is_known_by_name`: its name says which log it is, and its bytes need no comparison.
    """

    damage: str | None
    fingerprint: Fingerprint
    is_gzip: bool
    is_known_by_name: bool

    @property
    def size(self) -> int:
        """Bytes of the file."""

    @property
    def mtime(self) -> int:
        """When the file was changed."""

    @property
    def position(self) -> int:
        """Bytes read of the file as it is stored."""

    def close(self) -> None:
        """Close the file."""

    def skip_to(self, length: int) -> bool:
        """Skip forward to the uncompressed byte `length`; False if the log is shorter."""

    def blocks(self) -> Iterator[bytes]:
        """The remaining uncompressed bytes, in blocks, none empty."""

    def take(self, length: int) -> Iterator[bytes]:
        """The next `length` uncompressed bytes, in pieces; fewer at the end of the file."""


class LogFile:
    """An open log file.

    `size` and `mtime` (nanoseconds) are those at the time of opening. Nothing after `size` is read,
    so that reading ends although the log grows. `fingerprint` is that of the bytes skipped.
    `damage` is why gzip data ends early, in words that follow the name of the file, else None. All
    methods raise OSError.
    """

    is_known_by_name = False

    def __init__(self, path: Path) -> None:
        self.damage: str | None = None
        self.fingerprint = Fingerprint()
        self._rest = b""
        self._file = path.open("rb")
        try:
            status = os.fstat(self._file.fileno())
            magic = self._at(0, len(_GZIP_MAGIC))
            self._file.seek(0)
        except OSError:
            self._file.close()
            raise
        self.size = status.st_size
        self.mtime = status.st_mtime_ns
        self.is_gzip = magic == _GZIP_MAGIC or (path.suffix == ".gz" and self.size > 0)
        self._source = self._inflated() if self.is_gzip else self._plain()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def position(self) -> int:
        """Bytes read of the file as it is on disk."""
        return self._file.tell()

    def skip_to(self, length: int) -> bool:
        """Skip forward to the uncompressed byte `length`; `fingerprint` is that of all before it.

        Returns False if the file is shorter. Of a plain file only both ends are read.
        """
        return self._inflate_to(length) if self.is_gzip else self._seek_to(length)

    def blocks(self) -> Iterator[bytes]:
        """The remaining uncompressed bytes, in blocks of about 256 KiB, none empty."""
        if self._rest:
            yield self._rest
        yield from self._source

    def take(self, length: int) -> Iterator[bytes]:
        """The next `length` uncompressed bytes, in pieces; fewer at the end of the file.

        Not to be combined with `blocks`.
        """
        if not self.is_gzip:
            while length and (block := self._file.read(min(BLOCK_BYTES, length))):
                length -= len(block)
                yield block
            return
        while length and (block := self._rest or next(self._source, b"")):
            piece, self._rest = block[:length], block[length:]
            self.fingerprint = self.fingerprint.extended_by(piece)
            length -= len(piece)
            yield piece

    def _seek_to(self, length: int) -> bool:
        first = self._at(0, min(length, WINDOW_BYTES))
        start = max(0, length - WINDOW_BYTES)
        last = self._at(start, length - start)
        self.fingerprint = Fingerprint(length, first, last)
        return len(last) == length - start

    def _at(self, start: int, length: int) -> bytes:
        self._file.seek(start)
        return self._file.read(length)

    def _inflate_to(self, length: int) -> bool:
        while self.fingerprint.length < length:
            block = self._rest or next(self._source, b"")
            if not block:
                return False
            skipped = block[: length - self.fingerprint.length]
            self.fingerprint = self.fingerprint.extended_by(skipped)
            self._rest = block[len(skipped) :]
        return True

    def _plain(self) -> Iterator[bytes]:
        while block := self._file.read(min(BLOCK_BYTES, self.size - self._file.tell())):
            yield block

    def _inflated(self) -> Iterator[bytes]:
        """The content of all members of a gzip file, up to the damage in a damaged one."""
        member, begun = zlib.decompressobj(_GZIP_WBITS), False
        for compressed in self._plain():
            while compressed := compressed if begun else compressed.lstrip(b"\0"):
                spare, begun = member.copy(), True
                try:
                    block = member.decompress(compressed, BLOCK_BYTES)
                except zlib.error:
                    sound = self.position - len(compressed)
                    self.damage = f"is damaged gzip after byte {sound:,}"
                    block = _salvaged(spare, compressed)
                if block:
                    yield block
                if self.damage:
                    return
                compressed = member.unconsumed_tail
                if member.eof:
                    compressed = member.unused_data
                    member, begun = zlib.decompressobj(_GZIP_WBITS), False
        if begun:
            self.damage = "is truncated: its gzip data has no end"
            if block := member.flush():
                yield block


def _salvaged(member: "zlib._Decompress", compressed: bytes) -> bytes:
    """The content before the damage, byte by byte: zlib returns nothing for a damaged piece."""
    blocks = []
    for at in range(len(compressed)):
        try:
            blocks.append(member.decompress(compressed[at : at + 1]))
        except zlib.error:
            break
    return b"".join(blocks)
