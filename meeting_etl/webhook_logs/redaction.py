"""Secrets are removed from webhook payloads before anything is stored.

Belongs here: finding and removing members of JSON objects by name. Does not: which names these are
(schemas.py), the rest of a payload (events.py).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from meeting_etl.schemas import LINK_FIELDS, SECRET_FIELDS

_SECRET_NAMES = frozenset(name.lower() for name in SECRET_FIELDS | LINK_FIELDS)
# In valid JSON a string followed by a colon is the name of a member, and a quote outside of strings
# begins one: so the matches go from string to string.
_TEXTS = re.compile(rb'"((?:[^"\\]++|\\.)*+)"(?:[ \t\r\n]*+(:))?+', re.DOTALL)
# The same in a text that may contain JSON or an address: a member, or a part of a query.
SECRET_PATTERN = rf"""(?i)"(?:{"|".join(sorted(_SECRET_NAMES))})"\s*:|\bBearer [\w.-]{{16,}}"""
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)


def without_secrets(body: bytes, payload: Mapping[str, Any]) -> bytes:
    """The body without the members, at any depth, that SECRET_FIELDS or LINK_FIELDS name.

    `body` is valid JSON of an object that has an object `data`, `payload` the same decoded. Case
    and escapes in names do not matter. A body without secrets is returned unchanged; another also
    loses white space between tokens and all but the last of members with one name, while numbers
    and strings keep their spelling.
    """
    if _flat(body):
        secret = _any_secret(payload) or _any_secret(payload["data"])
    else:
        secret = _any_secret(_names(body))
    return _stripped(body) if secret else body


def _flat(body: bytes) -> bool:
    """Whether no third brace opens: the payload and its data are the only objects.

    So no object can be hidden in a member that a later one of the same name replaced.
    """
    return body.find(b"{", body.find(b"{", body.find(b"{") + 1) + 1) < 0


def _any_secret(names: Iterable[str]) -> bool:
    return not _SECRET_NAMES.isdisjoint(map(str.lower, names))


def _names(body: bytes) -> set[str]:
    """The names of all members at any depth, replaced ones included."""
    spelled = {text[1] for text in _TEXTS.finditer(body) if text[2]}
    return {_TEXT.decode(b'"%b"' % name) for name in spelled}


def _stripped(value: bytes) -> bytes:
    if value.startswith(b"{"):
        members = _OBJECT.decode(value)
        return msgspec.json.encode(
            {
                name: msgspec.Raw(_stripped(bytes(member)))
                for name, member in members.items()
                if name.lower() not in _SECRET_NAMES
            }
        )
    if value.startswith(b"["):
        return msgspec.json.encode(
            [msgspec.Raw(_stripped(bytes(item))) for item in _ARRAY.decode(value)]
        )
    return value
