"""Code and docs/glossary.md use one word for one thing."""

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "meeting_etl"


def rows(markdown: str) -> list[list[str]]:
    """The cells of its tables, without heads."""
    lines = re.findall(r"^\| (?!---|term|word)(.+)\|$", markdown, re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")] for line in lines]


OWN, _, FIELD = (ROOT / "docs/glossary.md").read_text().partition("## Words of the field")
TERMS = {term for term, _, _ in rows(OWN)}
REPLACED = {name for *_, names in rows(OWN + FIELD) for name in re.findall(r"`(\w+)`", names)}

# To shrink: what the code does not follow yet.
TERMS_TO_COME: set[str] = set()
NAMES_TO_GO = set("deed held mended pair spoken told".split())
# Further names of the past, and phrases that users no longer read.
NEVER_A_NAME = frozenset(
    """
    Answered Came Depot Deed Expectation Hold Made Passing Patience Sighting
    heard judged owed tells
    """.split()
)
NEVER_SAID = ("comes to nothing", "further ado")


@cache
def tokens() -> tuple[tuple[Path, tokenize.TokenInfo], ...]:
    """The tokens of the whole package."""
    return tuple(
        (path, token)
        for path in sorted(PACKAGE.rglob("*.py"))
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    )


@cache
def prose() -> str:
    """Identifiers as words, strings and comments, in lower case."""
    kinds = (tokenize.NAME, tokenize.STRING, tokenize.COMMENT)
    text = " ".join(token.string for _, token in tokens() if token.type in kinds)
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return re.sub(r"[\s_`]+", " ", split).lower()


def said() -> Iterator[tuple[Path, int, str]]:
    """String literals of the package and texts of its views, with their places."""
    for path, token in tokens():
        # From Python 3.12 on the literal parts of an f-string are tokens of their own.
        if token.type == tokenize.STRING or tokenize.tok_name[token.type] == "FSTRING_MIDDLE":
            yield path, token.start[0], re.sub(r"\s+", " ", token.string)


def test_the_glossary_has_terms() -> None:
    assert 25 <= len(TERMS) <= 40


@pytest.mark.parametrize("term", sorted(TERMS - TERMS_TO_COME))
def test_each_term_occurs_in_the_code(term: str) -> None:
    pattern = r"\w{0,2} ".join(map(re.escape, term.lower().split()))
    assert re.search(rf"\b{pattern}", prose())


def test_no_name_that_was_replaced_comes_back() -> None:
    names = NEVER_A_NAME | (REPLACED - NAMES_TO_GO)
    found = {
        f"{path.relative_to(ROOT)}:{token.start[0]}: {token.string}"
        for path, token in tokens()
        if token.type == tokenize.NAME and token.string in names
    }
    assert not found


def test_no_phrase_that_was_replaced_comes_back() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}: {phrase}"
        for path, line, text in said()
        for phrase in NEVER_SAID
        if phrase in text.lower()
    }
    assert not found
