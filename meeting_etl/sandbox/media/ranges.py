"""The requested part of a file (RFC 9110, 13 and 14).

Belongs here: Range and If-Range. Does not: what the file is and how it is sent (host.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{0,18})")


class Unsatisfiable(Exception):
    """The part begins where the file has ended: 416."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from `start` (incl.) to `end` (excl.)."""

    start: int
    end: int


def asked_start(headers: Mapping[str, str]) -> int | None:
    """First byte of the Range of a request; None without one that can be read."""
    found = _RANGE.fullmatch(headers.get("Range", "").strip())
    return int(found[1]) if found else None


def part(headers: Mapping[str, str], size: int, etag: str, modified: str) -> Span | None:
    """The requested part; None = all of it.

    Only `bytes=N-` and `bytes=N-M` count: a server may ignore other forms, and this one does. With
    an If-Range that names another file, everything is sent.
    """
    if_range = headers.get("If-Range")
    if if_range is not None and if_range not in (etag, modified):
        return None
    found = _RANGE.fullmatch(headers.get("Range", "").strip())
    if not found:
        return None
    start, last = int(found[1]), int(found[2]) if found[2] else size - 1
    if found[2] and last < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return Span(start, min(last + 1, size))
