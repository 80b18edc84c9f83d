"""A data folder with webhook logs, and payloads to put into them."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from meeting_etl.pipeline.ingest.batch import IngestReport
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.schemas import INGESTED_LOGS, Table
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
SERIES = "501e995485e2460bb129410116757b13"


def payload(number: int, end: str = "2026-03-02T10:50:00Z", **data: Any) -> dict[str, Any]:
    body = {"id": f"{SERIES}_I_{number}", "end": end} | data
    return {"resource": "meetings", "event": "ended", "data": body}


def line(document: Any) -> bytes:
    return json.dumps(document).encode() + b"\n"


def received(at: str, body: Any) -> dict[str, Any]:
    return {"received_at": at, "headers": {"Authorization": "Bearer hunter2"}, "body": body}


class Box:
    """A data folder with logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "webhook_logs"
        self.logs.mkdir()
        self.clock = ManualClock(NOW)

    def etl(self) -> Etl:
        return Etl({"MEETING_ETL_DATA_DIR": str(self.folder)}, self.clock)

    def ingest(self, etl: Etl | None = None) -> IngestReport:
        etl = etl or self.etl()
        return ingest(etl.logs, etl.lake, etl.ledger, etl.clock)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        lake = self.etl().lake
        found = []
        for name in lake.partitions(table):
            day = None if name.startswith("__") else date.fromisoformat(name)
            found += [row | {"received_date": day} for row in lake.read(table, day).to_pylist()]
        return sorted(found, key=lambda row: (row["log_file"], row["byte_offset"]))

    def progress(self) -> dict[str, dict[str, Any]]:
        return {row["log_file"]: row for row in self.etl().lake.read(INGESTED_LOGS).to_pylist()}
