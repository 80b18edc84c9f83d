"""What an endpoint returns.

Belongs here: the forms of a result. Does not: how it is written as a response (responses.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from meeting_etl.sandbox.json_values import Json

DEFAULT_PAGE = 10


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything that a list would hold; the pager cuts a page and renders only that.

    `page` is the size of one when `max` is left out.
    """

    items: Sequence[Any]
    render: Callable[[Any], Json]
    page: int = DEFAULT_PAGE


@dataclass(frozen=True, slots=True)
class Item:
    """One JSON object."""

    body: Json


@dataclass(frozen=True, slots=True)
class Text:
    """A file."""

    body: str
    content_type: str


@dataclass(frozen=True, slots=True)
class NoContent:
    """204: it is done, without a body."""


Result = Listing | Item | Text | NoContent
