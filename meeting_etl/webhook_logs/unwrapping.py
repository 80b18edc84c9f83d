"""Webhook payloads within the envelopes of gateways, log shippers, container runtimes and the like.

Belongs here: finding the payload in a line, whatever is around it, and the time that the envelope
has for it. Does not: the content of a payload (events.py), writing the receiver's own envelope
(receiver/envelope.py).

There is no list of products. A payload is an object with strings `resource` and `event` and an
object `data`. It is searched for in the members of objects and arrays, in strings that are JSON
again (as the `body` of a gateway, the `message` or `log` of a shipper), in a body marked as base64,
and after the prefix that a logger writes on the line. Nothing around a payload is ever stored.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from meeting_etl.times import parse_timestamp
from meeting_etl.webhook_logs.lenient_json import parse_leniently

# Nesting of arrays, objects and strings; real lines have four or five levels.
MAX_DEPTH = 10
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
# With an offset, as a local time would be taken for UTC.
LEADING_TIME = re.compile(
    rb"\s*(?:<\d{1,3}>\d?\s*)?\[?"
    rb"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d))"
)
# No logger writes it; a crash leaves it.
_NUL = b"\0"
_HAS_OFFSET = re.compile(r".*(?:[Zz]|[+-]\d\d:?\d\d)").fullmatch
TIME_NAMES = ("@timestamp", "timestamp", "time", "date", "ts")
_GATEWAY_TIMES = ("timeEpoch", "requestTimeEpoch")
# Units of numbers since 1970: within the accepted years a number fits only one of them.
_UNITS_PER_SECOND = (1, 10**3, 10**6, 10**9)
_EARLIEST_SECONDS = datetime(2015, 1, 1, tzinfo=UTC).timestamp()
_LATEST_SECONDS = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


class Wrapped(NamedTuple):
    """A payload: its JSON, byte for byte, and decoded; `stamps` are candidates for received_at.

    The stamps are those of each envelope, the innermost first: its `received_at` as it is, else the
    times that it has under other names.
    """

    body: bytes
    payload: dict[str, Any]
    stamps: tuple[object, ...]


def lacking(payload: object) -> str:
    """What is missing for a webhook payload, in words; empty when it is one."""
    if type(payload) is not dict:
        return "object as its body"
    for name in ("resource", "event"):
        if type(payload.get(name)) is not str:
            return f"string {name}"
    return "" if type(payload.get("data")) is dict else "object data"


def unwrap(text: bytes, document: object) -> Iterator[Wrapped]:
    """The payloads in a JSON document (text and decoded), which may be one itself."""
    return _found(text, document, (), MAX_DEPTH)


def unwrap_text(text: bytes) -> Iterator[Wrapped]:
    """The payloads in any text; none when it is not UTF-8 or nested too deeply."""
    return _found_in_text(text, (), MAX_DEPTH)


def stamps_of(document: object) -> tuple[object, ...]:
    """Times at which an object's payload was received: strings and aware datetimes, best first."""
    if not isinstance(document, dict):
        return ()
    if document.get("received_at") is not None:
        return (document["received_at"],)
    context = document.get("requestContext")
    gateway = [context.get(name) for name in _GATEWAY_TIMES] if isinstance(context, dict) else []
    named = [*gateway, *(document.get(name) for name in TIME_NAMES)]
    # Of several the earliest comes first: the payload was received before it was passed on.
    return tuple(sorted(time for value in named if (time := _parse_time(value))))


def encoded_body(document: dict[str, Any]) -> object:
    """The body in base64; None when there is none."""
    if document.get("isBase64Encoded") is True:
        return document.get("body")
    return document.get("body_base64")


def _found(
    text: bytes, document: object, stamps: tuple[object, ...], depth: int
) -> Iterator[Wrapped]:
    if isinstance(document, dict):
        if not lacking(document):
            received_at = document.get("received_at")
            own = () if received_at is None else (received_at,)
            yield Wrapped(text, document, (*own, *stamps))
            return
        stamps = (*stamps_of(document), *stamps)
        if isinstance(encoded := encoded_body(document), str):
            yield from _found_in_text(_decoded(encoded), stamps, depth - 1)
    if not depth:
        return
    for spelled, value in _members(text, document):
        if isinstance(value, str):
            if "{" in value:
                yield from _found_in_text(value.encode(), stamps, depth - 1)
        elif value and isinstance(value, dict | list):
            yield from _found(bytes(spelled), value, stamps, depth - 1)


def _members(text: bytes, document: object) -> Iterable[tuple[msgspec.Raw, object]]:
    """The members of an object or array, as spelled and decoded; none of other values."""
    if isinstance(document, dict):
        spelled = _OBJECT.decode(text)
        return [(spelled[name], value) for name, value in document.items()]
    if isinstance(document, list):
        return zip(_ARRAY.decode(text), document, strict=True)
    return ()


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError:
        return b""


def _found_in_text(text: bytes, stamps: tuple[object, ...], depth: int) -> Iterator[Wrapped]:
    """The payloads in JSON, or in JSON after the prefix of a logger."""
    if depth < 0:
        return
    text = text.strip()
    for start in sorted({0, max(0, text.find(b"{"))}):
        try:
            text.decode()
            body, document = parse_leniently(text[start:])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if _NUL in text[:start]:
            return
        prefix = LEADING_TIME.match(text[:start])
        time = _parse_time(prefix[1].decode().replace(",", ".")) if prefix else None
        yield from _found(body, document, (time, *stamps) if time else stamps, depth)
        return


def _parse_time(value: object) -> datetime | None:
    """A time with an offset, or a number of seconds, milli-, micro- or nanoseconds since 1970."""
    if isinstance(value, str):
        if not _HAS_OFFSET(value):
            return None
        try:
            return parse_timestamp(value)
        except ValueError:
            return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    for units in _UNITS_PER_SECOND:
        if _EARLIEST_SECONDS <= value / units < _LATEST_SECONDS:
            return datetime.fromtimestamp(value / units, UTC)
    return None
