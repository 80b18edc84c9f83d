"""HTML → plain text, as a reader would see it.

Belongs here: what is text, where lines break, lists. Does not: which fields are HTML
(summaries.py). The result is text, not markup: to show it in a page, escape it.
"""

from dataclasses import dataclass

from bs4 import BeautifulSoup
from bs4.element import CData, NavigableString, Tag
from bs4.exceptions import ParserRejectedMarkup

_DROPPED = frozenset("head iframe noscript object script style template title".split())
_BLOCKS = frozenset(
    """
    address article aside blockquote body dd details div dl dt fieldset figcaption figure footer
    form h1 h2 h3 h4 h5 h6 header hr html li main nav ol p pre section summary table tbody tfoot
    thead tr ul
    """.split()
)
_CELLS = frozenset({"td", "th"})
_BULLET = "- "


@dataclass(frozen=True)
class _End:
    """The end of a block; `of_item`: of an item of a list."""

    of_item: bool


def plain_text(markup: str) -> str:
    """The text of some HTML: one line a block, `- ` before the items of lists, no empty lines.

    Scripts, styles and comments are left out, entities are resolved, white space is one space.
    Raises ValueError for what cannot be read as HTML at all.
    """
    try:
        # Inside a tag the library does not take a lone word for the name of a file.
        soup = BeautifulSoup(f"<body>{markup}", "html.parser")
    except ParserRejectedMarkup as error:
        raise ValueError("Not HTML.") from error
    lines = ("".join(pieces) for pieces in _lines(soup))
    whole = (" ".join(line.split()) for line in lines)
    return "\n".join(line for line in whole if line and line != _BULLET.strip())


def _lines(soup: BeautifulSoup) -> list[list[str]]:
    """Pieces of text, line by line; not recursive, as markup may be nested to any depth."""
    lines: list[list[str]] = [[]]
    waiting: list[Tag | NavigableString | _End] = [soup]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _End):
            _break(lines, drop_bullet=node.of_item)
        elif isinstance(node, Tag):
            waiting += _opened(node, lines)
        elif type(node) in (NavigableString, CData):  # the other kinds are comments and the like
            lines[-1].append(node)
    return lines


def _opened(tag: Tag, lines: list[list[str]]) -> list[Tag | NavigableString | _End]:
    """Begin a tag; returns its content, the last first."""
    if tag.name in _DROPPED:
        return []
    content: list[Tag | NavigableString | _End] = [
        child for child in reversed(tag.contents) if isinstance(child, Tag | NavigableString)
    ]
    is_item = tag.name == "li"
    if tag.name == "br":
        lines.append([])
    if tag.name in _CELLS:
        lines[-1].append(" ")
    if tag.name in _BLOCKS:
        _break(lines, drop_bullet=is_item)
        content.insert(0, _End(is_item))
    if is_item:
        lines[-1].append(_BULLET)
    return content


def _break(lines: list[list[str]], *, drop_bullet: bool) -> None:
    """Begin a new line, unless there is nothing in this one but a bullet."""
    written = "".join(lines[-1]).strip()
    if written not in ("", _BULLET.strip()):
        lines.append([])
    elif drop_bullet:
        lines[-1].clear()
