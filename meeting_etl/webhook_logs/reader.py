"""class LogReader: the new lines of one log, from where reading stopped the last time.

Belongs here: splitting a log into lines with their offsets, in bounded memory, and counting what
was consumed. Does not: which log a file is (scan.py), the event of a line (events.py).
"""

import hashlib
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from meeting_etl.webhook_logs.known_logs import KnownLog
from meeting_etl.webhook_logs.log_file import Fingerprint, OpenLog
from meeting_etl.webhook_logs.nul_runs import NulRun, split_nul_runs

BOM = b"\xef\xbb\xbf"
CR = b"\r"


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """One line that is not blank.

    `offset` is its first byte in the uncompressed log, `number` counts from 1. `data` is without
    newline, without a CR before it and without a BOM at the start of the log; `byte_length` is its
    length. A line above the limit has no `data` but `sha256`, in hex, as `data` would have it.

    A run of NUL bytes (nul_runs.py) ends the text before it and is returned like a long line, with
    `is_nul_run`; the run and the parts of the line before and after it have the same number.
    """

    offset: int
    number: int
    data: bytes | None
    byte_length: int
    sha256: str | None
    is_nul_run: bool = False


class _Torn(NamedTuple):
    """The part of a line before a run of NUL bytes."""

    data: bytes


class LongLine:
    """A line above the limit, of which only a fingerprint and a digest are kept.

    `raw` is all of it but the newline. `data_length` and `sha256` (hex) also leave out a BOM at the
    start of the log and a CR at the end of the line. `has_newline`: the newline was read.
    """

    def __init__(self, begin: bytes, *, begins_log: bool) -> None:
        data = begin.removeprefix(BOM) if begins_log else begin
        self.raw = Fingerprint().extended_by(begin)
        self.has_newline = False
        self._left_out = len(begin) - len(data)
        self._pending = b""
        self._digest = hashlib.sha256()
        self._hash(data)

    @property
    def data_length(self) -> int:
        """Bytes of the line without BOM and CR."""
        return self.raw.length - self._left_out - len(self._pending)

    @property
    def sha256(self) -> str:
        """Digest of the line without BOM and CR, in hex."""
        return self._digest.hexdigest()

    def add(self, piece: bytes) -> None:
        """Add the next piece of the line."""
        self.raw = self.raw.extended_by(piece)
        self._hash(piece)

    def _hash(self, piece: bytes) -> None:
        """Digest a piece; a CR at its end waits, as it may be the last character of the line."""
        if piece:
            data = self._pending + piece
            self._pending = CR if data.endswith(CR) else b""
            self._digest.update(data.removesuffix(CR))


class UnfinishedLine:
    """The start of a line: as bytes or, above the limit, as `long`."""

    def __init__(self, max_line_bytes: int) -> None:
        self.long: LongLine | None = None
        self._limit = max_line_bytes + len(BOM) + len(CR)
        self._pieces: list[bytes] = []
        self._length = 0

    def add(self, piece: bytes, *, begins_log: bool) -> None:
        """Add a piece without a newline."""
        if self.long:
            self.long.add(piece)
            return
        self._pieces.append(piece)
        self._length += len(piece)
        if self._length > self._limit:
            self.long = LongLine(self.take_with(b""), begins_log=begins_log)

    def take_with(self, block: bytes) -> bytes:
        """The bytes so far with the block after them; nothing remains here."""
        joined = b"".join((*self._pieces, block)) if self._length else block
        self._pieces.clear()
        self._length = 0
        return joined


