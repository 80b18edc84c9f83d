"""What Webex lists of ended meetings, day by day: each day once, by few and overlapping windows.

Belongs here: windows of days, whose meetings count, rows of what was listed. Does not: what becomes
of the rows (reconcile.py).

Sources do not say whether Webex picks ended meetings by their start or by any part of them
(T14). So a window begins a day before the first day that is asked for: a meeting that
lasted longer than a day may be missed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

from meeting_etl.errors import BadResponse, Forbidden, NotFound, Refused, SettingsError
from meeting_etl.pipeline.meetings.meeting_row import row_from_api
from meeting_etl.pipeline.rows import Row, SchemaDrift, organization_uuid
from meeting_etl.times import Clock, Span, spans, start_of, utc_day
from meeting_etl.webex.endpoints import Owner, Webex

# One window covers at most so many days, and fewer when it would list more than so many meetings:
# at 10,000 Webex stops without a word.
MOST_DAYS = 7
_MOST_LISTED = 5_000
_DAY = timedelta(days=1)
# Ended meetings appear late (docs/webex-api-notes.md T13): windows overlap by twice this.
_OVERLAP = timedelta(hours=1)


class OwnMeetings:
    """Whose meetings are kept: everybody's, or of a host's own token those that it hosts.

    Asked of Webex once, when it is first needed.
    """

    def __init__(self, webex: Webex) -> None:
        self._webex = webex

    def hosts(self, row: Row) -> bool:
        """Whether the meeting is one of ours. Raises SettingsError when that cannot be known."""
        if self._webex.is_org_wide:
            return True
        return (row["host_email"] or "").lower() in self._owner.emails

    @property
    def org_id(self) -> str | None:
        """UUID of the organization, which no listing tells; None when it cannot be known."""
        return organization_uuid(self._owner.org_id)

    @cached_property
    def _owner(self) -> Owner:
        try:
            return self._webex.owner()
        except (Refused, BadResponse) as error:
            if self._webex.is_org_wide:
                return Owner(frozenset(), None)
            if not isinstance(error, Forbidden | NotFound):
                raise
            raise SettingsError(
                "Which listed meetings are the token's own is not known, because Webex does not "
                "tell whose token it is: give it the scope spark:people_read, too."
            ) from error


@dataclass
class ListedDay:
    """Rows of the meetings that ended on a day, by id, as far as Webex lists them."""

    day: date
    rows: dict[str, Row] = field(default_factory=dict)


@dataclass
class ListingWindows:
    """The listing of some days, and what it cost and came upon.

    `broken` are items that cannot be used: with errors instead of data, or without an end that can
    be.
    """

    webex: Webex
    clock: Clock
    run_id: str
    windows: int = 0
    listed: int = 0
    broken: int = 0
    drift: SchemaDrift = field(default_factory=SchemaDrift)

    def days(self, days: Collection[date]) -> Iterator[ListedDay]:
        """The days, oldest first. Contiguous ones share windows."""
        for span in spans(days):
            yield from self._span(span)

    def _span(self, span: Span) -> Iterator[ListedDay]:
        # What a window shows of later days is not asked for again by the next one.
        ahead: dict[date, dict[str, Row]] = defaultdict(dict)
        first, start, width = span.first, start_of(span.first) - _DAY, MOST_DAYS
        while first <= span.last:
            last = min(first + (width - 1) * _DAY, span.last)
            end = min(start_of(last) + _DAY + _OVERLAP, self.clock.now())
            if start < end:
                count = self._list(start, end, ahead)
                width = max(1, min(MOST_DAYS, width * _MOST_LISTED // max(count, 1)))
            for day in Span(first, last):
                yield ListedDay(day, ahead.pop(day, {}))
            first = last + _DAY
            start = start_of(first) - _OVERLAP

    def _list(self, start: datetime, end: datetime, ahead: dict[date, dict[str, Row]]) -> int:
        """Put what a window shows to its days; returns how much that is."""
        listing = self.webex.ended_meetings(start, end)
        self.windows += 1
        self.broken += len(listing.broken)
        ours = {"run_id": self.run_id, "fetched_at": self.clock.now()}
        for item in listing.items:
            row = row_from_api(item, self.drift, **ours)
            if row is None:
                self.broken += 1
            else:
                ahead[utc_day(row["ended_at"])][row["meeting_id"]] = row
        self.listed += len(listing.items)
        return len(listing.items)
