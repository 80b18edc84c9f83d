"""A column policy applied to JSON: the fields of webhook payloads and of `extra`.

Belongs here: which column a field follows, and which fields are known to say nothing of persons.
Does not: the treatments (policy.py), texts that mention erased persons (mentions.py).
"""

import json
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from meeting_etl.privacy.policy import KEEP, personal_columns
from meeting_etl.privacy.privacy import Privacy
from meeting_etl.schemas import (
    FIELDS_IN_EXTRA,
    TABLES,
    Column,
)

_EXTRA = json.JSONEncoder(ensure_ascii=False, sort_keys=True)
_BODY = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
# Levels of objects and lists; Webex's payloads and items have five.
_DEEPEST = 50

# Fields of payloads and items that have no column of their own, and the column that they follow.
_FOLLOWS = {
    "agenda": "title",
    "createdby": "host_user_id",
    "actorid": "host_user_id",
    "hostpersonid": "host_user_id",
    "personid": "host_user_id",
    "name": "breakout_sessions.name",
}
# Fields of the envelope of an event that say nothing of persons.
_ENVELOPE = frozenset(
    "data resource event orgid appid ownedby status created targeturl erased".split()
)


@cache
def columns_by_field() -> dict[str, str]:
    """The personal column that each field follows; names are in lower case."""
    return dict(_personal_fields()) | _FOLLOWS


def _personal_fields() -> Iterator[tuple[str, str]]:
    for column in _all_columns():
        if column.personal and column.name in personal_columns():
            for name in filter(None, (column.field, *column.aliases)):
                yield name.lower(), column.name


@lru_cache(10_000)  # names are given by the sender
def _column_followed(name: str) -> str | None:
    """The column that a field follows; empty for one without anything personal, None if unknown."""
    name = name.lower()
    return columns_by_field().get(name, "" if name in _impersonal_fields() else None)


@cache
def _impersonal_fields() -> frozenset[str]:
    """Fields that are stored as they are, whatever the policy."""
    fields = (name for column in _all_columns() for name in (column.field, *column.aliases))
    known = {name.lower() for name in (*fields, *FIELDS_IN_EXTRA) if name}
    return frozenset(known | _ENVELOPE) - columns_by_field().keys()


def _all_columns() -> Iterator[Column]:
    for table in TABLES.values():
        for column in table.columns:
            yield column
            yield from column.children


def treat_fields(text: str, privacy: Privacy, *, column: str) -> str:
    """JSON text of an object, with each field as the policy treats the column that it follows.

    `column` is the one with the text: with DROP it loses the fields that follow no column. What is
    nested deeper than _DEEPEST is lost in any case.
    """
    fields = _Fields(privacy, keeps_unknown=privacy.policy.of(column) is KEEP)
    # Always made anew: the text may have a field twice, of which only one was looked at.
    return to_text(fields.of_object(_parsed(text), 0), column)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:  # whoever made the row had more of the stack left
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(json.loads, text).result()


def to_text(document: Any, column: str) -> str:
    """A JSON value as text of a column: `extra` as rows have it, a body in its order."""
    return (_EXTRA if column == "extra" else _BODY).encode(document)


class _Fields:
    """Treats the fields of objects; of those that follow no column only known ones may be kept."""

    def __init__(self, privacy: Privacy, *, keeps_unknown: bool) -> None:
        self._privacy = privacy
        self._keeps_unknown = keeps_unknown

    def of_object(self, document: dict[str, Any], depth: int) -> dict[str, Any]:
        """The fields that are kept, each as it is stored."""
        treated = {}
        for name, value in document.items():
            column = _column_followed(name)
            if not column:
                is_known = column is not None and not _has_address(value)
                if self._keeps_unknown or is_known:
                    treated[name] = self._inner(value, depth, self._keeps_unknown)
            elif value is None:
                treated[name] = value
            elif self._privacy.policy.of(column) is KEEP:
                treated[name] = self._inner(value, depth, True)
            elif isinstance(value, str):  # nobody knows what is in another value
                kept = self._privacy.treated(column, value)
                if kept is not None:
                    treated[name] = kept
        return treated

    def _inner(self, value: Any, depth: int, keeps_addresses: bool) -> Any:
        if not isinstance(value, dict | list):
            return value
        if depth == _DEEPEST:
            return None
        if isinstance(value, dict):
            return self.of_object(value, depth + 1)
        kept = (each for each in value if keeps_addresses or not _has_address(each))
        return [self._inner(each, depth + 1, keeps_addresses) for each in kept]


def _has_address(value: Any) -> bool:
    return isinstance(value, str) and "@" in value
