"""What a run of days says at info on its page: its story in some ten lines, without any person.

Belongs here: which lines, and how many. Does not: figures of a day (day_metadata.py), what
`meeting-etl run` shows on the screen (cli/).
"""

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from meeting_etl.orchestration.assets.day_metadata import Metadata
from meeting_etl.schemas import TABLES
from meeting_etl.texts import some_of
from meeting_etl.times import Clock

if TYPE_CHECKING:
    from meeting_etl.pipeline.fetch.context import DayReport
    from meeting_etl.pipeline.meetings.fold import FoldReport

# In longer runs a line a day is said at debug only.
_FEW_DAYS = 10
_PROGRESS_SECONDS = 10.0


class RunLog:
    """The lines of one run; `log` is Dagster's logger, `days` how many days the run covers."""

    def __init__(self, log: Any, clock: Clock, days: int) -> None:
        self._log = log
        self._clock = clock
        self._days = days
        self._began_at = self._said_at = clock.monotonic()
        self._total: Counter[str] = Counter()

    def progress(self, what: str, done: int, total: int) -> None:
        """Called often; says something when nothing was said for a while."""
        if self._clock.monotonic() - self._said_at < _PROGRESS_SECONDS:
            return
        before = f"{self._total['days']} of {self._days} days done; " if self._days > 1 else ""
        self._say(f"{before}{what}: {done:,} of {total:,} work items")

    def day(self, report: "DayReport", folded: "FoldReport | None") -> None:
        """A day is done."""
        tables = report.tables
        failed = sum(table.statuses["failed"] for table in tables.values())
        requests = report.traffic.requests
        seconds = report.fetch_seconds + report.commit_seconds + (folded.seconds if folded else 0)
        rows = [
            f"{tables[name].rows:,} {name.replace('_', ' ')}"
            for name in TABLES
            if name in tables and tables[name].rows
        ]
        line = (
            f"{report.day}: {', '.join([*rows, f'{requests:,} requests'])}, {failed:,} failed, "
            f"{seconds:.1f} s"
        )
        self._total += Counter(days=1, requests=requests, failed=failed)
        if self._days <= _FEW_DAYS:
            self._say(line)
        elif requests or failed:
            self._log.debug(line)
        self._log_details(report, folded)

    def end(self) -> None:
        """All days are done."""
        if self._total["days"] > 1:
            total, seconds = self._total, self._clock.monotonic() - self._began_at
            self._say(
                f"{total['days']} days: {total['requests']:,} requests, {total['failed']:,} failed "
                f"work items, {seconds:.1f} s"
            )

    def _say(self, line: str) -> None:
        self._said_at = self._clock.monotonic()
        self._log.info(line)

    def _log_details(self, report: "DayReport", folded: "FoldReport | None") -> None:
        tables = report.tables.items()
        outcomes = [f"{name} {dict(table.outcomes)}" for name, table in tables if table.outcomes]
        if outcomes:
            self._log.debug(f"{report.day}: outcomes of {'; '.join(outcomes)}")
        if folded and folded.moved:
            self._log.debug(f"{report.day}: meetings moved to this day: {some_of(folded.moved)}")
        for name, table in tables:
            if table.faults:
                self._log.debug(f"{report.day}: {name} failed for {some_of(table.faults)}")


class DriftLog:
    """How what Webex returned differs from the schema: said once a run, not once a day."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        self._other_sizes = 0

    def add(self, table: str, metadata: Metadata) -> None:
        """Add what was found in a table of a day."""
        for kind in ("unknown_fields", "unreadable_values"):
            if fields := metadata.get(kind):
                self._found[kind][table] += Counter(fields)
        self._other_sizes += metadata.get("files_of_unexpected_size", 0)

    def log(self, log: Any) -> None:
        """Say it."""
        if unknown := self._found["unknown_fields"]:
            log.info(f"Fields without a column, kept in extra: {_by_table(unknown)}")
        if changed := self._found["unreadable_values"]:
            log.warning(f"Unreadable values, kept in extra: {_by_table(changed)}")
        if self._other_sizes:
            log.warning(f"{self._other_sizes} files differ in size from what Webex reported")


def _by_table(found: dict[str, Counter[str]]) -> str:
    return "; ".join(
        f"{table}: {', '.join(f'{name} ({count:,})' for name, count in fields.items())}"
        for table, fields in found.items()
    )
