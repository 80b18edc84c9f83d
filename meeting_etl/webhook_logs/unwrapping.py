"""What others wrap a webhook payload in: gateways, log shippers, container runtimes, log services.

Belongs here: finding the payload in a line, whatever is around it, and when the wrapping says that
it came. Does not: what a payload says (events.py), our own receiver's envelope
(receiver/envelope.py).

There is no list of products. A payload is an object with texts `resource` and `event` and an object
`data`. It is looked for in the members of objects and arrays, in texts that are JSON again (as the
`body` of a gateway, the `message` or `log` of a shipper), in a body that is said to be in base64,
and behind what a logger writes before it on the line. Nothing around a payload is ever kept.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from meeting_etl.times import parse_timestamp
from meeting_etl.webhook_logs.lenient_json import parse_leniently

# Arrays, objects and texts within one another; real ones have four or five.
_DEEPEST = 10
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
# An offset is demanded: a local time would be taken for UTC.
_LEADING_TIME = re.compile(
    rb"\s*(?:<\d{1,3}>\d?\s*)?\[?"
    rb"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d))"
)
# No logger writes it: it is left by a crash.
_UNWRITTEN = b"\0"
_HAS_OFFSET = re.compile(r".*(?:[Zz]|[+-]\d\d:?\d\d)").fullmatch
_TIMES = ("@timestamp", "timestamp", "time", "date", "ts")
_GATEWAY_TIMES = ("timeEpoch", "requestTimeEpoch")
# Units of numbers since 1970: within the years that matter a number fits one of them only.
_UNITS_PER_SECOND = (1, 10**3, 10**6, 10**9)
_EARLIEST_SECONDS = datetime(2015, 1, 1, tzinfo=UTC).timestamp()
_LATEST_SECONDS = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


class Wrapped(NamedTuple):
    """A payload: its JSON, byte for byte, and decoded; `stamps` say when it came.

    Each of `stamps` is of one wrapping, the innermost first: `received_at` as it stands there, or
    else the moments that others call by other names.
    """

    body: bytes
    payload: dict[str, Any]
    stamps: tuple[object, ...]


def lacking(payload: object) -> str:
    """What keeps this from being a webhook payload, in words; empty when it is one."""
    if type(payload) is not dict:
        return "object as its body"
    for name in ("resource", "event"):
        if type(payload.get(name)) is not str:
            return f"text called {name}"
    return "" if type(payload.get("data")) is dict else "object called data"


def unwrap(text: bytes, document: object) -> Iterator[Wrapped]:
    """The payloads in a JSON document, given as text and decoded, which may be one itself."""
    return _found(text, document, (), _DEEPEST)


def unwrap_text(text: bytes) -> Iterator[Wrapped]:
    """The payloads in a text that may be anything; none when it is not UTF-8 or nested too deep."""
    return _found_in_text(text, (), _DEEPEST)


def stamps_of(document: object) -> tuple[object, ...]:
    """What an object says of when its payload came: texts and aware datetimes, the best first."""
    if not isinstance(document, dict):
        return ()
    if document.get("received_at") is not None:
        return (document["received_at"],)
    context = document.get("requestContext")
    gateway = [context.get(name) for name in _GATEWAY_TIMES] if isinstance(context, dict) else []
    named = [*gateway, *(document.get(name) for name in _TIMES)]
    # What passed several hands has several: it came before it was passed on.
    return tuple(sorted(moment for value in named if (moment := _moment(value))))


def encoded_body(document: dict[str, Any]) -> object:
    """What stands in base64 for the body; None when nothing does."""
    if document.get("isBase64Encoded") is True:
        return document.get("body")
    return document.get("body_base64")


def _found(
    text: bytes, document: object, stamps: tuple[object, ...], deeper: int
) -> Iterator[Wrapped]:
    if isinstance(document, dict):
        if not lacking(document):
            own = document.get("received_at")
            yield Wrapped(text, document, (own, *stamps) if own is not None else stamps)
            return
        stamps = (*stamps_of(document), *stamps)
        if isinstance(encoded := encoded_body(document), str):
            yield from _found_in_text(_decoded(encoded), stamps, deeper - 1)
    if not deeper:
        return
    for spelled, value in _members(text, document):
        if isinstance(value, str):
            if "{" in value:
                yield from _found_in_text(value.encode(), stamps, deeper - 1)
        elif value and isinstance(value, dict | list):
            yield from _found(bytes(spelled), value, stamps, deeper - 1)


def _members(text: bytes, document: object) -> Iterable[tuple[msgspec.Raw, object]]:
    """What an object or array holds, as it is spelled and decoded; nothing of another document."""
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


def _found_in_text(text: bytes, stamps: tuple[object, ...], deeper: int) -> Iterator[Wrapped]:
    """JSON, or what a logger wrote with JSON behind it up to the end of the text."""
    if deeper < 0:
        return
    text = text.strip()
    for start in sorted({0, max(0, text.find(b"{"))}):
        try:
            text.decode()
            body, document = parse_leniently(text[start:])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if _UNWRITTEN in text[:start]:
            return
        before = _LEADING_TIME.match(text[:start])
        moment = _moment(before[1].decode().replace(",", ".")) if before else None
        yield from _found(body, document, (moment, *stamps) if moment else stamps, deeper)
        return


def _moment(value: object) -> datetime | None:
    """A moment that names its offset, or a number of seconds or parts of them since 1970."""
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
