"""class DayState: what the lake has of one locked day, read once.

Belongs here: work items, meetings and the rows of lists, kept in step with what is written. Does
not: which of them are due (due.py), writing (day_writer.py).
"""

from collections import defaultdict
from datetime import date

from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.fetch.spec import FetchSpec
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.pipeline.rows import Row
from meeting_etl.schemas import FETCH_LEDGER, MEETINGS, Table


class DayState:
    """One day, which must be locked as long as this is used.

    `items` are all its work items by key, `changed` the keys of those whose rows in the lake are
    not the same yet, or must go.
    """

    def __init__(self, lake: Lake, ledger: Ledger, day: date) -> None:
        self.day = day
        self.items = {item.key: item for item in ledger.items(day)}
        # What an earlier version wrote is read as more work items (pipeline/ledger/from_vtt.py).
        is_current = lake.count(FETCH_LEDGER, day) == len(self.items)
        self.changed = set() if is_current else set(self.items)
        self._lake = lake
        self._rows: dict[str, dict[str, Row]] = {}
        self._files: dict[str, dict[str, list[Row]]] = {}

    def put(self, item: WorkItem) -> None:
        """Take a new or changed work item."""
        self.items[item.key] = item
        self.changed.add(item.key)

    def remove(self, key: tuple[str, str, str]) -> None:
        """Remove a work item, if there is one."""
        if self.items.pop(key, None) is not None:
            self.changed.add(key)

    @property
    def meetings(self) -> dict[str, Row]:
        """The meetings of the day, by id."""
        return self.rows(MEETINGS)

    def rows(self, table: Table) -> dict[str, Row]:
        """All rows of a table with one key column, by key; callers keep them in step."""
        if table.name not in self._rows:
            (key,) = table.key
            stored = self._lake.read(table, self.day).to_pylist()
            for row in stored:
                if "host_email" in row:  # requests need it, and items are compared with it
                    row["host_email"] = self._lake.privacy.hosts.clear(row["host_email"])
            self._rows[table.name] = {row[key]: row for row in stored}
        return self._rows[table.name]

    def files(self, spec: FetchSpec) -> dict[str, list[Row]]:
        """Stored rows of the files of a day, by id of their recording or transcript."""
        if spec.resource not in self._files:
            files: dict[str, list[Row]] = defaultdict(list)
            for row in self._lake.read(spec.table, self.day).to_pylist():
                files[row[spec.table.key[0]]].append(row)
            self._files[spec.resource] = files
        return self._files[spec.resource]
