"""Bytes → JSON, tolerating the faults of good senders and their tools.

Belongs here: which faults are repaired, and describing what is wrong with a text that is not JSON.
Does not: the content of the JSON (events.py).
"""

from typing import Any

import msgspec

from meeting_etl.texts import replace_lone_surrogates

_BOM = b"\xef\xbb\xbf"
_decode = msgspec.json.Decoder().decode


def parse_leniently(text: bytes) -> tuple[bytes, Any]:
    """The text as valid JSON, and the decoded value.

    Raises msgspec.DecodeError or UnicodeDecodeError when it is not JSON after repair either,
    RecursionError when it is nested too deeply.
    """
    try:
        return text, _decode(text)
    except msgspec.DecodeError:
        repaired = _repaired(text)
        if repaired == text:
            raise
        return repaired, _decode(repaired)


def what_is_wrong(text: bytes, error: msgspec.DecodeError) -> str:
    """A sentence that does not quote the text, as a message of the decoder could."""
    if b"\0" in text:
        return "It has NUL bytes, which a crash of the machine that wrote it can leave."
    if isinstance(error, msgspec.ValidationError):
        return "It has a number that is out of range."
    message = str(error)
    if "truncated" in message:
        return "It ends in the middle of the JSON."
    if "trailing characters" in message:
        return "Something follows the JSON on the same line."
    return "It is not JSON."


def _repaired(text: bytes) -> bytes:
    """Without the two faults of good senders: a BOM within joined files, and lone surrogates."""
    return replace_lone_surrogates(text.removeprefix(_BOM))
