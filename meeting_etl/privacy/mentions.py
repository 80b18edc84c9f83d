"""Mentions of erased persons in free text, found by keyed hashes of the words of their names.

Belongs here: splitting text into words, and blanking names and addresses in it. Does not: who was
erased (erasures.py), which columns are free text (schemas.py).
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from meeting_etl.privacy.pseudonyms import Pseudonyms, lower, normalized_address

BLANKED = "[erased]"
# In scripts without spaces each letter is a word: Han, kana, Thai, Lao, Khmer, Myanmar, Tibetan.
_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
# White space, punctuation and symbols. Not \W, which has the vowel signs of many scripts.
_BETWEEN = (
    r"\s\x00-/:-@\[-`{-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\u05f3\u05f4\u060c\u061b\u061f\u0964\u0965"
    r"\u2000-\u206f\u2190-\u2bff\u2e00-\u2e7f\u3000-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
    r"\ufe00-\ufe0f\U0001f000-\U0001faff"
)
_WORD = re.compile(rf"[{_UNSPACED}]|[^{_BETWEEN}{_UNSPACED}]+")
_SPACED = {number: " " for number in range(128) if not _WORD.fullmatch(chr(number))}
_ADDRESS = re.compile(r"[^\s<>()\[\]\",;:]+@[^\s<>()\[\]\",;:@]+")
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+=?^_`{|}~-]+@[A-Za-z0-9.-]+")
_LEADING, _TRAILING = "'`*", ".!?'`*_"
_MOST_SEEN = 200_000


def words_of(text: str) -> list[str]:
    """The words of a name, in lower case."""
    return [_plain(match[0]) for match in _WORD.finditer(text)]


def _plain(word: str) -> str:
    """In lower case, and with accents in one spelling."""
    return lower(word if word.isascii() else unicodedata.normalize("NFC", word))


class Mentions:
    """What is blanked in free text: names, as digests of their words, and addresses."""

    def __init__(
        self,
        pseudonyms: Pseudonyms,
        names: Iterable[tuple[str, ...]],
        addresses: Collection[str],
    ) -> None:
        self._pseudonyms = pseudonyms
        self._addresses = addresses
        self._names: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for name in sorted(names, key=len, reverse=True):
            self._names[name[0]].append(name)
        # Words as they are written that were looked at, and those of them that begin a name.
        self._seen: set[str] = set()
        self._firsts: set[str] = set()

    def blank(self, text: str) -> str:
        """The text with `[erased]` in the place of each mention; the same text without any."""
        for begin, end in reversed(list(self._spans(text))):
            text = text[:begin] + BLANKED + text[end:]
        return text

    def crossed_out(self, text: str) -> str:
        """The text with each mention replaced by as many `x` as it has bytes in UTF-8."""
        for begin, end in reversed(list(self._spans(text))):
            length = len(text[begin:end].encode(errors="surrogateescape"))
            text = text[:begin] + "x" * length + text[end:]
        return text

    @cached_property
    def _is_empty(self) -> bool:
        return not self._names and not self._addresses

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Begin and end of each mention, in order and apart from each other."""
        if self._is_empty:
            return
        reached = 0
        for begin, end in sorted((*self._of_addresses(text), *self._of_names(text))):
            if begin >= reached:
                yield begin, end
                reached = end

    def _of_addresses(self, text: str) -> Iterator[tuple[int, int]]:
        if "@" not in text or not self._addresses:
            return
        # In scripts without spaces letters of others may stand right beside it.
        for match in (*_ADDRESS.finditer(text), *_PLAIN_ADDRESS.finditer(text)):
            address = match[0].rstrip(_TRAILING).lstrip(_LEADING)
            digest = self._pseudonyms.address_digest(normalized_address(address))
            if digest in self._addresses:
                begin = match.start() + match[0].index(address)
                yield begin, begin + len(address)

    def _may_name(self, text: str) -> bool:
        """Whether a word of the text begins a name: few do, and each is hashed only once."""
        is_plain = text.isascii()  # as nearly all texts are; three times as fast
        words = text.translate(_SPACED).split() if is_plain else _WORD.findall(text)
        if not self._seen.issuperset(words):
            if len(self._seen) > _MOST_SEEN:
                self._seen, self._firsts = set(), set()
            for word in set(words) - self._seen:
                if self._pseudonyms.word_digest(_plain(word)) in self._names:
                    self._firsts.add(word)
            self._seen.update(words)
        return not self._firsts.isdisjoint(words)

    def _of_names(self, text: str) -> Iterator[tuple[int, int]]:
        if not self._names or not self._may_name(text):
            return
        digest = self._pseudonyms.word_digest
        words = [(match.start(), match.end(), match[0]) for match in _WORD.finditer(text)]
        digests = [digest(_plain(word)) for _, _, word in words]
        for place, first in enumerate(digests):
            for name in self._names.get(first, ()):
                if tuple(digests[place : place + len(name)]) == name:
                    yield words[place][0], words[place + len(name) - 1][1]
                    break
