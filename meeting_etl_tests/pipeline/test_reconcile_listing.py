"""Windows of the listing of ended meetings: few and overlapping, each day listed once."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from meeting_etl.pipeline.reconcile.listing import ListedDay, ListingWindows
from meeting_etl.times import Span, parse_timestamp, start_of
from meeting_etl.webex.accounts import Account, Accounts
from meeting_etl.webex.listings import Listing
from meeting_etl.webex.token_kind import ListingScope, TokenKind
from meeting_etl_tests.clocks import ManualClock

NOW = datetime(2026, 3, 16, 3, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class ByStart:
    """Lists what starts in a window, or what ends in it (`by_end`): not documented (T14)."""

    def __init__(self, items: list[dict[str, Any]], field: str = "start") -> None:
        self.items = items
        self.field = field
        self.requested: list[tuple[datetime, datetime]] = []

    def listing_scope(self, _: str) -> ListingScope:
        return ListingScope.EVERYTHING

    def ended_meetings(self, start: datetime, end: datetime) -> Listing:
        self.requested.append((start, end))
        shown = [entry for entry in self.items if start <= moment(entry[self.field]) < end]
        return Listing(shown, [])


def moment(text: str) -> datetime:
    found = parse_timestamp(text)
    assert found is not None
    return found


def item(number: int, ended: datetime, hours: float = 1) -> dict[str, Any]:
    started = ended - timedelta(hours=hours)
    return {
        "id": f"{number:032x}_I_{number}",
        "state": "ended",
        "start": started.isoformat(),
        "end": ended.isoformat(),
    }


def listed(webex: ByStart, days: Span | list[date]) -> tuple[list[ListedDay], ListingWindows]:
    account = Account(name="a", kind=TokenKind.ADMIN, webex=webex)  # type: ignore[arg-type]
    windows = ListingWindows(Accounts([account]), ManualClock(NOW), "run")
    return list(windows.days([*days])), windows


@pytest.mark.parametrize("field", ["start", "end"])
@pytest.mark.parametrize("hours", [0.01, 3, 23.9])
def test_every_meeting_is_listed_once_on_the_day_of_its_end(field: str, hours: float) -> None:
    days = Span(date(2026, 2, 20), date(2026, 3, 10))
    first = start_of(days.first) - 2 * DAY
    items = [item(number, first + number * HOUR, hours) for number in range(24 * 25)]
    found, windows = listed(ByStart(items, field), days)
    assert [entry.day for entry in found] == [*days]
    for entry in found:
        expected = {each["id"] for each in items if moment(each["end"]).date() == entry.day}
        assert set(entry.rows) == expected
    assert windows.windows == 3


def test_windows_overlap_and_none_ends_in_the_future() -> None:
    webex = ByStart([])
    listed(webex, Span(date(2026, 3, 1), date(2026, 3, 16)))
    assert webex.requested[0][0] == datetime(2026, 2, 28, tzinfo=UTC)
    assert webex.requested[-1][1] == NOW
    for (_, end), (start, _) in zip(webex.requested, webex.requested[1:], strict=False):
        assert end - start == 2 * HOUR


def test_days_that_are_not_contiguous_have_separate_windows() -> None:
    webex = ByStart([])
    listed(webex, [date(2026, 3, 1), date(2026, 3, 5)])
    assert webex.requested == [
        (datetime(2026, 2, 28, tzinfo=UTC), datetime(2026, 3, 2, 1, tzinfo=UTC)),
        (datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 6, 1, tzinfo=UTC)),
    ]


def test_a_future_day_costs_no_request() -> None:
    webex = ByStart([])
    found, _ = listed(webex, [date(2026, 3, 18)])
    assert (webex.requested, [entry.rows for entry in found]) == ([], [{}])


@pytest.mark.slow
def test_crowded_days_have_narrower_windows() -> None:
    days = Span(date(2026, 2, 1), date(2026, 2, 28))
    step = timedelta(minutes=1)
    items = [item(number, start_of(days.first) + number * step, 0.1) for number in range(28 * 1440)]
    webex = ByStart(items)
    found, _ = listed(webex, days)
    assert sum(len(entry.rows) for entry in found) == 28 * 1440
    assert {end - start for start, end in webex.requested[2:-1]} == {3 * DAY + 2 * HOUR}


def test_items_without_an_end_are_counted_and_not_added() -> None:
    ended = datetime(2026, 3, 10, 9, tzinfo=UTC)
    items = [item(1, ended), item(2, ended) | {"state": "inProgress"}, item(3, ended)]
    items[2]["id"] = "0123456789abcdef0123456789abcdef"
    found, windows = listed(ByStart(items), [date(2026, 3, 10)])
    assert [list(entry.rows) for entry in found] == [[items[0]["id"]]]
    assert (windows.listed, windows.broken) == (3, 2)


def test_items_with_an_implausible_end_are_counted() -> None:
    """1970 stands for "unknown"; more than a day ahead is a wrong clock."""
    begin, days = NOW - 2 * DAY, Span(date(2026, 3, 14), date(2026, 3, 14))
    ends = [datetime(1970, 1, 1, tzinfo=UTC), NOW + 25 * HOUR, begin + HOUR]
    items = [item(number, end) | {"start": begin.isoformat()} for number, end in enumerate(ends)]
    [day], windows = listed(ByStart(items), days)
    assert [*day.rows] == [items[2]["id"]]
    assert (windows.listed, windows.broken) == (3, 2)
