"""Code and docs/glossary.md use one word for one thing."""

import ast
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

# Exceptions, empty when all is in step: terms that no code has yet, names that some code still has.
TERMS_TO_COME: set[str] = set()
NAMES_TO_GO: set[str] = set()
# Words that a folder uses in their plain sense.
PLAIN = {("sandbox", "pair")}
# Further names of the past.
NEVER_A_NAME = frozenset(
    """
    Came Deed Depot Expectation Explained Hold Keepsakes Knob Made Passing Patience Sighting
    here heard hold judged look one owed some tells
    """.split()
)
# What users no longer read, and modules whose texts are not put into these words yet.
NEVER_SHOWN = re.compile(
    r"\b(?:told|tells|came|comes|heard|judged|owed|singly|beforehand|whoever|by now|of late"
    r"|for good|all the same|(?:goes|went) on|lies in|stands for|stand-in|looked at"
    r"|(?<!surrogate )pairs?(?! of)|makes? last|asked for again|comes to nothing|further ado)\b"
    r"|\b[Ss]ay `"
)
TEXTS_TO_GO: set[str] = set()


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


def shown() -> Iterator[tuple[Path, str]]:
    """What users read: messages, comments of tables and views, help texts."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "sandbox/world" in str(path):
            continue  # what invented people say
        tree = ast.parse(path.read_text())
        docstrings = {
            node.body[0].value
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if node not in docstrings:
                    yield path, node.value
            elif isinstance(node, ast.FunctionDef) and any(
                "command" in ast.unparse(entry) or "group" in ast.unparse(entry)
                for entry in node.decorator_list
            ):
                yield path, ast.get_docstring(node) or ""
    for path in (PACKAGE / "lake/views").glob("*.sql"):
        yield path, "\n".join(re.findall(r"^-- (.*)$", path.read_text(), re.MULTILINE))


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
        if (path.relative_to(PACKAGE).parts[0], token.string) not in PLAIN
    }
    assert not found


def test_no_phrase_that_was_replaced_is_shown() -> None:
    found = {
        f"{path.relative_to(PACKAGE)}: {phrase[0]}: {text}"
        for path, text in shown()
        if str(path.relative_to(PACKAGE)) not in TEXTS_TO_GO
        for phrase in [NEVER_SHOWN.search(re.sub(r"\s+", " ", text))]
        if phrase
    }
    assert not found
