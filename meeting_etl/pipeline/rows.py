"""API item → row, by the schema: names, types, unknown fields, and what is never stored.

Belongs here: coercing values, collecting unknown fields in `extra`, folding items with one key.
Does not: requests (webex/), storing rows (lake/), what a response means for a work item
(pipeline/ledger/outcomes.py).
"""

import base64
import binascii
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from meeting_etl.schemas import (
    FIELDS_IN_EXTRA,
    FLAG,
    IGNORED_FIELDS,
    INT,
    LINK_FIELDS,
    MOMENT,
    SECRET_FIELDS,
    TEXT,
    TEXTS,
    Column,
    Table,
    by_field,
)
from meeting_etl.times import parse_timestamp

Row = dict[str, Any]

# Columns that are combined when rows of one participant are united.
_UNITED = frozenset({"devices", "breakout_sessions", "device_count", "joined_at", "left_at"})
_NEVER_STORED = frozenset(name.lower() for name in SECRET_FIELDS | LINK_FIELDS | IGNORED_FIELDS)


@dataclass
class SchemaDrift:
    """How items of the API differ from the schema.

    `unknown` and `changed`: field → how often. `folded` counts items with the key of another one,
    `other_sizes` files that are larger or smaller than Webex lists.
    """

    unknown: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    folded: int = 0
    other_sizes: int = 0

    def add(self, other: "SchemaDrift") -> None:
        """Add the counts of another one."""
        self.unknown += other.unknown
        self.changed += other.changed
        self.folded += other.folded
        self.other_sizes += other.other_sizes


def to_row(table: Table, item: Mapping[str, Any], drift: SchemaDrift, **ours: Any) -> Row:
    """One row of the table from an API item (camelCase fields, JSON values).

    `ours` are values of columns that take precedence over the item. A field without a column goes
    to `extra`, and so does a value that cannot be read as its column's type (the column is NULL
    then); both are counted in `drift`. Secrets and links are left out.
    """
    row, extra = _read(table.by_field, item, drift)
    row.update(ours)
    for name, value in list(row.items()):
        if name.endswith("_name") and isinstance(value, str) and not value.strip():
            row[name] = None
        if name == "email" or name.endswith("_email"):
            row[name] = value if value and value.strip() else None
            row[f"{name}_domain"] = email_domain(value)
    row["extra"] = json.dumps(extra, ensure_ascii=False, sort_keys=True) if extra else None
    return row


def email_domain(address: str | None) -> str | None:
    """The part after the last @, in lower case; None without one."""
    if not address or "@" not in address:
        return None
    return address.rsplit("@", 1)[1].strip().lower() or None


def organization_uuid(org_id: str | None) -> str | None:
    """The UUID in a Webex organization id, which is base64 of `ciscospark://…/<uuid>`."""
    if not org_id:
        return None
    try:
        decoded = base64.urlsafe_b64decode(org_id + "=" * (-len(org_id) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return org_id
    return decoded.rsplit("/", 1)[1] if decoded.startswith("ciscospark://") else org_id


def without_secrets(value: Any) -> Any:
    """A JSON value without the fields that are never stored, at any depth."""
    if isinstance(value, Mapping):
        return {
            name: without_secrets(inner)
            for name, inner in value.items()
            if name.lower() not in _NEVER_STORED
        }
    if isinstance(value, list):
        return [without_secrets(inner) for inner in value]
    return value


def fold_participants(rows: Iterable[Row], drift: SchemaDrift) -> list[Row]:
    """Unite rows of one participant: all devices, earliest join, latest leave.

    An unknown leave takes precedence over a known one: the participant may still be there. A flag
    is set if it is set in any row; other columns have the last value that is not empty.
    """
    united: dict[str, Row] = {}
    for row in rows:
        first = united.setdefault(row["participant_id"], row)
        if first is row:
            continue
        drift.folded += 1
        first["devices"] = _union(first["devices"], row["devices"])
        first["breakout_sessions"] = _union(first["breakout_sessions"], row["breakout_sessions"])
        joins = [moment for moment in (first["joined_at"], row["joined_at"]) if moment]
        first["joined_at"] = min(joins, default=None)
        leaves = [first["left_at"], row["left_at"]]
        first["left_at"] = None if None in leaves else max(leaves)
        first["device_count"] = len(first["devices"] or [])
        for name, value in row.items():
            if name in _UNITED or value in (None, ""):
                continue
            first[name] = bool(first[name] or value) if isinstance(value, bool) else value
    return list(united.values())


def fold_last(rows: Iterable[Row], key: str, drift: SchemaDrift) -> list[Row]:
    """Of rows with one key the last one counts."""
    folded: dict[str, Row] = {}
    for row in rows:
        drift.folded += row[key] in folded
        folded[row[key]] = row
    return list(folded.values())


def _union(first: list[Row] | None, second: list[Row] | None) -> list[Row] | None:
    if first is None or second is None:
        return first if second is None else second
    return [*first, *(entry for entry in second if entry not in first)]


def _read(
    fields: Mapping[str, Column], item: Mapping[str, Any], drift: SchemaDrift
) -> tuple[Row, dict[str, Any]]:
    """Columns with a value or NULL for each known field, and fields without a column."""
    row: Row = {column.name: None for column in fields.values()}
    extra: dict[str, Any] = {}
    for name, value in item.items():
        column = fields.get(name)
        if column is None:
            if name.lower() not in _NEVER_STORED:
                extra[name] = without_secrets(value)
                if name not in FIELDS_IN_EXTRA:
                    drift.unknown[name] += 1
            continue
        if value is None:
            continue
        try:
            if column.children:
                row[column.name], rest = _read_structs(column, value, drift)
                if any(rest):
                    extra[name] = rest
            else:
                is_milliseconds = column.name.endswith("_ms")
                read = _rounded if is_milliseconds else _READERS[column.kind]
                row[column.name] = read(value)
        except (TypeError, ValueError, OverflowError):
            if name.lower() not in _NEVER_STORED:
                extra[name] = without_secrets(value)
            drift.changed[name] += 1
    return row, extra


def _read_structs(column: Column, value: Any, drift: SchemaDrift) -> tuple[list[Row], list[Any]]:
    """A list of structs, and for each the fields without a column."""
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        raise TypeError("not a list of objects")
    read = [_read(by_field(column.children), entry, drift) for entry in value]
    return [row for row, _ in read], [extra for _, extra in read]


# The readers of values raise TypeError or ValueError when it has another type.


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # ids and numbers that Webex once sent as JSON numbers
    raise TypeError("not a text")


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise TypeError("not a flag")


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError("not a number")
    number = int(value) if isinstance(value, str) else value
    if number != int(number) or not -(2**63) <= number < 2**63:
        raise ValueError("not a whole number of 64 bits")
    return int(number)


def _rounded(value: Any) -> int:
    """A number of milliseconds, which Webex may send with a fraction, and as text."""
    if isinstance(value, str):
        value = float(value) if "." in value else int(value)
    return _integer(round(value) if isinstance(value, float) else value)


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        raise TypeError("not a timestamp")
    return parse_timestamp(value) if value else None


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return [_text(entry) for entry in value]


_READERS: dict[str, Callable[[Any], Any]] = {
    TEXT: _text,
    FLAG: _flag,
    INT: _integer,
    MOMENT: _moment,
    TEXTS: _texts,
}
