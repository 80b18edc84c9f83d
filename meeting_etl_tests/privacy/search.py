"""Searches all that is stored below a folder for texts: bytes, and what is compressed, decoded."""

import gzip
import json
import sqlite3
import zlib
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import pyarrow.parquet as pq


def found_in(folder: Path, texts: Collection[str], *, skip: Collection[str] = ()) -> dict[str, str]:
    """The first file with each of the texts that is found, in whatever case.

    `skip` are folders directly below `folder`.
    """
    wanted = {text.lower(): text for text in texts}
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.relative_to(folder).parts[0] in skip:
            continue
        for content in _contents(path):
            lowered = content.lower()
            for text in wanted.keys() - found.keys():
                if text in lowered or json.dumps(text)[1:-1] in lowered:
                    found[text] = str(path.relative_to(folder))
    return {wanted[text]: path for text, path in found.items()}


def _contents(path: Path) -> Iterator[str]:
    data = path.read_bytes()
    yield str(path.name)
    yield data.decode("utf-8", "replace")
    yield data.decode("utf-16-le", "replace")
    if path.suffix == ".parquet":
        table = pq.read_table(path, partitioning=None)
        yield json.dumps(table.to_pylist(), default=str, ensure_ascii=False)
        yield str(table.schema) + str(pq.read_metadata(path).metadata)
    elif path.suffix == ".gz":
        yield gzip.decompress(data).decode("utf-8", "replace")
    elif data.startswith(b"SQLite format 3"):
        yield from _rows(path)
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            yield str(connection.sql("SELECT sql FROM duckdb_views()").fetchall())


def _rows(path: Path) -> Iterator[str]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            for row in connection.execute(f'SELECT * FROM "{name}"'):
                yield "\n".join(map(_text, row))


def _text(value: object) -> str:
    if isinstance(value, bytes):
        with suppress(zlib.error):
            value = zlib.decompress(value)
        return bytes(value).decode(errors="replace")
    return str(value)
