"""Bytes → JSON, as good senders and their tools spell it.

Belongs here: what is forgiven in a text that is not quite JSON, and telling what is wrong with one
that is none. Does not: what the JSON says (events.py).
"""

from typing import Any

import msgspec

from meeting_etl.texts import replace_lone_surrogates

_BOM = b"\xef\xbb\xbf"
_decode = msgspec.json.Decoder().decode


def parse_leniently(text: bytes) -> tuple[bytes, Any]:
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
    """Without the two faults that good senders make: a BOM within joined files, and halves."""
    return replace_lone_surrogates(text.removeprefix(_BOM))
