"""Text of others made safe to use: to be read as JSON, to be shown on a terminal.

Belongs here: what both webhook lines and API answers need before they can be read as JSON, which
characters may never reach a terminal, and matching the patterns of settings. Does not: what is in
them, nor how it is printed (cli/display.py).
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

_SURROGATES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\.",
    re.DOTALL,
)

# What a terminal obeys instead of showing it: C0 but for tab and newline, DEL and C1; what ends a
# line or turns the direction of all that follows; halves of surrogate pairs, by which Python stands
# for bytes of file names that are not UTF-8. Not the marks U+200E, U+200F and U+061C: real names in
# Hebrew and Arabic hold them, and they reorder nothing but the punctuation beside them.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def replace_lone_surrogates(document: bytes) -> bytes:
    """JSON in which each half of a surrogate pair has become U+FFFD.

    JavaScript cuts a text between the halves of a pair; such a half stands for no character.
    """
    return _SURROGATES.sub(lambda match: rb"\ufffd" if match[1] else match[0], document)


def visible(text: str) -> str:
    r"""The text with each character that a terminal would obey as an escape: ESC becomes `\x1b`.

    Newlines and tabs stay. Characters with a glyph are never changed.
    """
    return _UNPRINTABLE.sub(lambda match: escape_of(match[0]), text)


def visible_json(document: str) -> str:
    """JSON of the same meaning in which nothing is left that a terminal would obey."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def escape_of(character: str) -> str:
    r"""How Python writes a character within a string: `\x1b`, `\n`, `\u202e`."""
    return character.encode("unicode_escape").decode("ascii")


def first_match(value: str | None, patterns: Sequence[str]) -> str | None:
    """The first shell pattern that matches a value, ignoring case; None when none does."""
    for pattern in patterns:
        if value and fnmatchcase(value.casefold(), pattern.casefold()):
            return pattern
    return None
