"""What a FetchSpec consists of: how one resource is asked for and which rows that makes.

Belongs here: the shapes. Does not: the specs themselves (pipeline/resources/).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from meeting_etl.pipeline.ledger.work_item import Outcome, Reason, WorkItem
from meeting_etl.pipeline.rows import Row, SchemaDrift
from meeting_etl.schemas import MEETINGS, Table
from meeting_etl.webex.endpoints import Listing, Webex

Item = dict[str, Any]
_ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
# A start that lies further before the end is a mistake of whoever told it.
_LONGEST_MEETING = timedelta(days=7)
_INSTANCE_MARK = "_I_"


def named_instance(item: Item, key: str) -> str | None:
    """The meeting instance that an item names; None for another id, a blank or none at all."""
    named = item.get(key)
    return named if isinstance(named, str) and _INSTANCE_MARK in named else None


@dataclass(frozen=True)
class Target:
    """One thing to ask: a pair with the row of its meeting and, for snippets, its transcript.

    `flagged` is what Webex's flags say, if they can be relied on by now: whether the meeting has
    anything of the kind. From `final_at` on they can. `held` is the source of the rows that the
    lake holds of it, for resources with a stand-in; `kept` are the rows of its files, for those of
    files. `refetch`: everything is asked for again.
    """

    pair: WorkItem
    meeting: Row
    parent: Row | None = None
    flagged: bool | None = None
    final_at: datetime = _ALWAYS
    held: str | None = None
    refetch: bool = False
    kept: Sequence[Row] = ()

    @property
    def meeting_id(self) -> str:
        """Id of the meeting instance."""
        return self.pair.meeting_id

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


def same_series(item: Item, target: Target) -> bool:
    """Whether nothing that an item says of its series speaks against the target's."""
    series = target.meeting_id.partition("_")[0]
    told = (item.get(name) for name in ("meetingId", "scheduledMeetingId", "meetingSeriesId"))
    return all(one.partition("_")[0] == series for one in told if isinstance(one, str) and one)


@dataclass(frozen=True)
class Window:
    """A stretch of time, end excluded, and the site that is looked at; None for all sites."""

    start: datetime
    end: datetime
    site_url: str | None = None


@dataclass(frozen=True)
class Sweep:
    """How one listing answers for many meetings.

    `ask` gets all items of a window, None when there are more pages than the number given. `key`
    is the field with the meeting's id. `late`: items come up to days after the meeting, so that a
    window must be wide; without it a meeting is found at its own time. `proves`: what a window does
    not show is not there; without it the meeting is asked for before it counts as absent. `least`
    targets make a window worth its while.
    """

    ask: Callable[[Webex, Window, int], Listing | None]
    key: str = "meetingId"
    late: bool = True
    proves: bool = True
    least: int = 2


@dataclass(frozen=True)
class Fallback:
    """What is asked for in place of what the token may not read, or what is not there.

    `ask` gets its items, and raises what the methods of Webex do; `rows` makes rows of them, which
    have `source` in the column of that name.
    """

    ask: Callable[[Webex, Target], Sequence[Item]]
    rows: Callable[[Sequence[Item], Target, SchemaDrift, Row], list[Row]]
    source: str


@dataclass(frozen=True)
class FetchSpec:
    """How one resource is fetched into a table.

    `ask` gets the items of one target, `sweep` those of many, `rows` makes rows of them. A complete
    answer takes the place of all rows with the same value in `replaces`; without it rows are merged
    by key, each made of the row that the lake holds and the new one by `onto`. `look` finds out
    what became of a row that is no longer listed (see deletion_proof.py). `finished`
    says whether the rows are final, `grows` whether more may come all the same; `opened_by_event`
    is the resource of the webhook events that open its pair again, `opens` names the pairs that an
    answer opens; `parent` is the table that resource_id is a key of; `flag` the
    column of `meetings` that says whether there is anything. `unfinished` is what rows lack that
    are not final, `beforehand` what is known of a target without asking; `stop` makes what is being
    asked end soon.
    """

    table: Table
    ask: Callable[[Webex, Target], Listing]
    rows: Callable[[Sequence[Item], Target, SchemaDrift, Row], list[Row]]
    name: str = ""
    sweep: Sweep | None = None
    replaces: str | None = None
    onto: Callable[[Row, Row], Row] | None = None
    look: Callable[[Webex, Row], str] | None = None
    finished: Callable[[Sequence[Row]], bool] = lambda _: True
    grows: bool = False
    opened_by_event: str | None = None
    opens: Callable[[Target, Sequence[Row]], list[WorkItem]] = lambda *_: []
    parent: Table | None = None
    flag: str | None = None
    unfinished: Reason = Reason.TIMES_UNKNOWN
    beforehand: Callable[[Target], Outcome | None] = lambda _: None
    stop: Callable[[], None] = lambda: None
    fallback: Fallback | None = None

    @property
    def resource(self) -> str:
        """Name in the ledger: that of the table, unless there is another."""
        return self.name or self.table.name

    @property
    def by_id(self) -> bool:
        """Whether one thing is asked for by its id, which a 404 says is not there."""
        return self.table is MEETINGS or self.parent is not None


def pairs_of(target: Target, rows: Sequence[Row], resource: str, key: str) -> list[WorkItem]:
    """A pair of the resource for each row, asked on the schedule of the list it was found in."""
    return [
        replace(
            WorkItem(target.meeting_id, resource, row[key]),
            opened_at=target.pair.opened_at,
            opened_by=target.pair.opened_by,
        )
        for row in rows
    ]
