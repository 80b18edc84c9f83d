"""Bytes → JSON, as good senders and their tools spell it.

Belongs here: what is forgiven in a text that is not quite JSON, and telling what is wrong with one
that is none. Does not: what the JSON says (events.py).
"""

import re
from typing import Any

import msgspec

_BOM = b"\xef\xbb\xbf"
_SURROGATES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\.",
    re.DOTALL,
)
_decode = msgspec.json.Decoder().decode


def forgiving(text: bytes) -> tuple[bytes, Any]:
    """The text as valid JSON, and what it says.

    Raises msgspec.DecodeError or UnicodeDecodeError for what is not JSON even then, RecursionError
    for what is nested too deeply.
    """
    try:
        return text, _decode(text)
    except msgspec.DecodeError:
        mended = _mended(text)
        if mended == text:
            raise
        return mended, _decode(mended)


def is_json(text: bytes) -> bool:
    """Whether this is one JSON document in UTF-8, with nothing to forgive."""
    try:
        _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def what_is_wrong(text: bytes, error: msgspec.DecodeError) -> str:
    """In words of our own: a message of the decoder could quote the text."""
    if b"\0" in text:
        return "It holds NUL bytes, which a crash of the machine that wrote it can leave."
    if isinstance(error, msgspec.ValidationError):
        return "It holds a number that is out of range."
    message = str(error)
    if "truncated" in message:
        return "It ends in the middle of the JSON."
    if "trailing characters" in message:
        return "Something follows the JSON on the same line."
    return "It is not JSON."


def _mended(text: bytes) -> bytes:
    """Without the two faults that good senders make.

    Files that were joined have a BOM within, and JavaScript cuts a text between the halves of a
    surrogate pair: the half stands for no character and becomes U+FFFD.
    """
    text = text.removeprefix(_BOM)
    return _SURROGATES.sub(lambda match: rb"\ufffd" if match[1] else match[0], text)
