"""What analysts have: readers of a Delta table, in an environment without meeting_etl.

As a program: `bucket_reader.py URL SECONDS`; it reads a table of which each day has rows of one
version, `title`, as many as that says, and prints what each reader found, as JSON. It takes longer
where a reader has not made `LEAST` queries by then.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

# Number of queries, and what was wrong, by reader.
Found = dict[str, tuple[int, list[str]]]
Days = list[tuple[str, str, int]]
LEAST = 5
QUERY = "SELECT date::VARCHAR, title, count(*) FROM {} GROUP BY ALL"


def rows_of(version: int) -> int:
    """So many rows has a day of this version."""
    return 40 + version * 97 % 400


def with_duckdb(url: str) -> Callable[[], Days]:
    """A query on a connection of its own, with extensions from the package index."""
    duckdb: Any = importlib.import_module("duckdb")
    loads = []
    for name in ("httpfs", "delta"):
        (folder,) = importlib.import_module(f"duckdb_extension_{name}").__path__
        loads.append(f"LOAD '{folder}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")
    endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    secret = (
        f"CREATE SECRET (TYPE s3, KEY_ID '{os.environ['AWS_ACCESS_KEY_ID']}', "
        f"SECRET '{os.environ['AWS_SECRET_ACCESS_KEY']}', ENDPOINT '{endpoint.netloc}', "
        f"REGION '{os.environ['AWS_REGION']}', URL_STYLE 'path', USE_SSL false)"
    )

    def read() -> Days:
        with duckdb.connect() as connection:
            for sql in (*loads, secret):
                connection.execute(sql)
            days: Days = connection.execute(QUERY.format(f"delta_scan('{url}')")).fetchall()
            return days

    return read


def with_polars(url: str) -> Callable[[], Days]:
    polars: Any = importlib.import_module("polars")

    def read() -> Days:
        table = polars.scan_delta(url, storage_options={"aws_allow_http": "true"})
        counted = table.group_by("date", "title").agg(polars.len()).collect()
        return [(str(day), title, count) for day, title, count in counted.rows()]

    return read


def with_arrow(url: str) -> Callable[[], Days]:
    deltalake: Any = importlib.import_module("deltalake")

    def read() -> Days:
        table = deltalake.DeltaTable(url, storage_options={"allow_http": "true"})
        rows = table.to_pyarrow_dataset().to_table(columns=["date", "title"])
        counted = rows.group_by(["date", "title"]).aggregate([([], "count_all")])
        return [tuple(map(_text, row.values())) for row in counted.to_pylist()]

    return read


def _text(value: object) -> Any:
    return value if isinstance(value, int) else str(value)


def what_is_wrong(days: Days) -> str:
    """Empty for what can have been there at some moment."""
    if len({day for day, _, _ in days}) < len(days) or not days:
        return f"two versions of a day: {days}"
    return "".join(
        f"{count} rows of version {version}; "
        for _, version, count in days
        if count != rows_of(int(version))
    )


def main(url: str, seconds: float) -> None:
    readers = {"duckdb": with_duckdb(url), "polars": with_polars(url), "arrow": with_arrow(url)}
    found: Found = {name: (0, []) for name in readers}
    print("reading", flush=True)
    until = time.monotonic() + seconds
    while time.monotonic() < until or min(count for count, _ in found.values()) < LEAST:
        for name, read in readers.items():
            count, wrong = found[name]
            try:
                problem = what_is_wrong(read())
            except Exception as error:  # noqa: BLE001 - whatever an analyst sees
                problem = f"{type(error).__name__}: {error}"[:500]
            found[name] = (count + 1, [*wrong, *([problem] if problem else [])])
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
