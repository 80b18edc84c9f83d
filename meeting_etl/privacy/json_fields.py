"""A column policy applied to JSON: the fields of webhook payloads and of `extra`.

Belongs here: which column a field follows, and which fields are known to say nothing of persons.
Does not: the treatments (policy.py), texts that mention erased persons (mentions.py).
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from meeting_etl.privacy.policy import KEEP, personal_columns
from meeting_etl.privacy.privacy import Privacy
from meeting_etl.schemas import (
    FIELDS_IN_EXTRA,
    TABLES,
    Column,
)

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

    `column` is the one with the text: with DROP it loses the fields that follow no column.
    """
    document = json.loads(text)
    treated = _object(document, privacy, privacy.policy.of(column) is KEEP)
    if treated == document:
        return text
    return to_text(treated, column)


def to_text(document: Any, column: str) -> str:
    """A JSON value as text of a column: `extra` as rows have it, a body in its order."""
    if column == "extra":
        return json.dumps(document, ensure_ascii=False, sort_keys=True)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _object(document: dict[str, Any], privacy: Privacy, keeps_unknown: bool) -> dict[str, Any]:
    treated = {}
    for name, value in document.items():
        column = columns_by_field().get(name.lower())
        if column is None:
            if keeps_unknown or (name.lower() in _impersonal_fields() and not _has_address(value)):
                treated[name] = _inner(value, privacy, keeps_unknown)
        elif value is None or privacy.policy.of(column) is KEEP:
            treated[name] = value
        elif isinstance(value, str):  # nobody knows what is in another value
            kept = privacy.treated(column, value)
            if kept is not None:
                treated[name] = kept
    return treated


def _inner(value: Any, privacy: Privacy, keeps_unknown: bool) -> Any:
    if isinstance(value, dict):
        return _object(value, privacy, keeps_unknown)
    if isinstance(value, list):
        return [_inner(each, privacy, keeps_unknown) for each in value]
    return value


def _has_address(value: Any) -> bool:
    return isinstance(value, str) and "@" in value
