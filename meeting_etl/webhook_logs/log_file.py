"""The bytes of one log file, plain or gzip.

Belongs here: opening, decompressing as far as a damaged file allows, getting to a byte. Does not:
lines (reader.py), which files there are (listing.py).
"""

import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# What a log is recognised by: so many bytes of both ends.
WINDOW_BYTES = 64 * 1024
BLOCK_BYTES = 256 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WBITS = 31


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The first `length` uncompressed bytes of a log: its first and last (at most) 64 KiB."""

    length: int = 0
    first: bytes = b""
    last: bytes = b""

    def then(self, more: memoryview | bytes) -> "Fingerprint":
        """The prefix that is longer by `more`."""
        return self._then(more, more, len(more))

    def followed_by(self, more: "Fingerprint") -> "Fingerprint":
        """The prefix that is longer by bytes of which only both ends are at hand."""
        return self._then(more.first, more.last, more.length)

    def _then(
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


class LogFile:
    """An open log file.

    `size` and `mtime` (nanoseconds) are those at the time of opening, and nothing behind `size` is
    read: a log that is written to all the time comes to an end too. `damage` says, in words that
    follow the name of the file, why its gzip data ends early; None while it does not. All methods
    raise OSError.
    """

    def __init__(self, path: Path) -> None:
        self.damage: str | None = None
        self.prefix = Fingerprint()
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
        self._is_gzip = magic == _GZIP_MAGIC or (path.suffix == ".gz" and self.size > 0)
        self._source = self._inflated() if self._is_gzip else self._plain()

    def close(self) -> None:
        """Nothing can be read any more."""
        self._file.close()

    @property
    def position(self) -> int:
        """Bytes of the file, as it lies on disk, that were read."""
        return self._file.tell()

    def skip_to(self, length: int) -> bool:
        """Go on to the uncompressed byte `length`, not back; `prefix` is what lies before it then.

        False if the file is shorter. Of a plain file only both ends of the prefix are read.
        """
        return self._inflate_to(length) if self._is_gzip else self._seek_to(length)

    def blocks(self) -> Iterator[bytes]:
        """The uncompressed bytes from here on, in pieces of some 256 KiB, none empty."""
        if self._rest:
            yield self._rest
        yield from self._source

    def take(self, length: int) -> Iterator[bytes]:
        """The next `length` uncompressed bytes, in pieces, going on behind them; less at the end.

        Not to be mixed with `blocks`.
        """
        if not self._is_gzip:
            while length and (block := self._file.read(min(BLOCK_BYTES, length))):
                length -= len(block)
                yield block
            return
        while length and (block := self._rest or next(self._source, b"")):
            piece, self._rest = block[:length], block[length:]
            self.prefix = self.prefix.then(piece)
            length -= len(piece)
            yield piece

    def _seek_to(self, length: int) -> bool:
        first = self._at(0, min(length, WINDOW_BYTES))
        start = max(0, length - WINDOW_BYTES)
        last = self._at(start, length - start)
        self.prefix = Fingerprint(length, first, last)
        return len(last) == length - start

    def _at(self, start: int, length: int) -> bytes:
        self._file.seek(start)
        return self._file.read(length)

    def _inflate_to(self, length: int) -> bool:
        while self.prefix.length < length:
            block = self._rest or next(self._source, b"")
            if not block:
                return False
            passed = block[: length - self.prefix.length]
            self.prefix = self.prefix.then(passed)
            self._rest = block[len(passed) :]
        return True

    def _plain(self) -> Iterator[bytes]:
        while block := self._file.read(min(BLOCK_BYTES, self.size - self._file.tell())):
            yield block

    def _inflated(self) -> Iterator[bytes]:
        """The content of all members of a gzip file, and of a damaged one all that is sound."""
        member, begun = zlib.decompressobj(_GZIP_WBITS), False
        for compressed in self._plain():
            while compressed := compressed if begun else compressed.lstrip(b"\0"):
                spare, begun = member.copy(), True
                try:
                    block = member.decompress(compressed, BLOCK_BYTES)
                except zlib.error:
                    sound = self.position - len(compressed)
                    self.damage = f"is not sound gzip behind its byte {sound:,}"
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
            self.damage = "is cut off: its gzip data has no end"
            if block := member.flush():
                yield block


def _salvaged(member: "zlib._Decompress", compressed: bytes) -> bytes:
    """What lies before the fault, found byte by byte: zlib gives nothing of a piece with one."""
    blocks = []
    for at in range(len(compressed)):
        try:
            blocks.append(member.decompress(compressed[at : at + 1]))
        except zlib.error:
            break
    return b"".join(blocks)
