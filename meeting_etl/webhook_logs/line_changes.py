"""Lines of a log changed without moving a byte of the others.

Belongs here: which lines a function changes, and writing them into a plain or compressed log. Does
not: when they are written and what else has to change with them (pipeline/ingest/log_rewriting.py).

A changed line keeps its length, as its byte offset and those after it are keys of rows: what is
missing is filled up with spaces, which JSON allows at its end.
"""

import gzip
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec

from meeting_etl.files import Files
from meeting_etl.webhook_logs.log_file import LogFile, OpenLog
from meeting_etl.webhook_logs.reader import BOM, LogReader

# The new line for a line, both without newline; None leaves it.
Change = Callable[[bytes], bytes | None]
# What a kill or a loss of power leaves is written up to a multiple of this, or from there on.
_SECTOR_BYTES = 512


class ChangedLine(msgspec.Struct, frozen=True):
    """A line as it is to be: `offset` is that of its row, `start` that of its text after a BOM.

    `former` is the SHA-256, in hex, of what it was. `is_first`: the log's id is made from it.
    """

    offset: int
    start: int
    data: bytes
    former: str
    is_first: bool

    def is_at(self, stored: bytes) -> bool:
        """Whether these bytes are the line: as it was, as it is to be, or written in part."""
        if len(stored) < len(self.data):
            return False
        if stored == self.data or hashlib.sha256(stored).hexdigest() == self.former:
            return True
        return any(
            stored[:at] == self.data[:at] or stored[at:] == self.data[at:]
            for at in range(-self.start % _SECTOR_BYTES, len(self.data), _SECTOR_BYTES)
            if at
        )


class LineChanges:
    """The lines of a log that `change` changes, in their order; to iterate over once.

    They are filled up to their old length. `count` of them were returned so far; `too_long` counts
    the lines that are above the limit and were not looked at.
    """

    def __init__(self, open_log: Callable[[], OpenLog], reader: LogReader, change: Change) -> None:
        self.count = 0
        self.too_long = 0
        self._open_log, self._reader, self._change = open_log, reader, change

    def __iter__(self) -> Iterator[ChangedLine]:
        is_first = True
        for line in self._reader:
            new = None
            if line.data is not None:
                new = _filled(line.data, self._change(line.data))
            elif not line.is_nul_run:
                self.too_long += 1
            if new is not None:
                self.count += 1
                bom = len(BOM) if line.offset == 0 and self._has_bom() else 0
                former = hashlib.sha256(line.data or b"").hexdigest()
                yield ChangedLine(line.offset, line.offset + bom, new, former, is_first)
            is_first = is_first and line.is_nul_run

    def _has_bom(self) -> bool:
        with closing(self._open_log()) as file:
            return b"".join(file.take(len(BOM))) == BOM


def _filled(old: bytes, new: bytes | None) -> bytes | None:
    if new is None:
        return None
    if len(new) > len(old) or b"\n" in new or not new.strip():
        raise ValueError("A changed line must not be longer, of several lines or blank.")
    filled = new.ljust(len(old))
    return None if filled == old else filled


def overwrite(path: Path, lines: Iterable[ChangedLine]) -> int:
    """Write the lines over the old ones, durably; returns how many. Repeating it changes nothing.

    The file stays the same one, as a receiver may be appending to it. A line that is not there any
    more is not written: the file was truncated, or it is another one.
    """
    written, files = 0, Files(path.parent)
    with files.translate_errors(path.name), path.open("r+b", buffering=0) as file:
        for line in lines:
            if line.is_at(os.pread(file.fileno(), len(line.data), line.start)):
                file.seek(line.start)
                files.write(path.name, file, line.data)
                written += 1
        files.sync(path.name, file)
    return written


def check_writable(path: Path) -> None:
    """Raise StorageError if a log cannot be written."""
    with Files(path.parent).translate_errors(path.name), path.open("r+b"):
        pass


def write_compressed(source: Path, target: Path, lines: Iterator[ChangedLine]) -> bool:
    """Write a compressed log with the lines changed to `target`, durably, for the same users.

    False when the log is damaged, so that the target lacks what could not be read.
    """
    status = source.stat()
    with Files(target.parent).replacement(target.name) as path, path.open("wb") as file:
        os.fchmod(file.fileno(), status.st_mode & 0o7777)
        with suppress(PermissionError):
            os.fchown(file.fileno(), status.st_uid, status.st_gid)
        with (
            closing(LogFile(source)) as log,
            gzip.GzipFile("", "wb", fileobj=file) as compressed,
        ):
            for block in overlaid(log.blocks(), lines):
                compressed.write(block)
            return log.damage is None


def overlaid(
    blocks: Iterable[bytes], lines: Iterator[ChangedLine], begin: int = 0
) -> Iterator[bytes]:
    """The blocks of a log, from byte `begin` on, with the lines written over them."""
    line = next(lines, None)
    for block in blocks:
        pieces, at, end = list[bytes](), begin, begin + len(block)
        while line and line.start < end:
            first, last = max(at, line.start), min(line.start + len(line.data), end)
            pieces.append(block[at - begin : first - begin])
            pieces.append(line.data[first - line.start : last - line.start])
            at = last
            if line.start + len(line.data) > end:
                break
            line = next(lines, None)
        yield b"".join((*pieces, block[at - begin :]))
        begin = end
