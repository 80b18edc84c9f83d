"""By what a log is recognised: the first and the last bytes of what was read of it.

Belongs here: keeping those bytes while reading goes on, and their digests. Does not: comparing
logs (scan.py).
"""

import hashlib
from dataclasses import dataclass

WINDOW_BYTES = 64 * 1024


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
