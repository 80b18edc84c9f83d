"""Letters and their other forms, for a search in which accents and case do not matter.

Belongs here: which letters are accented forms of another, and which have two cases and nothing
else. Does not: the search (macros/search_transcripts.sql, search_pattern.sql).
"""

import unicodedata
from collections import defaultdict
from functools import cache

# In other scripts a mark makes another letter (か, が) or is a vowel (Devanagari).
_SCRIPTS = ("LATIN ", "GREEK ", "CYRILLIC ", "ARABIC ", "HEBREW ")
# Where Unicode has their accented letters; all code points would take a quarter of a second.
_CODE_POINTS = (*range(0xC0, 0x2200), *range(0xFB00, 0xFB50))
_GREEK_AND_CYRILLIC = range(0x370, 0x530)


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
