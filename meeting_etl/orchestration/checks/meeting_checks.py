"""The checks `usual_count` of meetings and `times_known` of participants.

Belongs here: what is unusual for a day's meetings, and which participants lack their times. Does
not: for which days they run (day_checks.py).
"""

import statistics
from datetime import date, timedelta
from typing import TYPE_CHECKING

from meeting_etl.orchestration.checks.verdict import Verdict
from meeting_etl.schemas import MEETINGS, Table
from meeting_etl.settings import Etl
from meeting_etl.texts import some_of
from meeting_etl.times import utc_day

if TYPE_CHECKING:
    from meeting_etl.lake.lake import Lake

USUAL = (
    "The day has about as many meetings as the same weekday of the last 8 weeks: at most three "
    "times their median deviation away, at least 30 % or three meetings. A holiday is a warning, "
    "too. Not known while there are fewer than 4 such weeks, and before the day is over."
)
TIMES = (
    "24 hours after its end, all participants of a meeting have join and leave times. Webex fills "
    "them in after the meeting; those that are still missing count as unknown in `attendance`."
)
_WEEKS, _FEWEST_WEEKS = 8, 4
_TIMES_ARE_KNOWN = timedelta(hours=24)


def usual_count(etl: Etl, table: Table, day: date) -> Verdict:
    """Compares the number of meetings; reads no rows."""
    meetings = etl.lake.count(table, day)
    earlier = _earlier_counts(etl.lake, table, day)
    counts: dict[str, float] = {"meetings": meetings, "weeks_compared": len(earlier)}
    if day >= utc_day(etl.clock.now()):
        return Verdict(f"Not known yet: the day is not over. {meetings:,} meetings so far.", counts)
    if len(earlier) < _FEWEST_WEEKS:
        return Verdict(
            f"Not known yet: {len(earlier)} earlier weeks of {_FEWEST_WEEKS}. {meetings:,} "
            "meetings.",
            counts,
        )
    usual = statistics.median(earlier)
    deviation = statistics.median(abs(count - usual) for count in earlier)
    tolerance = 3 * max(deviation, usual / 10, 1)
    counts |= {"usual_meetings": usual, "tolerance": tolerance}
    found = f"{meetings:,} meetings; {day:%A}s have {usual:g}, give or take {tolerance:g}."
    if abs(meetings - usual) <= tolerance:
        return Verdict(found, counts)
    todo = "Was it a holiday? Else check that the receiver was running, all logs are in the folder "
    return Verdict(f"{found} {todo}and `meeting-etl webhooks list`.", counts, passed=False)


def _earlier_counts(lake: "Lake", table: Table, day: date) -> list[int]:
    """Counts of the same weekday, newest first, of the weeks since the lake begins."""
    since = max(min(lake.days(table), default=date.max), lake.floors.of(table))
    days = (day - timedelta(weeks=weeks) for weeks in range(1, _WEEKS + 1))
    return [lake.count(table, each) for each in days if each >= since]


def times_known(etl: Etl, table: Table, day: date) -> Verdict:
    """The participants of meetings that ended a day ago, and which of them have no times."""
    import pyarrow.compute as pc

    ended_before = etl.clock.now() - _TIMES_ARE_KNOWN
    meetings = etl.lake.read(MEETINGS, day, columns=["meeting_id", "ended_at"])
    over = meetings.filter(pc.less_equal(meetings["ended_at"], ended_before))["meeting_id"]
    columns = ["meeting_id", "state", "joined_at", "left_at"]
    where = {"meeting_id": over.to_pylist()}
    rows = etl.lake.read(table, day, columns=columns, where=where) if where["meeting_id"] else None
    people = rows.to_pylist() if rows else []
    # Who stayed in the lobby never joined.
    unknown = [
        row["meeting_id"]
        for row in people
        if row["state"] != "lobby" and not (row["joined_at"] and row["left_at"])
    ]
    counts = {"participants": len(people), "without_times": len(unknown)}
    if not unknown:
        return Verdict(f"All {len(people):,} participants have their times.", counts)
    return Verdict(
        f"{len(unknown):,} of {len(people):,} participants have no join or leave time, in the "
        f"meetings {some_of(sorted(set(unknown)))}. `meeting-etl run --refetch` of the day "
        "requests them again.",
        counts,
        passed=False,
    )
