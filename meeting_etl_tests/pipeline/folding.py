"""A lake whose events are folded by hand."""

from datetime import date
from pathlib import Path
from typing import Any

from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.ledger.due_days import FileQueue
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.ledger.schedule import AttemptSchedule
from meeting_etl.pipeline.meetings.fold import fold
from meeting_etl.pipeline.resources.opened_by_event import OPENED_BY
from meeting_etl.schemas import MEETINGS
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.pipeline.events import SERIES, LoggedEvent, commit_events, moment

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
ONE = f"{SERIES}_I_1"


class World:
    """A lake with a ledger at a given time."""

    def __init__(self, folder: Path, now: str = "2026-03-10 00:00") -> None:
        files = Files(folder)
        self.clock = ManualClock(moment(now))
        self.lake = Lake(files)
        self.ledger = Ledger(
            self.lake,
            FileQueue(files, self.lake.state),
            self.clock,
            AttemptSchedule(),
            opened_by=OPENED_BY,
            off=["invitees", "meeting_summaries"],
        )

    def commit_events(self, *events: LoggedEvent, log_id: str = "log") -> None:
        commit_events(self.lake, self.ledger, events, log_id=log_id)

    def fold(self, *days: date) -> None:
        list(fold(self.lake, self.ledger, days or self.ledger.due_days()))

    def fold_everything(self) -> None:
        """Fold all meetings of Monday again, as a refetch does."""
        self.ledger.reopen([MONDAY], lambda _: False, fold=True)
        self.fold(MONDAY)

    def meetings(self, day: date) -> dict[str, dict[str, Any]]:
        return {row["meeting_id"]: row for row in self.lake.read(MEETINGS, day).to_pylist()}
