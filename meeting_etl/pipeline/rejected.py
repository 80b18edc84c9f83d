"""Rejected lines, as their rows tell of them and as their logs have them.

Belongs here: finding rows of rejected_lines by date and reason, and the line of each. Does not:
rejecting lines (ingest.py), showing them (cli/rejected.py).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from meeting_etl.lake.store import NULL_PARTITION, Lake
from meeting_etl.schemas import INGESTED_LOGS, REJECTED_LINES
from meeting_etl.times import Span
from meeting_etl.webhooks.logs import Lines


@dataclass(frozen=True)
class RejectedLine:
    """One row. `log_file` is where the log lies now; `number` counts its lines from 1."""

    log_file: str
    number: int
    offset: int
    reason: str
    detail: str
    byte_length: int
    sha256: str

    def read(self, lines: Lines) -> Iterator[bytes] | None:
        """The line in pieces, without newline; None when its log does not have it any more."""
        return lines.line(self.log_file, self.offset, self.byte_length, self.sha256)


def rejected_lines(
    lake: Lake, received: Span | None, reasons: Collection[str]
) -> Iterator[RejectedLine]:
    """The latest received dates first, in a date by log and place; without date last.

    `received` leaves out lines of other dates and without one, `reasons` those of other reasons,
    unless there are none. Raises StorageError when the lake cannot be read.
    """
    logs = lake.read(INGESTED_LOGS, columns=["log_id", "log_file"]).to_pylist()
    where = {log["log_id"]: log["log_file"] for log in logs}
    only = {"reason": list(reasons)} if reasons else None
    for day in _days(lake, received):
        found = lake.read(REJECTED_LINES, day, where=only).to_pylist()
        lines = [
            RejectedLine(
                where.get(row["log_id"], row["log_file"]),
                row["line_number"],
                row["byte_offset"],
                row["reason"],
                row["detail"],
                row["byte_length"],
                row["line_sha256"],
            )
            for row in found
        ]
        yield from sorted(lines, key=lambda line: (line.log_file, line.offset))


def _days(lake: Lake, received: Span | None) -> Iterator[date | None]:
    names = lake.partitions(REJECTED_LINES)
    for name in sorted((name for name in names if name != NULL_PARTITION), reverse=True):
        day = date.fromisoformat(name)
        if received is None or received.first <= day <= received.last:
            yield day
    if received is None and NULL_PARTITION in names:
        yield None
