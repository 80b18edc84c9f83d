"""class Ledger: for every meeting and resource what was asked, what came, and what is due.

Belongs here: the table fetch_ledger, kept in step with the days that have open work (due_days.py).
Does not: when attempts are (schedule.py), what an outcome makes of a work item (outcomes.py),
requests (pipeline/fetch/fetch.py).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.ledger.due_days import (
    DUE_DAYS_LOCK,
    DueDay,
    announced_days,
    read_due_day,
    write_due_day,
)
from meeting_etl.pipeline.ledger.prune_floor import floor
from meeting_etl.pipeline.ledger.schedule import (
    AttemptSchedule,
    next_attempt,
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
)
from meeting_etl.schemas import (
    FETCH_LEDGER,
    MEETINGS,
)
from meeting_etl.times import Clock


@dataclass(frozen=True)
class ItemEvents:
    """Webhook events for one pair: how many, and when the latest was received if that is known.

    `undated`: there are some of which the log does not say when; `undated_from` is the begin of the
    day that their place in the log speaks for, None where it speaks for none.
    """

    count: int
    latest_at: datetime | None
    undated: bool = False
    undated_from: datetime | None = None


@dataclass
class Coverage:
    """What is known of one resource of a day's meetings, as the view `coverage` shows it."""

    day: date
    resource: str
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    next_attempt_at: datetime | None = None

    def add(self, group: Mapping[str, Any]) -> None:
        """Add pairs of one status and reason."""
        self.statuses[group["status"]] += group["count_all"]
        self.reasons[group["reason"]] += group["count_all"]
        moments = [at for at in (self.next_attempt_at, group["next_attempt_at_min"]) if at]
        self.next_attempt_at = min(moments, default=None)


