"""The personal texts of an invented world, and everything that was logged, as text to search."""

import re
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from meeting_etl.sandbox.world.model import World

_ADDRESSES = ("email", "person_email")
_NAMES = ("name", "person_name")
_TITLES = ("title", "topic")
_TEXTS = ("text", "notes", "action_items")
_PERSONAL = (*_ADDRESSES, *_NAMES, *_TITLES, *_TEXTS)
# A shorter one may be a word of a message.
_SHORTEST = 6
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


def personal_texts(world: World) -> set[str]:
    """Every address, name, title and text of the world, in lower case."""
    found = {" ".join(text.split()).lower() for text in _texts(world, "")}
    return {text for text in found if len(text) >= _SHORTEST}


def _texts(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, str):
        if name in _PERSONAL:
            yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name), field.name)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, key)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _texts(inner, name)


def found_in(text: str, wanted: set[str]) -> list[str]:
    """Which of the texts occur, as they are or escaped as in JSON or a URL."""
    plain = unquote(_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text))
    plain = " ".join(plain.split()).lower()
    return sorted(word for word in wanted if word in plain)


def logged(folder: Path) -> Iterator[tuple[str, str]]:
    """Each file of a Dagster instance as text; of a database each row, with blobs unpacked."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in (".db-wal", ".db-shm"):
            continue
        if path.read_bytes()[:15] == b"SQLite format 3":
            yield from _rows(path)
        else:
            yield str(path), path.read_bytes().decode(errors="replace")


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                yield f"{path} {table}", "\n".join(map(_text, row))


def _text(value: object) -> str:
    if isinstance(value, bytes):
        with suppress(zlib.error):
            value = zlib.decompress(value)
        return bytes(value).decode(errors="replace")
    return str(value)
