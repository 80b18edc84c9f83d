"""Letters and their other forms, for a search in which accents and case do not matter.

Belongs here: which letters are accented forms of another, which have two cases and nothing else,
and which are written as several code points, too. Does not: the search
(macros/search_transcripts.sql, search_pattern.sql).
"""

import unicodedata
from collections import defaultdict
from functools import cache
from itertools import chain

# In other scripts a mark makes another letter (か, が) or is a vowel (Devanagari).
_SCRIPTS = ("LATIN ", "GREEK ", "CYRILLIC ", "ARABIC ", "HEBREW ")
# Where Unicode has their accented letters; all code points would take a quarter of a second.
_CODE_POINTS = (*range(0xC0, 0x2200), *range(0xFB00, 0xFB50))
_GREEK_AND_CYRILLIC = range(0x370, 0x530)
# Scripts of India, Tibetan, Myanmar; Balinese; kana; Chinese characters encoded twice.
_OTHER_SCRIPTS = (
    *range(0x900, 0x1030),
    *range(0x1B00, 0x1B80),
    *range(0x3040, 0x3100),
    *range(0xF900, 0xFB00),
    *range(0x2F800, 0x2FA20),
)

# Soft hyphen, joiners, marks of direction, byte order mark, the presentation of an emoji, and the
# Arabic sign that makes a word longer: nobody hears them. For the brackets of a regular expression.
INVISIBLE = (
    r"\x{ad}\x{640}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2069}\x{fe0e}\x{fe0f}\x{feff}"
)


@cache
def accented_letters() -> str:
    """Groups of letters that differ in accents and case, with a blank in between: `AÀÁ…aàá… …`.

    As Unicode decomposes them: ø, ß and ł have no accent.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for letter in map(chr, _CODE_POINTS):
        if unicodedata.decomposition(letter):
            base, *marks = list(unicodedata.normalize("NFD", letter))
            is_letter = base.isalpha() and unicodedata.name(base).startswith(_SCRIPTS)
            if is_letter and marks and all(map(unicodedata.combining, marks)):
                groups[base.lower()] |= {base, letter}
    return " ".join("".join(sorted(group)) for _, group in sorted(groups.items()))


@cache
def cased_letters() -> str:
    """Letters of Greek and Cyrillic whose only other form is the one in the other case.

    Not с, which has a third form in old texts, nor и, which has accents.
    """
    forms: dict[str, set[str]] = defaultdict(set)
    for letter in map(chr, _CODE_POINTS):
        forms[letter.casefold()].add(letter)
    return "".join(
        letter
        for letter in map(chr, _GREEK_AND_CYRILLIC)
        if letter.lower() != letter.upper()
        and forms[letter.casefold()] == {letter.lower(), letter.upper()}
        and letter not in accented_letters()
    )


@cache
def written_forms() -> str:
    """Letters of other scripts with all the ways they are written in, `य़=य़|य़ が=が|が …`.

    Before the sign is the letter in NFC, which for some is the one of several code points.
    """
    forms: dict[str, list[str]] = defaultdict(list)
    for letter in map(chr, _OTHER_SCRIPTS):
        if unicodedata.normalize("NFD", letter) != letter:
            forms[unicodedata.normalize("NFC", letter)].append(letter)
    return " ".join(
        f"{composed}={'|'.join(dict.fromkeys(chain([composed], of_it, [_decomposed(composed)])))}"
        for composed, of_it in forms.items()
    )


@cache
def second_code_points() -> str:
    """What follows the first code point of letters that NFC does not compose."""
    composed = (form.partition("=")[0] for form in written_forms().split())
    return "".join(sorted(set("".join(letter[1:] for letter in composed))))


def _decomposed(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)
