"""Lines of a webhook log that are not usable, one of each kind.

Belongs here: how a line can be malformed. Does not: where it goes (deliveries.py).
"""

from typing import Any

import msgspec

_STRAY = "0bad0bad0bad0bad0bad0bad0bad0bad_I_199999999999999999"
_ENDED: dict[str, Any] = {
    "resource": "meetings",
    "event": "ended",
    "data": {"id": _STRAY, "state": "ended", "end": "2026-01-05T10:00:00Z"},
}
# What a meetings/ended event is made to say; None = the field is missing.
_BAD_DATA: dict[str, dict[str, str | None]] = {
    "no meeting id": {"id": None},
    "no end": {"end": None},
    "unreadable end": {"end": "yesterday at noon"},
    "end before 2015": {"end": "2014-12-31T23:59:59Z"},
    "end in the future": {"end": "2999-01-01T00:00:00Z"},
}
_BAD_BYTES = {
    "not utf-8": b'{"resource":"meetings","event":"ended","data":{"id":"\xff\xfe"}}',
    "not json": b"Nov 22 08:00:01 collector[311]: restarted",
    "array": b'[{"resource":"meetings","event":"ended"}]',
    "number": b"42",
    "not a payload": b'{"level":"info","msg":"queue drained","queued":0}',
    "nuls": b"\x00" * 512,
    "envelope without body": b'{"received_at":"2026-01-05T10:00:00Z","headers":{}}',
}
MALFORMED = (*_BAD_BYTES, *_BAD_DATA, "truncated", "two objects")


def malformed_line(kind: str, sound: bytes) -> bytes:
    """A line of that kind of `MALFORMED`, without its newline, made from a valid line, `sound`."""
    if kind in _BAD_BYTES:
        return _BAD_BYTES[kind]
    if kind == "truncated":
        return sound[: len(sound) // 2]
    if kind == "two objects":
        return sound + sound
    data = {**_ENDED["data"], **_BAD_DATA[kind]}
    left = {name: value for name, value in data.items() if value is not None}
    return msgspec.json.encode({**_ENDED, "data": left})