class Ledger:
    """fetch_ledger and due_days. Rows of a day change only under the day's lock.

    `opened_by`: resource → the resource of webhooks whose events open its work item again. `off`
    are resources that are switched off: no pair of theirs is opened, and what is open of them
    since they were on makes no day due.
    """

    def __init__(
        self,
        lake: Lake,
        files: Files,
        clock: Clock,
        schedule: AttemptSchedule,
        *,
        opened_by: Mapping[str, str],
        off: Collection[str] = (),
    ) -> None:
        self._lake = lake
        self._files = files
        self._clock = clock
        self.schedule = schedule
        self._opened_by = opened_by
        self._off = frozenset(off)

    def wants(self, resource: str) -> bool:
        """Whether the resource is switched on."""
        return resource not in self._off

    # --- due_days -----------------------------------------------------------------------------

    def announce(self, news: Mapping[date, Collection[str]]) -> None:
        """Tell that there are new events about meetings of these days, pruned ones aside."""
        for day, meeting_ids in news.items():
            with self._files.lock(DUE_DAYS_LOCK):
                if day < floor(self._files):
                    continue
                known = self.due_day(day)
                union = tuple(sorted({*known.news, *meeting_ids}))
                write_due_day(
                    self._files, day, replace(known, version=known.version + 1, news=union)
                )

    def due_days(self) -> list[date]:
        """Days with news or with a pair whose time has come, newest first.

        The only place where due work is found; its cost follows the open days.
        """
        now = self._clock.now()
        return [day for day, due in self.open_days().items() if due.is_due(now)]

    def due_files(self) -> list[date]:
        """Days with a download whose time has come, newest first."""
        now = self._clock.now()
        return [
            day
            for day, due in self.open_days().items()
            if due.files_due_at is not None and due.files_due_at <= now
        ]

    def open_days(self) -> dict[date, DueDay]:
        """All days with open work, due or not, newest first."""
        since = floor(self._files)
        days = [day for day in announced_days(self._files) if day >= since]
        return {day: self.due_day(day) for day in sorted(days, reverse=True)}

    def due_day(self, day: date) -> DueDay:
        """What is open of one day."""
        return read_due_day(self._files, day)

    def refresh(self, day: date, folded: DueDay | None = None) -> None:
        """Write when the day is due next; its file goes when nothing is open.

        `folded` is what the caller found announced and has worked off; what was announced since
        then stays.
        """
        rows = self._lake.read(FETCH_LEDGER, day, columns=["resource", "next_attempt_at"])
        moments = [
            (one["resource"], one["next_attempt_at"])
            for one in rows.to_pylist()
            if self.wants(one["resource"])
        ]
        due_at, files_due_at = (
            min((at for resource, at in moments if at and (resource in SLOW) is slow), default=None)
            for slow in (False, True)
        )
        with self._files.lock(DUE_DAYS_LOCK):
            known = self.due_day(day)
            done = folded is not None and folded.version == known.version
            write_due_day(
                self._files,
                day,
                replace(
                    known,
                    due_at=due_at,
                    files_due_at=files_due_at,
                    news=() if done else known.news,
                    everything=known.everything and not done,
                ),
            )

    # --- fetch_ledger -------------------------------------------------------------------------

    def items(self, day: date) -> list[WorkItem]:
        """All pairs of a day."""
        rows = self._lake.read(FETCH_LEDGER, day).to_pylist()
        return [WorkItem(**row) for row in rows]

    def record(self, day: date, items: Iterable[WorkItem]) -> None:
        """Write pairs of a day."""
        self._lake.merge(FETCH_LEDGER, day, [vars(item) for item in items])

    def open_items(
        self,
        day: date,
        ended_at: Mapping[str, datetime],
        events: Mapping[tuple[str, str], ItemEvents],
        without_details: Collection[str] = (),
    ) -> None:
        """Open the pairs of meetings, and open again those for which new events came.

        `ended_at` by meeting id; `events` by meeting id and resource of webhooks;
        `without_details` are meetings whose rows hold nothing of the API, which is asked again if
        it told of them once.
        """
        known = {(item.meeting_id, item.resource): item for item in self.items(day)}
        changed = []
        for meeting_id, ended in ended_at.items():
            for resource in filter(self.wants, LISTED):
                old = known.get((meeting_id, resource))
                item = old or WorkItem(meeting_id, resource, opened_at=ended)
                about = events.get((meeting_id, self._opened_by.get(resource, "")))
                item = self._told(item, about, ended)
                if (
                    resource == DETAILS
                    and item.status == Status.READY
                    and meeting_id in without_details
                ):
                    item = reopened(item, self._clock.now())
                if item != old:
                    changed.append(item)
        if changed:
            self.record(day, changed)

    def _told(self, item: WorkItem, events: ItemEvents | None, ended_at: datetime) -> WorkItem:
        """The pair with its next attempt, opened again if more events than before tell of it."""
        if events is not None and events.count > item.event_count:
            item = replace(item, event_count=events.count)
            at = self._heard_at(item, events, ended_at)
            if at is not None:
                return reopened_by_event(item, at, ended_at, self.schedule)
        if item.settled or item.failures:
            return item
        scheduled = next_attempt(item, ended_at, self.schedule)
        if item.last_attempt_at is None:
            return replace(item, next_attempt_at=scheduled)
        # Opened by hand it is asked sooner than the schedule says. After a correction of the end
        # the schedule may be over: then once more, so that nothing open is forgotten.
        known = [moment for moment in (scheduled, item.next_attempt_at) if moment]
        return replace(item, next_attempt_at=min(known, default=self._clock.now()))

    def _heard_at(self, item: WorkItem, events: ItemEvents, ended_at: datetime) -> datetime | None:
        """The moment from which the attempts of these events count; None for those of the end."""
        if not events.undated:
            return events.latest_at
        if item.attempts:
            return self._clock.now()  # any of them may be the new one: now is when we hear of it
        # Nothing was asked yet: it only matters how long after the meeting they may have come.
        known = (events.latest_at, events.undated_from)
        at = max((one for one in known if one), default=None)
        return at if at is not None and (events.latest_at or at > ended_at) else None

    def reopen(self, days: Iterable[date], wanted: Callable[[WorkItem], bool]) -> int:
        """Open the wanted pairs of these days again; returns how many."""
        now, count = self._clock.now(), 0
        for day in days:
            with self._lake.lock_days([day]):
                chosen = [reopened(item, now) for item in self.items(day) if wanted(item)]
                if chosen:
                    self.record(day, chosen)
                    self.refresh(day)
                    count += len(chosen)
        return count

    def open_by_event(self, day: date, meeting_id: str, resource: str, at: datetime) -> bool:
        """Open a list's pair of a meeting as an event received at this moment does.

        Returns whether there is such a pair on this day.
        """
        with self._lake.lock_days([day]):
            ends = self._lake.read(
                MEETINGS, day, columns=["ended_at"], where={"meeting_id": [meeting_id]}
            ).to_pylist()
            items = [one for one in self.items(day) if one.key == (meeting_id, resource, "")]
            if not ends or not items:
                return False
            opened = reopened_by_event(items[0], at, ends[0]["ended_at"], self.schedule)
            self.record(day, [opened])
            self.refresh(day)
            return True

    def days(self) -> list[date]:
        """All days that have pairs."""
        return [date.fromisoformat(name) for name in self._lake.partitions(FETCH_LEDGER)]

    def failed(self, days: Iterable[date], run_ids: Collection[str]) -> Counter[str]:
        """Of the pairs of these days that one of these runs left to be tried again, the reasons."""
        return Counter(
            item.reason
            for day in days
            for item in self.items(day)
            if item.status == Status.FAILED and not item.settled and item.run_id in run_ids
        )

    def was_allowed(self, resource: str, since: datetime) -> bool:
        """Whether an answer for the resource was a success, in an attempt since that moment."""
        columns = ["http_status", "last_attempt_at"]
        for day in sorted(self.days(), reverse=True):
            asked: Any = self._lake.read(
                FETCH_LEDGER, day, columns=columns, where={"resource": [resource]}
            )
            for row in asked.to_pylist():
                if row["http_status"] == 200 and row["last_attempt_at"] >= since:
                    return True
        return False

    def coverage(self, days: Iterable[date] | None = None) -> Iterator[Coverage]:
        """What is known of these days, or of all: one Coverage a day and resource, newest first."""
        columns = ["resource", "status", "reason", "next_attempt_at"]
        for day in sorted(self.days() if days is None else days, reverse=True):
            found = {resource: Coverage(day, resource) for resource in RESOURCES}
            rows: Any = self._lake.read(FETCH_LEDGER, day, columns=columns)
            groups = rows.group_by(columns[:3])
            counted = groups.aggregate([([], "count_all"), ("next_attempt_at", "min")])
            for row in counted.to_pylist():
                found[row["resource"]].add(row)
            yield from (one for one in found.values() if one.statuses)