class LogReader:
    """A log, open for reading its new lines: a context manager, to iterate over once.

    `consumed` (uncompressed bytes) and `lines` (blank ones included) count, from the start of the
    log, what was returned so far: to the end of the latest line and, after the iteration, of the
    blank lines after it. A last line without newline is neither returned nor counted. `head` and
    `tail` are digests of what was consumed. So a caller may stop and commit after any line.

    `size` and `mtime` are 0 until the file was read to its end, so that it is opened again if that
    does not happen. `problem` is a sentence about what stopped reading early, or None; the lines
    before it are returned. `has_unfinished_line`: the log ended without a newline. OSError is never
    raised.
    """

    def __init__(
        self,
        open_log: Callable[[], OpenLog],
        log_file: str,
        known: KnownLog | None,
        *,
        max_line_bytes: int,
    ) -> None:
        self.consumed = known.bytes_consumed if known else 0
        self.lines = known.lines if known else 0
        self.size = 0
        self.mtime = 0
        self.problem: str | None = None
        self.has_unfinished_line = False
        self._open_log = open_log
        self._log_file = log_file
        self._known = known
        self._max_line_bytes = max_line_bytes
        self._file: OpenLog | None = None
        self._is_sound = False
        self._prefix = Fingerprint()
        self._block = b""

    def __enter__(self) -> Self:
        try:
            self._file = self._open_log()
            self._is_sound = self._known is None or self._known.is_continued_by(self._file)
        except OSError as error:
            self._report(f"cannot be read: {error.strerror or error}")
            return self
        if self._is_sound:
            self._prefix = self._file.fingerprint
        else:
            self._report("was changed while logs were read; the next run reads it again")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file:
            self._file.close()

    @property
    def head(self) -> str | None:
        """SHA-256, in hex, of the first 64 KiB (at most) consumed; None before any."""
        return self._digests()[0]

    @property
    def tail(self) -> str | None:
        """SHA-256, in hex, of the last 64 KiB (at most) consumed; None before any."""
        return self._digests()[1]

    def __iter__(self) -> Iterator[LogLine]:
        for block in self._blocks():
            if not isinstance(block, bytes):
                if line := self._line_of(block):
                    yield line
                continue
            start, begin, simple = 0, self.consumed, self._is_simple()
            while (end := block.find(b"\n", start)) >= 0:
                raw, offset, start = block[start:end], begin + start, end + 1
                self.consumed = begin + start
                self.lines += 1
                if not simple:
                    if line := self._trimmed(raw, offset, self.lines):
                        yield line
                elif raw and not raw.isspace():
                    yield LogLine(offset, self.lines, raw, len(raw), None)

    def _line_of(self, piece: LongLine | NulRun | _Torn) -> LogLine | None:
        """The line of a piece that is not a block; only a newline increases the line number."""
        offset, self.consumed = self.consumed, self._prefix.length
        number = self.lines + 1
        if isinstance(piece, _Torn):
            return self._trimmed(piece.data, offset, number)
        if isinstance(piece, NulRun):
            return LogLine(offset, number, None, piece.length, piece.sha256, is_nul_run=True)
        self.lines += piece.has_newline
        return LogLine(offset, number, None, piece.data_length, piece.sha256)

    def _trimmed(self, raw: bytes, offset: int, number: int) -> LogLine | None:
        data = raw.removeprefix(BOM) if offset == 0 else raw
        data = data.removesuffix(CR)
        if not data or data.isspace():
            return None
        if len(data) > self._max_line_bytes:
            return LogLine(offset, number, None, len(data), hashlib.sha256(data).hexdigest())
        return LogLine(offset, number, data, len(data), None)

    def _blocks(self) -> Iterator[bytes | LongLine | NulRun | _Torn]:
        """Blocks that begin with a line and have a newline; lines above the limit; NUL runs."""
        unfinished = UnfinishedLine(self._max_line_bytes)
        for block in split_nul_runs(self._file_blocks()):
            if isinstance(block, NulRun):
                yield from self._ended_by_nul_run(unfinished)
                self._prefix = self._prefix.joined_with(block.raw)
                yield block
                continue
            if long := unfinished.long:
                piece, newline, block = block.partition(b"\n")
                long.add(piece)
                if not newline:
                    continue
                unfinished.long = None
                long.has_newline = True
                self._prefix = self._prefix.joined_with(long.raw).extended_by(b"\n")
                yield long
            if b"\n" in block:
                self._block = unfinished.take_with(block)
                yield self._block
                block = self._block[self.consumed - self._prefix.length :]
                self._prefix, self._block = self._consumed_prefix(), b""
            unfinished.add(block, begins_log=self.consumed == 0)
        self.has_unfinished_line = bool(unfinished.long or unfinished.take_with(b"").strip())

    def _ended_by_nul_run(self, unfinished: UnfinishedLine) -> Iterator[LongLine | _Torn]:
        """The start of a line whose end is lost to a run of NUL bytes."""
        if long := unfinished.long:
            unfinished.long = None
            self._prefix = self._prefix.joined_with(long.raw)
            yield long
        elif start := unfinished.take_with(b""):
            self._prefix = self._prefix.extended_by(start)
            yield _Torn(start)

    def _is_simple(self) -> bool:
        """Whether no line of this block needs trimming, and none is above the limit."""
        is_short = len(self._block) <= self._max_line_bytes
        return is_short and self.consumed > 0 and CR not in self._block

    def _file_blocks(self) -> Iterator[bytes]:
        """The rest of the file; a problem is reported."""
        if self._file is None or not self._is_sound:
            return
        try:
            yield from self._file.blocks()
        except OSError as error:
            self._report(f"cannot be read to its end: {error.strerror or error}")
            return
        if self._file.damage:
            self._report(self._file.damage)
        elif self._file.position < self._file.size:
            self._report("was truncated while it was read")
            return
        self.size, self.mtime = self._file.size, self._file.mtime

    def _digests(self) -> tuple[str | None, str | None]:
        if self._file and self._file.is_known_by_name:
            return None, None
        if self._is_sound and self.consumed:
            return self._consumed_prefix().digests()
        return (self._known.head, self._known.tail) if self._known else (None, None)

    def _consumed_prefix(self) -> Fingerprint:
        """The fingerprint of all that was consumed."""
        return self._prefix.extended_by(
            memoryview(self._block)[: self.consumed - self._prefix.length]
        )

    def _report(self, problem: str) -> None:
        self.problem = f"{self._log_file} {problem}."
