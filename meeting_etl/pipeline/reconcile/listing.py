"""Webex's listing of ended meetings, day by day, from few and overlapping windows.

Belongs here: the windows, and the rows of the meetings that they list. Does not: which meetings are
added (own_meetings.py, reconcile.py).

It is not documented whether Webex selects ended meetings by their start or by any part of them
(T14). So a window begins a day before the first day that is wanted: a meeting that lasted longer
than a day may be missed.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from meeting_etl.errors import ApiUnavailable, AuthError
from meeting_etl.pipeline.ledger.work_item import DETAILS
from meeting_etl.pipeline.meetings.meeting_row import row_from_api
from meeting_etl.pipeline.rows import Row, SchemaDrift
from meeting_etl.times import Clock, Span, spans, start_of, utc_day
from meeting_etl.webex.accounts import Account, Accounts

# A window covers this many days at most, and fewer when it would list more meetings than this:
# Webex silently stops at 10,000.
MAX_WINDOW_DAYS = 7
_MAX_LISTED = 5_000
_DAY = timedelta(days=1)
# Ended meetings appear late (docs/webex-api-notes.md T13): windows overlap by twice this.
_OVERLAP = timedelta(hours=1)


@dataclass
class ListedDay:
    """The meetings that Webex lists as ended on a day: their rows by id, and who lists each."""

    day: date
    rows: dict[str, Row] = field(default_factory=dict)
    listed_by: dict[str, list[Account]] = field(default_factory=dict)

    def add(self, row: Row, account: Account) -> None:
        """Add a meeting that an account lists."""
        self.rows.setdefault(row["meeting_id"], row)
        self.listed_by.setdefault(row["meeting_id"], []).append(account)


@dataclass
class ListingWindows:
    """Lists the ended meetings of some days, and counts requests and problems.

    Every account that can list them does, and those that cannot be used are set aside.
    `broken` counts items that cannot be used: with errors instead of data, or an implausible end.
    """

    accounts: Accounts
    clock: Clock
    run_id: str
    windows: int = 0
    listed: int = 0
    broken: int = 0
    drift: SchemaDrift = field(default_factory=SchemaDrift)

    def days(self, days: Collection[date]) -> Iterator[ListedDay]:
        """The days, oldest first. Contiguous days share windows."""
        for span in spans(days):
            yield from self._span(span)

    def _span(self, span: Span) -> Iterator[ListedDay]:
        # A window's meetings of later days are kept: the next window does not list them again.
        ahead: dict[date, ListedDay] = {}
        first, start, width = span.first, start_of(span.first) - _DAY, MAX_WINDOW_DAYS
        while first <= span.last:
            last = min(first + (width - 1) * _DAY, span.last)
            end = min(start_of(last) + _DAY + _OVERLAP, self.clock.now())
            if start < end:
                count = self._list(start, end, ahead)
                width = max(1, min(MAX_WINDOW_DAYS, width * _MAX_LISTED // max(count, 1)))
            for day in Span(first, last):
                yield ahead.pop(day, ListedDay(day))
            first = last + _DAY
            start = start_of(first) - _OVERLAP

    def _list(self, start: datetime, end: datetime, ahead: dict[date, ListedDay]) -> int:
        """Add the meetings of a window to their days; returns the most that one account lists.

        Raises AuthError and ApiUnavailable when no account is left that can list them.
        """
        counts, accounts = list[int](), self.accounts
        listing = accounts.listing(DETAILS)
        for account in listing:
            if account not in accounts.set_aside:
                try:
                    counts.append(self._list_of(account, start, end, ahead))
                except (AuthError, ApiUnavailable) as error:
                    accounts.put_aside(account, error)
        if not counts:
            raise accounts.set_aside[listing[0]]
        return max(counts)

    def _list_of(
        self, account: Account, start: datetime, end: datetime, ahead: dict[date, ListedDay]
    ) -> int:
        listing = account.webex.ended_meetings(start, end)
        self.windows += 1
        self.broken += len(listing.broken)
        run_columns = {"run_id": self.run_id, "fetched_at": self.clock.now()}
        for item in listing.items:
            row = row_from_api(item, self.drift, **run_columns)
            if row is None:
                self.broken += 1
            else:
                day = utc_day(row["ended_at"])
                ahead.setdefault(day, ListedDay(day)).add(row, account)
        self.listed += len(listing.items)
        return len(listing.items)
