"""class FetchSpec: how one resource is requested, and which rows its responses become.

Belongs here: the shapes. Does not: the specs themselves (pipeline/resources/).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from meeting_etl.pipeline.ledger.work_item import Outcome, Reason, WorkItem
from meeting_etl.pipeline.rows import Row, SchemaDrift
from meeting_etl.schemas import MEETINGS, Table
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.listings import Listing

Item = dict[str, Any]
_ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
# A start that is further before the end is a mistake in the data.
_LONGEST_MEETING = timedelta(days=7)


@dataclass(frozen=True)
class Target:
    """One thing to request: a work item with the row of its meeting.

    `parent` is the row of the transcript or recording for resources that are parts of one.
    `flagged`: whether the meeting has anything of the kind, by Webex's flags; None while these may
    change, which is until `final_at`. `stored_files` are the rows of files, for resources that are
    files.
    """

    work_item: WorkItem
    meeting: Row
    parent: Row | None = None
    flagged: bool | None = None
    final_at: datetime = _ALWAYS
    stored_files: Sequence[Row] = ()

    @property
    def meeting_id(self) -> str:
        """Id of the meeting instance."""
        return self.work_item.meeting_id

    @property
    def started_at(self) -> datetime:
        """Start of the meeting, its end where the start is not known or cannot be meant."""
        start: datetime | None = self.meeting["started_at"]
        if start is None or not timedelta() <= self.ended_at - start <= _LONGEST_MEETING:
            return self.ended_at
        return start

    @property
    def ended_at(self) -> datetime:
        """End of the meeting."""
        moment: datetime = self.meeting["ended_at"]
        return moment


@dataclass(frozen=True)
class Window:
    """A time range, end excluded, of one site; None for all sites."""

    start: datetime
    end: datetime
    site_url: str | None = None


@dataclass(frozen=True)
class WindowListing:
    """How one listing answers for many meetings.

    `request` returns all items of a window, or None when they have more pages than the number
    given. `key` is the field with the meeting's id. `late`: items appear up to days after the
    meeting, so that a window must be wide; without it a meeting is found at its own time. `proves`:
    what a window does not show is not there; without it the meeting is requested by itself before
    it counts as absent. A window is worth its while for `min_targets`.
    """

    request: Callable[[Webex, Window, int], Listing | None]
    key: str = "meetingId"
    late: bool = True
    proves: bool = True
    min_targets: int = 2


@dataclass(frozen=True)
class FetchSpec:
    """How one resource is fetched into a table.

    Requests: `request` returns the items of one target, `windows` those of many. `before_request`
    returns the outcome where it is known without a request; `cancel` makes running requests end
    soon.

    Rows: `rows` makes them of items. A complete response takes the place of all rows with the same
    value in `replaces`; without it rows are merged by key, each from the stored row and the new one
    by `merge`. `status_by_id` finds out what became of a row that is no longer listed
    (deletion_proof.py).

    The work item: `is_final` says whether the rows are, `not_final_reason` what they lack if not;
    `grows`: more may follow anyway. `flag` is the column of `meetings` that says whether there is
    anything. `opened_by_event` is the resource of the webhook events that open it again, `opens`
    returns the work items that its rows open. `parent` is the table that resource_id is a key of.
    `fallback` is the resource of the same table that is fetched where this one is refused; rows of
    this one replace its rows and its work item. It is requested after the first of the resources
    `comes_after` that is due for the same meeting and id.
    """

    table: Table
    request: Callable[[Webex, Target], Listing]
    rows: Callable[[Sequence[Item], Target, SchemaDrift, Row], list[Row]]
    name: str = ""
    windows: WindowListing | None = None
    before_request: Callable[[Target], Outcome | None] = lambda _: None
    cancel: Callable[[], None] = lambda: None
    replaces: str | None = None
    merge: Callable[[Row, Row], Row] | None = None
    status_by_id: Callable[[Webex, Row], str] | None = None
    is_final: Callable[[Sequence[Row]], bool] = lambda _: True
    not_final_reason: Reason = Reason.TIMES_UNKNOWN
    grows: bool = False
    flag: str | None = None
    opened_by_event: str | None = None
    opens: Callable[[Target, Sequence[Row]], list[WorkItem]] = lambda *_: []
    parent: Table | None = None
    fallback: str | None = None
    comes_after: Sequence[str] = ()

    @property
    def resource(self) -> str:
        """Name in the ledger: that of the table, unless there is another."""
        return self.name or self.table.name

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that its results change, parents first."""
        return (self.parent, self.table) if self.parent is not None else (self.table,)

    @property
    def by_id(self) -> bool:
        """Whether a request is for one thing by its id: a 404 then says that it is not there."""
        return self.table is MEETINGS or self.parent is not None


def items_for_rows(target: Target, rows: Sequence[Row], resource: str, key: str) -> list[WorkItem]:
    """A work item of the resource for each row, on the schedule of the list it was found in."""
    return [
        replace(
            WorkItem(target.meeting_id, resource, row[key]),
            opened_at=target.work_item.opened_at,
            opened_by=target.work_item.opened_by,
        )
        for row in rows
    ]
