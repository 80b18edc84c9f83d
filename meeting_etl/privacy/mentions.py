"""Mentions of erased persons in free text, found by keyed hashes of the words of their names.

Belongs here: splitting text into words, and blanking names and addresses in it. Does not: who was
erased (erasures.py), which columns are free text (schemas.py).
"""

import re
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
)
_WORD = re.compile(rf"[{_UNSPACED}]|[^{_BETWEEN}{_UNSPACED}]+")
_ADDRESS = re.compile(r"[^\s<>()\[\]\",;:]+@[^\s<>()\[\]\",;:@]+")
_TRAILING = ".!?'"


def words_of(text: str) -> list[str]:
    """The words of a name, in lower case."""
    return [lower(match[0]) for match in _WORD.finditer(text)]


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
        for match in _ADDRESS.finditer(text):
            address = match[0].rstrip(_TRAILING)
            address = address.removeprefix("mailto:")
            plain = normalized_address(address)
            if self._pseudonyms.address_digest(plain) in self._addresses:
                begin = match.start() + match[0].index(address)
                yield begin, begin + len(address)

    def _of_names(self, text: str) -> Iterator[tuple[int, int]]:
        if not self._names:
            return
        digest = self._pseudonyms.word_digest
        words = [(match.start(), match.end(), match[0]) for match in _WORD.finditer(text)]
        digests = [digest(lower(word)) for _, _, word in words]
        for place, first in enumerate(digests):
            for name in self._names.get(first, ()):
                if tuple(digests[place : place + len(name)]) == name:
                    yield words[place][0], words[place + len(name) - 1][1]
                    break
