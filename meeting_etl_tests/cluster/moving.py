"""A filled data folder that moves to a bucket, in a process that can be killed at any change."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from meeting_etl.lake import catalog
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.schemas import MEETING_INDEX, TABLES
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.product import Product

SETTINGS = """
[downloads]
recordings = ["video", "transcript"]
transcripts = ["vtt", "txt"]
keep_free_bytes = 0
"""
# Kills itself right before or after one of its changes to the bucket, the folder or the database.
SCRIPT = """
import itertools, os, signal, sys
from meeting_etl.files import Files
from meeting_etl.object_storage.delta_log import DeltaLog
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.cli.main import main
which, is_before, calls, count = int(sys.argv[1]), sys.argv[2] == "before", itertools.count(1), 0
def counting(owner, name):
    function = getattr(owner, name)
    def counted(*arguments, **options):
        global count
        count = number = next(calls)
        if number == which and is_before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **options)
        if number == which:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, counted)
for owner, name in (
    (ObjectFiles, "_put"), (ObjectFiles, "put_new"), (ObjectFiles, "remove"), (DeltaLog, "add"),
    (Files, "replace_bytes"),
):
    counting(owner, name)
if os.environ.get("MEETING_ETL_STATE"):
    from meeting_etl.postgres import schema
    counting(schema, "copy_rows")
main(["migrate", "--yes", "--to", sys.argv[3]])
print("calls", count)
"""


class Moving(Product):
    """A filled data folder, which moves to the bucket."""

    @property
    def url(self) -> str:
        return url_of(self.folder)

    @property
    def late(self) -> Path:
        """Where the logs of the newest day wait."""
        return self.folder.with_name(f"{self.folder.name}-late")

    def fill(self, s3: Mapping[str, str], more: Mapping[str, str]) -> None:
        self.folder.mkdir(parents=True)
        settings = self.folder.with_name("settings.toml")
        settings.write_text(SETTINGS)
        self.more = {**s3, **more, "MEETING_ETL_SETTINGS": str(settings)}
        if more:
            assert self.command("migrate").returncode == 0
        self.write_logs()
        newest = max((self.folder / "webhook_logs").iterdir())
        newest.rename(self.late)
        assert self.run().failures == []

    def contents(self) -> dict[str, Any]:
        """All rows of all tables, and the digests of all files."""
        found: dict[str, Any] = {name: all_rows(self.place, name) for name in TABLES}
        lake = self.etl().lake
        found["meeting_index"] = {
            shard: sorted(map(str, lake.read(MEETING_INDEX, shard).to_pylist()))
            for shard in lake.partitions(MEETING_INDEX)
        }
        found["files"] = dict(self._files())
        found["due"] = self.etl().ledger.open_days()
        return found

    @property
    def place(self) -> str | Path:
        return self.etl().settings.location

    def _files(self) -> Iterator[tuple[str, str]]:
        folders = ("media", "transcripts")
        if isinstance(self.place, Path):
            for path in (path for name in folders for path in (self.folder / name).rglob("*.*")):
                if not path.name.startswith("."):
                    yield str(path.relative_to(self.folder)), digest(path.read_bytes())
            return
        bucket = ObjectFiles(self.url)
        for name in (name for folder in folders for name in bucket.paths(folder)):
            yield name, digest(bucket.read_bytes(name) or b"")

    def in_bucket(self) -> "Moving":
        """The same with the variables set, as the command says at its end."""
        places = {"MEETING_ETL_DATA_DIR": self.url, "MEETING_ETL_WORK_DIR": str(self.folder)}
        return replace(self, more={**self.more, **places})

    def copy(self) -> "Moving":
        """A copy of the folder, to be moved to another place; without state in PostgreSQL."""
        folder = self.folder.with_name("copy")
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder)

    def move(self, which: int = 0, when: str = "before") -> subprocess.CompletedProcess[str]:
        """Move in a process of its own, which kills itself at one of its changes."""
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(which), when, self.url],
            env={"PATH": os.environ["PATH"], **self.environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done


def all_rows(place: str | Path, name: str) -> list[tuple[object, ...]]:
    return catalog.query(place, f"SELECT * FROM {name} ORDER BY ALL")[1]


def rows_of(url: str, name: str) -> list[dict[str, object]]:
    names, found = catalog.query(url, f"SELECT * FROM {name}")
    return [dict(zip(names, row, strict=True)) for row in found]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())
