"""One log, read line by line from where reading stopped the last time.

Belongs here: cutting a log into lines, with their places, and counting what was handed out. Does
not: which log a file is (scan.py), what a line says (events.py).
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from meeting_etl.webhook_logs.known_logs import KnownLog
from meeting_etl.webhook_logs.log_file import Fingerprint, LogFile
from meeting_etl.webhook_logs.nul_runs import NulRun, split

BOM = b"\xef\xbb\xbf"
CR = b"\r"


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """One line that is not blank.

    `offset` is its first byte in the uncompressed log, `number` counts from 1. `data` is without
    newline, without a CR before it and without a BOM at the begin of the log; `byte_length` is its
    length. A line above the limit has no `data` but the `sha256`, in hex, that `data` would have.

    A hole, that is a run of NUL bytes (nul_runs.py), ends what stands before it and is handed out
    like a long line, with `is_nul_run`; it and what is before and behind it in one line have one
    number.
    """

    offset: int
    number: int
    data: bytes | None
    byte_length: int
    sha256: str | None
    is_nul_run: bool = False


class _Torn(NamedTuple):
    """What stands in a line before a hole."""

    data: bytes


class LongLine:
    """A line above the limit, of which only both ends and a digest are kept.

    `raw` is all of it but the newline. `data_length` and `sha256` (hex) also leave out a BOM at the
    begin of the log and a CR at the end of the line. `has_newline` once the newline has come.
    """

    def __init__(self, begin: bytes, *, begins_log: bool) -> None:
        data = begin.removeprefix(BOM) if begins_log else begin
        self.raw = Fingerprint().then(begin)
        self.has_newline = False
        self._left_out = len(begin) - len(data)
        self._held = b""
        self._digest = hashlib.sha256()
        self._hash(data)

    @property
    def data_length(self) -> int:
        """Bytes of the line without BOM and CR."""
        return self.raw.length - self._left_out - len(self._held)

    @property
    def sha256(self) -> str:
        """Digest of the line without BOM and CR, in hex."""
        return self._digest.hexdigest()

    def add(self, piece: bytes) -> None:
        """Go on with the next piece of the line."""
        self.raw = self.raw.then(piece)
        self._hash(piece)

    def _hash(self, piece: bytes) -> None:
        """A CR is held back: only the next piece tells that it is not the last of the line."""
        if piece:
            data = self._held + piece
            self._held = CR if data.endswith(CR) else b""
            self._digest.update(data.removesuffix(CR))


class UnfinishedLine:
    """The begin of a line: whole or, when it is above the limit, as `long`."""

    def __init__(self, max_line_bytes: int) -> None:
        self.long: LongLine | None = None
        self._limit = max_line_bytes + len(BOM) + len(CR)
        self._pieces: list[bytes] = []
        self._length = 0

    def add(self, piece: bytes, *, begins_log: bool) -> None:
        """Go on with a piece that holds no newline."""
        if self.long:
            self.long.add(piece)
            return
        self._pieces.append(piece)
        self._length += len(piece)
        if self._length > self._limit:
            self.long = LongLine(self.joined_with(b""), begins_log=begins_log)

    def joined_with(self, block: bytes) -> bytes:
        """The block behind what is held; nothing is held any more."""
        joined = b"".join((*self._pieces, block)) if self._length else block
        self._pieces.clear()
        self._length = 0
        return joined


class LogReader:
    """A log, open for reading what is new: a context manager, to iterate over once.

    `consumed` (uncompressed bytes) and `lines` (blank ones too) count, from the begin of the log,
    what was handed out so far: to the end of the last line and, once iteration is over, of the
    blank ones behind it. A last line without newline is neither handed out nor counted. `head` and
    `tail` are digests of what was consumed. So a caller may stop and commit after any line.

    `size` and `mtime` are 0 until the file was read to its end, so that it is opened again if that
    never happens. `problem` is a sentence on what hindered reading, or None; the lines before it
    are handed out. OSError is never raised.
    """

    def __init__(
        self, path: Path, log_file: str, known: KnownLog | None, *, max_line_bytes: int
    ) -> None:
        self.consumed = known.bytes_consumed if known else 0
        self.lines = known.lines if known else 0
        self.size = 0
        self.mtime = 0
        self.problem: str | None = None
        self._path = path
        self._log_file = log_file
        self._known = known
        self._max_line_bytes = max_line_bytes
        self._file: LogFile | None = None
        self._is_sound = False
        self._prefix = Fingerprint()
        self._block = b""

    def __enter__(self) -> Self:
        try:
            self._file = LogFile(self._path)
            self._is_sound = self._known is None or self._known.is_continued_by(self._file)
        except OSError as error:
            self._report(f"cannot be read: {error.strerror or error}")
            return self
        if self._is_sound:
            self._prefix = self._file.prefix
        else:
            self._report("was changed while logs were read; the next run looks at it again")
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
        """SHA-256, in hex, of the first (at most) 64 KiB consumed; None while that is nothing."""
        return self._digests()[0]

    @property
    def tail(self) -> str | None:
        """SHA-256, in hex, of the last (at most) 64 KiB consumed; None while that is nothing."""
        return self._digests()[1]

    def __iter__(self) -> Iterator[LogLine]:
        for block in self._blocks():
            if not isinstance(block, bytes):
                if line := self._alone(block):
                    yield line
                continue
            start, begin, usual = 0, self.consumed, self._is_usual()
            while (end := block.find(b"\n", start)) >= 0:
                raw, offset, start = block[start:end], begin + start, end + 1
                self.consumed = begin + start
                self.lines += 1
                if not usual:
                    if line := self._unusual(raw, offset, self.lines):
                        yield line
                elif raw and not raw.isspace():
                    yield LogLine(offset, self.lines, raw, len(raw), None)

    def _alone(self, piece: LongLine | NulRun | _Torn) -> LogLine | None:
        """A line that is no part of a block; the last line's number grows with its newline only."""
        offset, self.consumed = self.consumed, self._prefix.length
        number = self.lines + 1
        if isinstance(piece, _Torn):
            return self._unusual(piece.data, offset, number)
        if isinstance(piece, NulRun):
            return LogLine(offset, number, None, piece.length, piece.sha256, is_nul_run=True)
        self.lines += piece.has_newline
        return LogLine(offset, number, None, piece.data_length, piece.sha256)

    def _unusual(self, raw: bytes, offset: int, number: int) -> LogLine | None:
        data = raw.removeprefix(BOM) if offset == 0 else raw
        data = data.removesuffix(CR)
        if not data or data.isspace():
            return None
        if len(data) > self._max_line_bytes:
            return LogLine(offset, number, None, len(data), hashlib.sha256(data).hexdigest())
        return LogLine(offset, number, data, len(data), None)

    def _blocks(self) -> Iterator[bytes | LongLine | NulRun | _Torn]:
        """Blocks that begin with a line and hold a newline; lines above the limit; holes."""
        unfinished = UnfinishedLine(self._max_line_bytes)
        for block in split(self._file_blocks()):
            if isinstance(block, NulRun):
                yield from self._ended_by_hole(unfinished)
                self._prefix = self._prefix.followed_by(block.raw)
                yield block
                continue
            if long := unfinished.long:
                piece, newline, block = block.partition(b"\n")
                long.add(piece)
                if not newline:
                    continue
                unfinished.long = None
                long.has_newline = True
                self._prefix = self._prefix.followed_by(long.raw).then(b"\n")
                yield long
            if b"\n" in block:
                self._block = unfinished.joined_with(block)
                yield self._block
                block = self._block[self.consumed - self._prefix.length :]
                self._prefix, self._block = self._passed(), b""
            unfinished.add(block, begins_log=self.consumed == 0)

    def _ended_by_hole(self, unfinished: UnfinishedLine) -> Iterator[LongLine | _Torn]:
        """The begin of a line, whose end will not come any more; nothing is held then."""
        if long := unfinished.long:
            unfinished.long = None
            self._prefix = self._prefix.followed_by(long.raw)
            yield long
        elif begin := unfinished.joined_with(b""):
            self._prefix = self._prefix.then(begin)
            yield _Torn(begin)

    def _is_usual(self) -> bool:
        """Nothing has to be cut off from the lines of this block, and none is above the limit."""
        is_short = len(self._block) <= self._max_line_bytes
        return is_short and self.consumed > 0 and CR not in self._block

    def _file_blocks(self) -> Iterator[bytes]:
        """The rest of the file; what ends it early is reported."""
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
            self._report("became shorter while it was read")
            return
        self.size, self.mtime = self._file.size, self._file.mtime

    def _digests(self) -> tuple[str | None, str | None]:
        if self._is_sound and self.consumed:
            return self._passed().digests()
        return (self._known.head, self._known.tail) if self._known else (None, None)

    def _passed(self) -> Fingerprint:
        """All that was consumed."""
        return self._prefix.then(memoryview(self._block)[: self.consumed - self._prefix.length])

    def _report(self, what: str) -> None:
        self.problem = f"{self._log_file} {what}."
