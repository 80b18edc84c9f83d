"""Hosts with receivers that ship into the bucket, and machines that ingest from it."""

import asyncio
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from meeting_etl.files import Files
from meeting_etl.object_storage.log_segments import LogSegments
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.pipeline.ingest.batch import IngestReport
from meeting_etl.pipeline.ingest.ingest import ingest, logs_to_ingest
from meeting_etl.receiver.journal import Journal, shipped_names
from meeting_etl.receiver.shipper import Shipper
from meeting_etl.schemas import INGESTED_LOGS, WEBHOOK_EVENTS, Table
from meeting_etl.settings import Etl
from meeting_etl.times import Clock
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.pipeline.box import NOW, line, payload, received

OF_THE_LOG = ("log_id", "log_file")


def event(number: int, **data: Any) -> bytes:
    """A line of an ended event, like no other."""
    return line(received("2026-03-02T11:00:00Z", payload(number, **data)))


class Host:
    """A host with a receiver, which ships on request."""

    def __init__(self, folder: Path, bucket: ObjectFiles, name: str = "east") -> None:
        self.clock = ManualClock(NOW)
        self.said: list[str] = []
        self.folder = folder / "received"
        self.segments = LogSegments(bucket)
        self.files = Files(self.folder)
        self.journal = Journal(self.files, self.clock, names=shipped_names)
        self.journal.open()
        self.shipper = self.another_shipper(name)

    def another_shipper(self, name: str = "east") -> Shipper:
        return Shipper(self.files, self.segments, name, self.clock, self.said.append)

    def receive(self, *lines: bytes) -> None:
        async def append() -> None:
            await asyncio.gather(*map(self.journal.append, lines))

        asyncio.run(append())

    def on_disk(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self.folder.rglob("*.jsonl")))

    def die(self) -> None:
        """Close without shipping: what is left when the process was killed."""
        self.journal.close()


class Machine:
    """A machine that ingests; `folder` is its data folder, or what it has beside the bucket."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.folder, self.clock = folder, ManualClock(NOW)
        self._environ = (
            {"MEETING_ETL_DATA_DIR": url, "MEETING_ETL_WORK_DIR": str(folder)}
            if url
            else {"MEETING_ETL_DATA_DIR": str(folder)}
        )

    @property
    def environ(self) -> Mapping[str, str]:
        return self._environ

    def etl(self, clock: Clock | None = None) -> Etl:
        return Etl(self._environ, clock or self.clock)

    def ingest(self) -> IngestReport:
        etl = self.etl()
        return ingest(etl.logs, etl.lake, etl.ledger, etl.clock)

    def rows(self, table: Table = WEBHOOK_EVENTS) -> list[dict[str, Any]]:
        """All rows, in the order of their places, without the log."""
        lake = self.etl().lake
        found = []
        for name in lake.partitions(table):
            day = None if name.startswith("__") else date.fromisoformat(name)
            found += lake.read(table, day).to_pylist()
        found.sort(key=lambda row: (row["log_file"], row["byte_offset"]))
        return [{k: v for k, v in row.items() if k not in OF_THE_LOG} for row in found]

    def numbers(self) -> list[int]:
        """The numbers of all events that were ingested, sorted."""
        return sorted(int(str(row["meeting_id"]).rpartition("_")[2]) for row in self.rows())

    def logs(self) -> list[dict[str, Any]]:
        rows = self.etl().lake.read(INGESTED_LOGS).to_pylist()
        return sorted(rows, key=lambda row: str(row["log_file"]))

    def has_new_lines(self) -> bool:
        etl = self.etl()
        return bool(logs_to_ingest(etl.logs, etl.lake))


def content_of(bucket: ObjectFiles, below: str = ".") -> bytes:
    """The bytes of all objects, in the order of their names."""
    return b"".join(bucket.read_bytes(name) or b"" for name in sorted(bucket.paths(below)))


def segments_of(bucket: ObjectFiles) -> list[str]:
    """Names of all segments, without the random ids."""
    names = (name.split("/") for name in sorted(bucket.paths("webhook_logs")))
    return [f"{receiver}/{log[:13]}/{segment}" for _, receiver, log, segment in names]
