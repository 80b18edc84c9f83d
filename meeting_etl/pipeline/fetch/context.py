"""What every fetch works with, and what it reports of a day.

Belongs here: the plain values that the steps of a fetch pass on. Does not: any of these steps
(day_fetch.py, windows.py, day_writer.py).
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.row_changes import RowChanges
from meeting_etl.pipeline.fetch.spec import FetchSpec
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.ledger.work_item import Outcome, WorkItem
from meeting_etl.pipeline.rows import SchemaDrift
from meeting_etl.schemas import Table
from meeting_etl.times import Clock
from meeting_etl.webex.accounts import Accounts
from meeting_etl.webex.traffic import Traffic

Progress = Callable[[str, int, int], None]


@dataclass
class TableReport:
    """What a day's fetch did to one table.

    `from_windows` counts work items that a listing of many meetings answered, `requested` those
    that had a request of their own. `statuses` are those of all work items of the day, afterwards,
    and `faults` the meetings of failed requests.
    """

    rows: int = 0
    changes: RowChanges = field(default_factory=RowChanges)
    statuses: Counter[str] = field(default_factory=Counter)
    requested: int = 0
    from_windows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    drift: SchemaDrift = field(default_factory=SchemaDrift)

    def count(
        self, meeting_id: str, outcome: Outcome, *, has_request: bool, from_window: bool
    ) -> None:
        """Count a work item."""
        self.outcomes[outcome.value] += 1
        if outcome is Outcome.FAULT:
            self.faults.append(meeting_id)
        self.from_windows += from_window
        self.requested += has_request and not from_window


@dataclass
class DayReport:
    """What a fetch did to one day, by table; `removed` are files that were deleted at Webex.

    The seconds of days overlap: the requests of a day are sent while another one is committed.
    """

    day: date
    tables: dict[str, TableReport] = field(default_factory=dict)
    removed: int = 0
    traffic: Traffic = field(default_factory=Traffic)
    fetch_seconds: float = 0.0
    commit_seconds: float = 0.0

    def of(self, table: Table) -> TableReport:
        """The report of one table."""
        return self.tables.setdefault(table.name, TableReport())

    def finish(self, lake: Lake, specs: Iterable[FetchSpec], items: Iterable[WorkItem]) -> None:
        """Add what is stored at the end: rows, and the day's work items."""
        tables = {spec.resource: spec.table for spec in specs}
        for table in {table.name: table for table in tables.values()}.values():
            self.of(table).rows = lake.count(table, self.day)
            self.of(table).changes = lake.changes.take(table, self.day)
        for item in items:
            if table_of_item := tables.get(item.resource):
                self.of(table_of_item).statuses[item.status] += 1


@dataclass(frozen=True)
class FetchContext:
    """What every fetch needs; `run_id` is written into the rows.

    Without `windows` each meeting is requested by itself. With
    `honours_deletes` content that was deleted at Webex is removed here, too.
    """

    accounts: Accounts
    clock: Clock
    lake: Lake
    ledger: Ledger
    run_id: str
    threads: int = 24
    progress: Progress = lambda *_: None
    windows: bool = True
    honours_deletes: bool = False
