"""What a run of days says on its page."""

from datetime import UTC, date, datetime

from meeting_etl.orchestration.assets.run_log import DriftLog, RunLog
from meeting_etl.pipeline.fetch.context import DayReport
from meeting_etl.pipeline.ledger.work_item import Outcome
from meeting_etl.pipeline.meetings.fold import FoldReport
from meeting_etl.schemas import MEETINGS, PARTICIPANTS
from meeting_etl_tests.clocks import ManualClock


class Lines:
    """Dagster's logger, as far as it is used."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.details: list[str] = []
        self.warnings: list[str] = []
        self.info, self.debug = self.said.append, self.details.append
        self.warning = self.warnings.append


def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 19, tzinfo=UTC))


def reported(day: int) -> DayReport:
    report = DayReport(date(2026, 11, day), fetch_seconds=3.0, commit_seconds=0.8)
    # In the order in which responses arrived.
    report.of(PARTICIPANTS).rows = 1250
    report.of(MEETINGS).rows = 32
    report.traffic.add(requests=33)
    return report


def test_a_day_is_a_line() -> None:
    lines = Lines()
    log = RunLog(lines, clock(), 1)
    log.day(reported(18), FoldReport(date(2026, 11, 18), seconds=0.3))
    log.end()
    assert lines.said == [
        "2026-11-18: 32 meetings, 1,250 participants, 33 requests, 0 failed, 4.1 s"
    ]


def test_ids_of_meetings_are_said_at_debug_and_not_all_of_them() -> None:
    lines, report = Lines(), reported(18)
    table = report.of(PARTICIPANTS)
    for number in range(22):
        table.count(f"m{number}", Outcome.FAULT, has_request=True, from_window=False)
    table.statuses["failed"] = 22
    RunLog(lines, clock(), 1).day(report, None)
    assert "22 failed" in lines.said[0]
    shown = ", ".join(f"m{number}" for number in range(20))
    assert lines.details == [
        "2026-11-18: outcomes of participants {'fault': 22}",
        f"2026-11-18: participants failed for {shown} and 2 more",
    ]


def test_a_long_run_says_how_far_it_is_and_a_sum_instead_of_every_day() -> None:
    lines, time = Lines(), clock()
    log = RunLog(lines, time, 30)
    for day in range(1, 31):
        log.day(reported(day), None)
        time.advance(seconds=1)
        log.progress(f"2026-11-{day:02}", 3, 40)
    log.end()
    assert lines.said == [
        "10 of 30 days done; 2026-11-10: 3 of 40 work items",
        "20 of 30 days done; 2026-11-20: 3 of 40 work items",
        "30 of 30 days done; 2026-11-30: 3 of 40 work items",
        "30 days: 990 requests, 0 failed work items, 30.0 s",
    ]


def test_what_differs_from_the_schema_is_said_once() -> None:
    lines, drift = Lines(), DriftLog()
    for _ in range(3):
        drift.add("recordings", {"unknown_fields": {"futureField": 2}})
        drift.add("meetings", {"unreadable_values": {"title": 1}})
    drift.log(lines)
    assert lines.said == ["Fields without a column, kept in extra: recordings: futureField (6)"]
    assert lines.warnings == ["Unreadable values, kept in extra: meetings: title (3)"]
