"""class Ledger: the work items of all meetings, and the days on which some are due.

Belongs here: the table fetch_ledger, kept in step with the days that have open work (due_days.py).
Does not: when attempts are (schedule.py), what an outcome makes of a work item (outcomes.py),
requests (pipeline/fetch/fetch_days.py).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.ledger.coverage import Coverage, coverage
from meeting_etl.pipeline.ledger.due_days import DueDay, Queue
from meeting_etl.pipeline.ledger.from_vtt import without_from_vtt
from meeting_etl.pipeline.ledger.item_events import with_events
from meeting_etl.pipeline.ledger.outcomes import pruned
from meeting_etl.pipeline.ledger.schedule import (
    AttemptSchedule,
    reopened,
    reopened_by_event,
)
from meeting_etl.pipeline.ledger.work_item import (
    DETAILS,
    LISTED,
    RESOURCES,
    SLOW,
    Status,
    WorkItem,
    table_of,
)
from meeting_etl.schemas import FETCH_LEDGER, MEETINGS, Table
from meeting_etl.times import Clock

# Meeting id → resources of webhooks that new events are about.
News = Mapping[str, Collection[str]]


class Ledger:
    """fetch_ledger and due_days. Rows of a day change only under the day's lock.

    `opened_by`: resource → the resource of webhooks whose events open its work item again. `off`
    are resources that are switched off: none of their work items is opened, and those that are open
    since they were on make no day due.
    """

    def __init__(
        self,
        lake: Lake,
        queue: Queue,
        clock: Clock,
        schedule: AttemptSchedule,
        *,
        opened_by: Mapping[str, str],
        off: Collection[str] = (),
    ) -> None:
        self._lake = lake
        self.queue = queue
        self.clock = clock
        self.schedule = schedule
        self._opened_by = opened_by
        self._off = frozenset(off)

    def wants(self, resource: str) -> bool:
        """Whether the resource is switched on."""
        return resource not in self._off

    def is_pruned(self, resource: str, day: date) -> bool:
        """Whether the resource is not kept of that day any more: it is not requested, either."""
        return day < self._lake.floors.of(table_of(resource))

    # --- due_days -----------------------------------------------------------------------------

    def announce(self, news: Mapping[date, News]) -> None:
        """Add news to days, each with the meetings of its events.

        Pruned days and erased meetings are left out.
        """
        for day, meetings in news.items():
            if not (meetings := self._without_erased(meetings)):
                continue
            with self.queue.swap(day) as work:
                union = dict(work.due.news)
                for meeting_id, resources in meetings.items():
                    union[meeting_id] = tuple(sorted({*union.get(meeting_id, ()), *resources}))
                work.due = replace(work.due, version=work.due.version + 1, news=union)

    def forget_erased(self) -> None:
        """Remove erased meetings from the news of all days."""
        for day in self.open_days():
            with self.queue.swap(day) as work:
                news = self._without_erased(work.due.news)
                work.due = replace(work.due, news={key: tuple(news[key]) for key in news})

    def _without_erased(self, news: News) -> News:
        erasures = self._lake.privacy.erasures
        return {key: news[key] for key in news if not erasures.of_meeting(key)}

    def due_days(self) -> list[date]:
        """Days with news or a due work item, newest first.

        The only place where due work is found; its cost follows the open days.
        """
        now = self.clock.now()
        return [day for day, due in self.open_days().items() if due.is_due(now)]

    def due_files(self) -> list[date]:
        """Days with a due download, newest first."""
        now = self.clock.now()
        return [
            day
            for day, due in self.open_days().items()
            if due.files_due_at is not None and due.files_due_at <= now
        ]

    def open_days(self) -> dict[date, DueDay]:
        """All days with open work, due or not, newest first."""
        return self.queue.open_days()

    def due_day(self, day: date) -> DueDay:
        """The open work of one day."""
        return self.queue.due_day(day)

    def refresh(self, day: date, folded: DueDay | None = None) -> None:
        """Write when the day is due next; it is closed when nothing is open.

        `folded` is what the caller read before it folded the news. News that arrived since then
        stay.
        """
        rows = self._lake.read(FETCH_LEDGER, day, columns=["resource", "next_attempt_at"])
        attempts = [
            (row["resource"], row["next_attempt_at"])
            for row in rows.to_pylist()
            if row["next_attempt_at"] and self.wants(row["resource"])
        ]
        at_once = [at for resource, at in attempts if resource not in SLOW]
        due_at = min(at_once, default=None)
        files_due_at = min((at for resource, at in attempts if resource in SLOW), default=None)
        with self.queue.swap(day) as work:
            work.due = replace(
                work.due, due_at=due_at, files_due_at=files_due_at, due_items=at_once.count(due_at)
            )
            if folded is not None and folded.version == work.due.version:
                work.due = replace(work.due, news={}, everything=False)

    # --- fetch_ledger -------------------------------------------------------------------------

    def days(self) -> list[date]:
        """All days that have work items."""
        return self._lake.days(FETCH_LEDGER)

    def items(self, day: date, *, resource_id: str | None = None) -> list[WorkItem]:
        """All work items of a day, or those with this resource_id."""
        where = None if resource_id is None else {"resource_id": [resource_id]}
        rows = self._lake.read(FETCH_LEDGER, day, where=where).to_pylist()
        return [item for row in rows for item in without_from_vtt(WorkItem(**row))]

    def kept_items(self, day: date) -> list[WorkItem]:
        """The work items of a day without those of what was pruned."""
        pruned = {resource for resource in RESOURCES if self.is_pruned(resource, day)}
        return [item for item in self.items(day) if item.resource not in pruned]

    def record(
        self, day: date, items: Iterable[WorkItem], *, replacing: Collection[str] = ()
    ) -> None:
        """Write work items of a day, in the place of all that have these resource_ids."""
        rows = [vars(item) for item in items]
        self._lake.merge(FETCH_LEDGER, day, rows, replacing={"resource_id": replacing})

    def open_items(
        self,
        day: date,
        ended_at: Mapping[str, datetime],
        events: Mapping[str, Collection[Mapping[str, Any]]],
        news: News,
        without_details: Collection[str] = (),
    ) -> None:
        """Open the work items of meetings, and reopen those about which there are new events.

        `ended_at` and `events`, rows of webhook_events, by meeting id; `news` says about which
        resources some are new. The rows of meetings `without_details` have nothing from the API:
        fetched details were lost, and are fetched again.
        """
        existing = {(item.meeting_id, item.resource): item for item in self.items(day)}
        changed = []
        for meeting_id, ended in ended_at.items():
            for resource in filter(self.wants, LISTED):
                old = existing.get((meeting_id, resource))
                opened_by = self._opened_by.get(resource)
                about = [event for event in events[meeting_id] if event["resource"] == opened_by]
                if old is not None and opened_by not in news[meeting_id]:
                    about = []
                item = old or WorkItem(meeting_id, resource, opened_at=ended)
                item = with_events(item, about, ended, self.schedule, self.clock.now())
                is_lost = resource == DETAILS and meeting_id in without_details
                if is_lost and item.status == Status.READY:
                    item = reopened(item, self.clock.now())
                if item != old:
                    changed.append(item)
        if changed:
            self.record(day, changed)

    def reopen(
        self, days: Iterable[date], is_wanted: Callable[[WorkItem], bool], *, fold: bool = False
    ) -> int:
        """Reopen the wanted work items of these days, due now; returns how many.

        With `fold`, a refetch, all events of the days are folded again, too.
        """
        now, count = self.clock.now(), 0
        for day in days:
            with self._lake.lock_days([day]):
                items = [reopened(item, now) for item in self.kept_items(day) if is_wanted(item)]
                self.open_now(day, items, fold=fold)
                count += len(items)
        return count

    def open_now(self, day: date, items: Collection[WorkItem], *, fold: bool = False) -> None:
        """Write work items that are due now, and make their day due, which must be locked.

        The day comes first: without work it closes by itself, but nothing finds work without it.
        """
        if not items and not fold:
            return
        with self.queue.swap(day) as work:
            due, now = work.due, self.clock.now()
            everything, version = due.everything or fold, due.version + 1
            work.due = replace(due, due_at=now, everything=everything, version=version)
        self.record(day, items)
        self.refresh(day)

    def settle_pruned(self, day: date, table: Table, *, but: Collection[str] = ()) -> None:
        """Settle what is open or ready of a table that is pruned on a day, which must be locked.

        What has one of the resource_ids `but` stays as it is.
        """
        items = [
            pruned(item)
            for item in self.items(day)
            if table_of(item.resource) is table
            and (item.status == Status.READY or not item.settled)
            and item.resource_id not in but
        ]
        if items:
            self.record(day, items)
            self.refresh(day)

    def open_by_event(self, day: date, meeting_id: str, resource: str, event_at: datetime) -> bool:
        """Reopen a work item as an event received at this moment does.

        Returns whether the day has such a work item.
        """
        with self._lake.lock_days([day]):
            meetings = self._lake.read(
                MEETINGS, day, columns=["ended_at"], where={"meeting_id": [meeting_id]}
            ).to_pylist()
            items = [item for item in self.items(day) if item.key == (meeting_id, resource, "")]
            if not meetings or not items:
                return False
            ended_at = meetings[0]["ended_at"]
            self.open_now(day, [reopened_by_event(items[0], event_at, ended_at, self.schedule)])
            return True

    def failed(self, days: Iterable[date], run_ids: Collection[str]) -> Counter[str]:
        """Reasons of the work items that failed in one of these runs and will be retried."""
        with self._lake.tables.read_once():
            return Counter(
                item.reason
                for day in days
                for item in self.items(day)
                if item.status == Status.FAILED and not item.settled and item.run_id in run_ids
            )

    def was_allowed(self, resource: str, account: str, since: datetime) -> bool:
        """Whether a request of this account for the resource succeeded since that moment."""
        columns = ["http_status", "last_attempt_at", "account"]
        for day in sorted(self.days(), reverse=True):
            rows: Any = self._lake.read(
                FETCH_LEDGER, day, columns=columns, where={"resource": [resource]}
            )
            for row in rows.to_pylist():
                is_own = row["account"] in (None, account)
                if is_own and row["http_status"] == 200 and row["last_attempt_at"] >= since:
                    return True
        return False

    def coverage(self, days: Iterable[date] | None = None) -> Iterator[Coverage]:
        """Counts of these days, or of all, by resource; newest day first."""
        return coverage(self._lake, self.days() if days is None else days)
