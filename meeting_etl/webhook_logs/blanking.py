"""Texts within a log line replaced, so that the line stays the same event.

Belongs here: finding the texts of JSON at any depth, and given words in any line. Does not: which
texts (the caller), writing the line into its log (line_changes.py).

Only string values change. All else of the JSON keeps its spelling: numbers of any size, names of
members, members that occur twice; white space between tokens goes. JSON within strings and in
base64 is found as by unwrapping.py. What a line needs to be the same event stays: its resource,
its event and its times.
"""

import base64
import re
from collections.abc import Callable, Collection
from functools import lru_cache

import msgspec

from meeting_etl.times import parse_timestamp
from meeting_etl.webhook_logs.lenient_json import parse_leniently
from meeting_etl.webhook_logs.unwrapping import LEADING_TIME, MAX_DEPTH, TIME_NAMES

# The new text for a text; None leaves it.
Replace = Callable[[str], str | None]

# The strings of valid JSON, with a colon after names of members, and the white space between.
_TOKENS = re.compile(rb'"((?:[^"\\]++|\\.)*+)"(?:[ \t\r\n]*+(:))?+|[ \t\r\n]++', re.DOTALL)
_TEXT = msgspec.json.Decoder(str)
_TIMES = frozenset({"received_at", "end", *TIME_NAMES})
_NEEDS_ESCAPE = re.compile(r'["\\\x00-\x1f]')
_ENCODED = "body_base64"
# Before and after words: \n in JSON is a letter, but no letter of a word.
_BEFORE, _AFTER = rb"(?:(?<![\w.+-])|(?<=\\[nrtbf]))", rb"(?![\w-])"


def blank_texts(line: bytes, replace: Replace) -> bytes | None:
    """The line with `replace` applied to the texts of its JSON, never longer than before.

    Where the new line would be longer, every new text is cut to the length of the old one. None
    when nothing changes, and for lines without JSON.
    """
    new = _Blanking(replace, cut=False).document(line)
    if new is not None and len(new) > len(line):
        new = _Blanking(replace, cut=True).document(line)
    return None if new == line else new


def blank_words(line: bytes, words: Collection[bytes]) -> bytes | None:
    r"""The line with each of the words (UTF-8) replaced by as many `x`; None without any.

    For any line, JSON or not. Case is ignored, and any character may be written as in JSON,
    `\u0040`, also within a string in a string. A part of a longer word is not the word.
    """
    if not words:
        return None
    new = _pattern(tuple(words)).sub(lambda match: b"x" * len(match[0]), line)
    return None if new == line else new


def may_have(line: bytes, words: Collection[bytes]) -> bool:
    """Whether a line has one of the words, or base64 that may have one: a quick look."""
    return b"ase64" in line or bool(words and _pattern(tuple(words)).search(line))


@lru_cache(maxsize=4)
def _pattern(words: Collection[bytes]) -> re.Pattern[bytes]:
    """All spellings of the words, the longest first."""
    spellings = map(_spellings, sorted(words, key=len, reverse=True))
    firsts = {each.encode()[:1] for word in words for each in _cases(word.decode()[:1])}
    # What a word may begin with is looked at first, as it is rare: seven times as fast.
    begin = b"(?=[" + b"".join(map(re.escape, sorted(firsts))) + rb"\\])"
    return re.compile(begin + _BEFORE + b"(?:" + b"|".join(spellings) + b")" + _AFTER)


def _spellings(word: bytes) -> bytes:
    """A pattern for all spellings of a word."""
    return b"".join(
        b"(?:" + b"|".join(map(_spelled, sorted(_cases(char)))) + b")" for char in word.decode()
    )


def _cases(char: str) -> set[str]:
    return {char, char.lower(), char.upper()}


def _spelled(text: str) -> bytes:
    units = text.encode("utf-16-be")
    escapes = (units[at : at + 2].hex() for at in range(0, len(units), 2))
    escaped = "".join(rf"\\+u(?i:{unit})" for unit in escapes)
    return re.escape(text.encode()) + b"|" + escaped.encode()


class _Blanking:
    """Applies `replace`. With `cut`, no text becomes longer and none needs escapes."""

    def __init__(self, replace: Replace, *, cut: bool) -> None:
        self._replace, self._cut = replace, cut
        self._changes = 0

    def document(self, text: bytes, depth: int = MAX_DEPTH) -> bytes | None:
        """JSON, or JSON after the prefix of a logger; None when there is none."""
        for start in sorted({0, max(0, text.find(b"{"))}):
            try:
                text.decode()
                body, _ = parse_leniently(text[start:])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            before = self._changes
            new = self._prefix(text[:start]) + self._json(body, depth)
            # Unless a text changes, white space stays, too.
            return text if self._changes == before else new
        return None

    def _prefix(self, prefix: bytes) -> bytes:
        time = LEADING_TIME.match(prefix)
        at = time.end() if time else 0
        new = self._new(prefix[at:].decode(), len(prefix) - at)
        return prefix if new is None else prefix[:at] + new.replace("{", "(").encode()

    def _json(self, text: bytes, depth: int) -> bytes:
        name = ""

        def token(match: re.Match[bytes]) -> bytes:
            nonlocal name
            if match[1] is None:
                return b""
            value = _TEXT.decode(b'"%b"' % match[1])
            if match[2]:
                name = value
                return b'"%b":' % match[1]
            new = None if _is_kept(name, value) else self._value(name, value, match[1], depth)
            return b'"%b"' % match[1] if new is None else msgspec.json.encode(new)

        return _TOKENS.sub(token, text)

    def _value(self, name: str, value: str, spelled: bytes, depth: int) -> str | None:
        """The new text for the string value of a member; None leaves it."""
        if depth and name in ("body", _ENCODED) and (decoded := _decoded(value)):
            new = self.document(decoded, depth - 1)
            if new is None and name == _ENCODED:
                text = self._new(decoded.decode(errors="replace"), len(decoded))
                new = None if text is None else text.encode()
            if new is not None:
                return None if new == decoded else base64.b64encode(new).decode()
        if depth and "{" in value:
            document = value.encode()
            new = self.document(document, depth - 1)
            if new is not None:
                return None if new == document else new.decode()
        return self._new(value, len(spelled))

    def _new(self, text: str, most: int) -> str | None:
        new = self._replace(text) if text else None
        if new is None or new == text:
            return None
        self._changes += 1
        if not self._cut:
            return new
        return _NEEDS_ESCAPE.sub("", new).encode()[:most].decode(errors="ignore")


def _is_kept(name: str, value: str) -> bool:
    """Whether it is what makes the line this event."""
    if name in ("resource", "event"):
        return value.isalpha()
    if name not in _TIMES:
        return False
    try:
        return parse_timestamp(value) is not None
    except ValueError:
        return False


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return b""
