"""Runs of NUL bytes in a log, which no program wrote.

Belongs here: separating them from the content, in bounded memory. Does not: lines (reader.py).

A crash leaves them, and so does truncating a log while its writer continues at its old offset. JSON
has no NUL bytes, and text in UTF-16 or UTF-32 has at most three in a row.
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
        """The fingerprint of its bytes."""
        end = _ZEROS[: self.length]
        return Fingerprint(self.length, end, end)

    @property
    def sha256(self) -> str:
        """Digest of all its bytes, in hex."""
        return self._digest.hexdigest()

    def add(self, length: int) -> None:
        """Extend the run by this many bytes."""
        self.length += length
        while length > 0:
            self._digest.update(_ZEROS[:length])
            length -= len(_ZEROS)


def split_nul_runs(blocks: Iterable[bytes]) -> Iterator[bytes | NulRun]:
    """The bytes without NUL runs, and the runs between them, in order.

    A run is yielded when bytes follow it: one at the end may still grow or be filled.
    """
    run: NulRun | None = None
    for block in blocks:
        rest = block
        if run:
            rest = block.lstrip(b"\0")
            run.add(len(block) - len(rest))
            if not rest:
                continue
            yield _ended(run)
            run = None
        start = 0
        for match in _RUNS.finditer(rest) if b"\0" in rest else ():
            if start < match.start():
                yield rest[start : match.start()]
            start = match.end()
            run = NulRun()
            run.add(start - match.start())
            if start < len(rest):
                yield run
                run = None
        if start < len(rest):
            yield rest[start:]


def _ended(run: NulRun) -> bytes | NulRun:
    return run if run.length >= LEAST_BYTES else _ZEROS[: run.length]
