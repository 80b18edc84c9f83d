"""What every fetch works with, and what it reports of a day.

Belongs here: the plain values that the steps of a fetch pass on. Does not: any of these steps
(day_fetch.py, windows.py, day_writer.py).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.rows import SchemaDrift
from meeting_etl.schemas import Table
from meeting_etl.times import Clock
from meeting_etl.webex.endpoints import Webex

Progress = Callable[[str, int, int], None]
_ALWAYS = datetime(1, 1, 1, tzinfo=UTC)


@dataclass
class TableReport:
    """What a day's fetch did to one table.

    `from_windows` counts work items that a listing of many meetings answered, `requested` those
    that had a request of their own.
    """

    rows: int = 0
    requested: int = 0
    from_windows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    drift: SchemaDrift = field(default_factory=SchemaDrift)

    def count(self, outcome: str, *, has_request: bool, from_window: bool) -> None:
        """Count a work item."""
        self.outcomes[outcome] += 1
        self.from_windows += from_window
        self.requested += has_request and not from_window


@dataclass
class DayReport:
    """What a fetch did to one day, by table; `removed` are files that were deleted at Webex."""

    day: date
    tables: dict[str, TableReport] = field(default_factory=dict)
    removed: int = 0

    def of(self, table: Table) -> TableReport:
        """The report of one table."""
        return self.tables.setdefault(table.name, TableReport())


@dataclass(frozen=True)
class FetchContext:
    """What every fetch needs; `run_id` is written into the rows.

    `reading_since` is when the present token read for the first time: a 404 for what another token
    read proves nothing. Without `windows` each meeting is requested by itself. With
    `honours_deletes` content that was deleted at Webex is removed here, too.
    """

    webex: Webex
    clock: Clock
    lake: Lake
    ledger: Ledger
    run_id: str
    threads: int = 24
    progress: Progress = lambda *_: None
    reading_since: datetime = _ALWAYS
    windows: bool = True
    honours_deletes: bool = False
