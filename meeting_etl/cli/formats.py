"""Rows written exactly: as a table, CSV or JSON Lines.

Belongs here: --format, and how each type of value is written. Does not: tables for people
(display.py).
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

import click
import msgspec

from meeting_etl.cli import display
from meeting_etl.texts import visible, visible_json

_JSON = msgspec.json.Encoder(decimal_format="number")


class _RowFormat(click.Choice[str]):
    """table, csv or jsonl; `json`, the earlier name of jsonl, is accepted."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return super().convert("jsonl" if value == "json" else value, param, ctx)


FORMAT = click.option(
    "--format",
    "row_format",
    type=_RowFormat(["table", "csv", "jsonl"]),
    default="table",
    show_default=True,
    help="Output format; jsonl is one JSON object a line.",
)


def write_rows(
    row_format: str,
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    most: int | None = None,
) -> None:
    """Write rows in a format of FORMAT; a table ends after `most` rows and says how many remain."""
    if row_format == "csv":
        write_csv(names, rows)
    elif row_format == "jsonl":
        write_jsonl(names, rows)
    else:
        _show(names, iter(rows), most)


def _show(names: Sequence[str], rows: Iterator[Sequence[Any]], most: int | None) -> None:
    shown = list(islice(rows, most))
    if list(names) == ["explain_key", "explain_value"]:
        for row in shown:
            display.answers.print(row[1])
        return
    display.show_table("", names, shown, _cell)
    further = sum(1 for _ in rows)
    if further:
        display.say(f"Showing {len(shown):,} of {len(shown) + further:,} rows; add --all for all.")


def _cell(value: Any) -> display.Cell:
    return display.styled("NULL", "dim") if value is None else display.one_line(_exact(value))


def write_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Comma-separated values with a header line; NULL is empty, an empty text is ""."""
    _write(",".join(map(_field, names)) + "\n")
    for row in rows:
        _write(",".join(map(_field, row)) + "\n")


def _field(value: Any) -> str:
    if value is None:
        return ""
    text = _exact(value)
    if text and not set(text) & set(',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def write_jsonl(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """One JSON object a line; NaN and infinities are null, bytes are Base64."""
    names = _distinct(names)
    for row in rows:
        write_json(dict(zip(names, row, strict=True)))


def write_json(record: dict[str, Any]) -> None:
    """One JSON object on a line."""
    # What a terminal would obey (DEL, C1, bidi) is written as an escape.
    _write(visible_json(_JSON.encode(_encodable(record)).decode()) + "\n")


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, repeated ones numbered: an object would keep only the last of them."""
    found: list[str] = []
    for name in names:
        candidates = (name, *(f"{name}_{number}" for number in range(1, len(names) + 1)))
        found.append(next(candidate for candidate in candidates if candidate not in found))
    return found


def _encodable(value: Any) -> Any:
    """The value in types that the encoder writes: no whole numbers beyond 64 bits."""
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return Decimal(value)
    if isinstance(value, dict):
        return {name: _encodable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(item) for item in value]
    return value


def _exact(value: Any) -> str:
    """The value unrounded: no separators, true and false, ISO 8601, nested values as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = _JSON.encode(_encodable(value)).decode()
    return text[1:-1] if text.startswith('"') else text


def _write(data: str) -> None:
    """Byte for byte in UTF-8; to a terminal without what it would obey."""
    if sys.stdout.isatty():
        sys.stdout.write(visible(data))
    else:
        # File names that are not UTF-8 are written as their original bytes.
        sys.stdout.flush()
        sys.stdout.buffer.write(data.encode("utf-8", "surrogateescape"))
