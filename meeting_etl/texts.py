"""Foreign text made safe: to be parsed as JSON, to be shown on a terminal.

Belongs here: the repair that both webhook lines and API responses need before they are valid JSON,
which characters must never reach a terminal, matching the patterns of settings, and shortening long
lists. Does not: printing (cli/display.py).
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

# Characters that control a terminal: C0 except tab and newline, DEL and C1; those that end a line
# or change the direction of the following text; and surrogates, with which Python represents bytes
# of file names that are not UTF-8. Not the marks U+200E, U+200F and U+061C: real names in Hebrew
# and Arabic contain them, and they only reorder the punctuation beside them.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def replace_lone_surrogates(document: bytes) -> bytes:
    """JSON with U+FFFD in place of each half of a surrogate pair.

    JavaScript may truncate a text between the halves of a pair; one half alone is not a character.
    """
    return _SURROGATES.sub(lambda match: rb"\ufffd" if match[1] else match[0], document)


def visible(text: str) -> str:
    r"""The text with control characters escaped: ESC becomes `\x1b`.

    Newlines and tabs stay. Characters with a glyph are never changed.
    """
    return _UNPRINTABLE.sub(lambda match: escape_of(match[0]), text)


def visible_json(document: str) -> str:
    """JSON of the same meaning with control characters escaped."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def escape_of(character: str) -> str:
    r"""A character as Python writes it in a string: `\x1b`, `\n`, `\u202e`."""
    return character.encode("unicode_escape").decode("ascii")


def first_match(value: str | None, patterns: Sequence[str]) -> str | None:
    """The first shell pattern that matches a value, ignoring case; None when none does."""
    for pattern in patterns:
        if value and fnmatchcase(value.casefold(), pattern.casefold()):
            return pattern
    return None


def some_of(names: Sequence[str], most: int = 20, noun: str = "") -> str:
    """The first so many of the names, and how many more there are."""
    more = len(names) - most
    shown = ", ".join(names[:most])
    return f"{shown} and {more:,} more {noun}".rstrip() if more > 0 else shown
