"""class LogRows: what the tables say about logs, after lines of these were rewritten.

Belongs here: digests in ingested_logs and rejected_lines, size and time of files. Does not:
rewriting lines (log_rewriting.py), the content of events, which the caller changes.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import INGESTED_LOGS, REJECTED_LINES
from meeting_etl.times import Clock
from meeting_etl.webhook_logs.log_file import LogFile


@dataclass(frozen=True)
class RewrittenLog:
    """A known log whose file has the new lines.

    `digests` has the SHA-256 of the new lines by offset. `is_whole`: the file had no other size and
    time before than its row.
    """

    path: Path
    log_id: str
    is_whole: bool
    digests: Mapping[int, str]


class LogRows:
    """The rows of logs in ingested_logs and rejected_lines. Updating them again changes nothing."""

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake, self._clock = lake, clock

    def update(self, logs: Sequence[RewrittenLog]) -> None:
        """Make the rows of these logs those of the files as they are now."""
        for log in logs:
            self.update_rejected(log.log_id, log.digests)
        self._update_logs({log.log_id: log for log in logs})

    def update_rejected(self, log_id: str, digests: Mapping[int, str]) -> None:
        """Give the rejected lines of a log their digests, by offset."""
        for day in self._rejected_days.get(log_id, ()):
            rows = self._lake.read(REJECTED_LINES, day, where={"log_id": [log_id]}).to_pylist()
            changed = [row for row in rows if row["byte_offset"] in digests]
            for row in changed:
                row["line_sha256"] = digests[row["byte_offset"]]
            self._lake.merge(REJECTED_LINES, day, changed)

    @cached_property
    def _rejected_days(self) -> dict[str, set[date | None]]:
        """The received dates on which each log has rejected lines."""
        found: dict[str, set[date | None]] = {}
        for day in (*self._lake.days(REJECTED_LINES), None):
            ids = self._lake.read(REJECTED_LINES, day, columns=["log_id"])["log_id"].unique()
            for log_id in ids.to_pylist():
                found.setdefault(log_id, set()).add(day)
        return found

    def _update_logs(self, logs: Mapping[str, RewrittenLog]) -> None:
        rows = self._lake.read(INGESTED_LOGS, where={"log_id": list(logs)}).to_pylist()
        for row in rows:
            log = logs[row["log_id"]]
            # A log that was removed just now has nothing to be recognised by.
            with suppress(FileNotFoundError), closing(LogFile(log.path)) as file:
                if not row["bytes_consumed"] or not file.skip_to(row["bytes_consumed"]):
                    continue
                head, tail = file.fingerprint.digests()
                row["digests"] = {"head": head, "tail": tail}
                if log.is_whole:
                    # What was appended meanwhile makes a plain file longer than its row says.
                    row["size"] = file.size if file.is_gzip else row["size"]
                    row["mtime"] = file.mtime
                row["updated_at"] = self._clock.now()
        self._lake.merge(INGESTED_LOGS, None, rows)
