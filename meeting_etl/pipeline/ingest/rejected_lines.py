"""Rejected lines: their rows, and the lines themselves in the logs.

Belongs here: finding rows of rejected_lines by date and reason, and the line of each. Does not:
rejecting lines (ingest.py), showing them (cli/rejected.py).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.partitions import NULL_PARTITION
from meeting_etl.schemas import INGESTED_LOGS, REJECTED_LINES
from meeting_etl.times import Span
from meeting_etl.webhook_logs.logs import LineFinder


@dataclass(frozen=True)
class RejectedLine:
    """One row. `log_file` is the current path of the log; `number` counts its lines from 1."""

    log_id: str
    log_file: str
    number: int
    offset: int
    reason: str
    detail: str
    byte_length: int
    sha256: str

    def read(self, lines: LineFinder) -> Iterator[bytes] | None:
        """The line in pieces, without newline; None when its log no longer has it."""
        return lines.find(self.log_file, self.offset, self.byte_length, self.sha256)


def rejected_lines(
    lake: Lake, received: Span | None, reasons: Collection[str]
) -> Iterator[RejectedLine]:
    """Rejected lines: newest received date first, then by log and place; without a date last.

    With `received`, only lines of these dates; with `reasons`, only lines of these reasons. Raises
    StorageError when the lake cannot be read.
    """
    for day in _days(lake, received):
        yield from rejected_on(lake, day, reasons)


def rejected_on(lake: Lake, day: date | None, reasons: Collection[str]) -> list[RejectedLine]:
    """The lines of one received date, by log and place."""
    logs = lake.read(INGESTED_LOGS, columns=["log_id", "log_file"]).to_pylist()
    current_paths = {log["log_id"]: log["log_file"] for log in logs}
    only = {"reason": list(reasons)} if reasons else None
    lines = [
        RejectedLine(
            row["log_id"],
            current_paths.get(row["log_id"], row["log_file"]),
            row["line_number"],
            row["byte_offset"],
            row["reason"],
            row["detail"],
            row["byte_length"],
            row["line_sha256"],
        )
        for row in lake.read(REJECTED_LINES, day, where=only).to_pylist()
    ]
    return sorted(lines, key=lambda line: (line.log_file, line.offset))


def places_by_log(lake: Lake, log_ids: Collection[str]) -> dict[str, set[tuple[str, int]]]:
    """Log id and offset of all rejected lines of these logs; reads every date."""
    found: dict[str, set[tuple[str, int]]] = {log_id: set() for log_id in log_ids}
    for day in _days(lake, None):
        names, where = ["log_id", "byte_offset"], {"log_id": log_ids}
        for row in lake.read(REJECTED_LINES, day, columns=names, where=where).to_pylist():
            found[row["log_id"]].add((row["log_id"], row["byte_offset"]))
    return found


def _days(lake: Lake, received: Span | None) -> Iterator[date | None]:
    names = lake.partitions(REJECTED_LINES)
    for name in sorted((name for name in names if name != NULL_PARTITION), reverse=True):
        day = date.fromisoformat(name)
        if received is None or received.first <= day <= received.last:
            yield day
    if received is None and NULL_PARTITION in names:
        yield None
