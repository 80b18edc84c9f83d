"""A lively world that ended some days ago and is the same in every run, but for its dates.

Belongs here: what gives tests that go by the real clock the same meetings, ids and faults always.
Does not: worlds of a fixed date, which demo_world and sized_world make.
"""

from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from meeting_etl.sandbox.world.model import Meeting, World
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl.times import Clock, utc_day

# A Thursday, so that there are meetings on each of the days before it; at noon, so that the same
# meetings share a day whatever the time of the test.
_UNTIL = datetime(2026, 3, 19, 12, 7, tzinfo=UTC)
_SCHEDULED = "%Y%m%dT%H%M%SZ"


def recent_world(seed: int, *, days_ago: int, days: int, meetings: int) -> World:
    """The demo world of `days` until 12:07 UTC of the day `days_ago`, moved there by whole days.

    Whatever the time: demo_world itself draws another world for each second, in which other
    requests meet faults.
    """
    by = timedelta(days=(utc_day(Clock().now()) - _UNTIL.date()).days - days_ago)
    moved: World = _moved(demo_world(seed, _UNTIL, days=days, meetings=meetings), by)
    return moved


def _moved(value: Any, by: timedelta) -> Any:
    if isinstance(value, datetime):
        return value + by
    if isinstance(value, tuple):
        return tuple(_moved(each, by) for each in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    found = {field.name: _moved(getattr(value, field.name), by) for field in fields(value)}
    if isinstance(value, Meeting) and value.scheduled_id:
        key, _, at = value.scheduled_id.rpartition("_")
        then = datetime.strptime(at, _SCHEDULED).replace(tzinfo=UTC) + by
        found["scheduled_id"] = f"{key}_{then:{_SCHEDULED}}"
    return replace(value, **found)
