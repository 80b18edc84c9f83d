"""Holes in a log: runs of NUL bytes, which nobody wrote.

Belongs here: telling holes from what is written, in bounded memory. Does not: lines (reader.py).

A crash leaves them, and a log truncated below a writer that goes on where it was. No JSON has NUL
bytes, and text in UTF-16 or UTF-32 has at most three in a row.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator

from meeting_etl.webhook_logs.log_file import WINDOW_BYTES, Fingerprint

LEAST_BYTES = 4
_RUNS = re.compile(rb"\0{%d,}|\0+\Z" % LEAST_BYTES)
_ZEROS = bytes(WINDOW_BYTES)


class NulRun:
    """A run of NUL bytes, of which only the length and a digest are kept."""

    def __init__(self) -> None:
        self.length = 0
        self._digest = hashlib.sha256()

    @property
    def raw(self) -> Fingerprint:
        """Its length in bytes, and both ends."""
        end = _ZEROS[: self.length]
        return Fingerprint(self.length, end, end)

    @property
    def sha256(self) -> str:
        """Digest of all its bytes, in hex."""
        return self._digest.hexdigest()

    def add(self, length: int) -> None:
        """Go on for so many bytes."""
        self.length += length
        while length > 0:
            self._digest.update(_ZEROS[:length])
            length -= len(_ZEROS)


def split(blocks: Iterable[bytes]) -> Iterator[bytes | NulRun]:
    """The bytes without holes, and the holes between them, in their order.

    A hole counts once something stands behind it: one at the end may still be growing or filled.
    """
    hole: NulRun | None = None
    for block in blocks:
        rest = block
        if hole:
            rest = block.lstrip(b"\0")
            hole.add(len(block) - len(rest))
            if not rest:
                continue
            yield _ended(hole)
            hole = None
        start = 0
        for run in _RUNS.finditer(rest) if b"\0" in rest else ():
            if start < run.start():
                yield rest[start : run.start()]
            start = run.end()
            hole = NulRun()
            hole.add(start - run.start())
            if start < len(rest):
                yield hole
                hole = None
        if start < len(rest):
            yield rest[start:]


def _ended(hole: NulRun) -> bytes | NulRun:
    return hole if hole.length >= LEAST_BYTES else _ZEROS[: hole.length]
