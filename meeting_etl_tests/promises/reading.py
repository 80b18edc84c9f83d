"""Readers of the tables: processes of their own, as analysts are, that query again and again.

Belongs here: starting them, waiting for them, ending them. Does not: what they query.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

# Reads until a line comes in or nobody is there any more, then prints what it met; a dot after each
# query. `ours` has a second try; a plain client opens the catalog as the DuckDB command line does.
SUMS = """
import json, os, select, sys
from collections import Counter
import duckdb
from meeting_etl.lake import catalog
from meeting_etl.lake.catalog_state import CATALOG

how, folder, sql = sys.argv[1:]

def read():
    if how == "ours":
        return catalog.query(folder, sql)[1]
    with duckdb.connect(folder + "/" + CATALOG, read_only=True) as connection:
        return connection.execute(sql).fetchall()

found = Counter()
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    try:
        sums = {str(day): int(total) for day, total in read()}
    except Exception as error:
        found[f"{type(error).__name__}: {error}"] += 1
    else:
        found["sums " + json.dumps(sums, sort_keys=True)] += 1
    os.write(2, b".")
print(json.dumps(found))
"""


class Reader:
    """A reader at work. Its script writes a dot to stderr after each query."""

    def __init__(self, script: str, *arguments: str) -> None:
        self._dots = TemporaryFile()  # noqa: SIM115 - open as long as the process writes to it
        self._process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._dots,
            text=True,
        )

    def wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", self._said()

    @property
    def queries(self) -> int:
        """How many it has made so far."""
        return self._said().count(b".")

    def wait_for(self, more: int) -> None:
        """Until it has made so many more queries, however long that takes here."""
        enough = self.queries + more
        while self.queries < enough:
            assert self._process.poll() is None, self._said()
            time.sleep(0.002)

    def end(self) -> Counter[str]:
        """What it met, and how often."""
        printed, _ = self._process.communicate("end\n", timeout=600)
        assert set(self._said()) <= set(b"."), self._said()
        return Counter(json.loads(printed))

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._dots.close()

    def _said(self) -> bytes:
        # At its place: the process writes at the file's position.
        return os.pread(self._dots.fileno(), os.fstat(self._dots.fileno()).st_size, 0)


@contextmanager
def reading(*scripts: tuple[str, ...]) -> Iterator[list[Reader]]:
    """A reader for each script with its arguments, all of them ready; the block ends them."""
    readers = [Reader(*script) for script in scripts]
    try:
        for reader in readers:
            reader.wait_until_ready()
        yield readers
    finally:
        for reader in readers:
            reader.kill()


def sums(folder: Path, sql: str, how: str = "ours") -> tuple[str, ...]:
    """A reader of a sum by key."""
    return SUMS, how, str(folder), sql
