"""The line whose newline has not come yet, held in bounded memory.

Belongs here: what is kept of a line above the limit on its length. Does not: the lines of a whole
log (reader.py).
"""

import hashlib

from meeting_etl.webhook_logs.fingerprint import Fingerprint

BOM = b"\xef\xbb\xbf"
CR = b"\r"


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


class Unfinished:
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
