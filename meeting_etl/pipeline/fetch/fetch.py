"""The one way in which every resource is fetched: due pairs → sweeps → asked singly → committed.

Belongs here: which pairs are asked, in which order, and when a batch is full. Does not: windows
(windows.py), threads and errors (request_pool.py), what to ask and which rows it makes
(pipeline/resources/), rows and commits (commit.py), what an answer means
(pipeline/ledger/outcomes.py).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date, timedelta

from meeting_etl.errors import Stopped
from meeting_etl.pipeline.deletions.honour import WITH_CONTENT, honour_deletes
from meeting_etl.pipeline.deletions.tombstones import is_deleted
from meeting_etl.pipeline.fetch.commit import Committer
from meeting_etl.pipeline.fetch.context import DayReport, FetchContext
from meeting_etl.pipeline.fetch.request_pool import FetchResult, RefusalGuard, request_all
from meeting_etl.pipeline.fetch.spec import FetchSpec, Target
from meeting_etl.pipeline.fetch.windows import list_windows
from meeting_etl.pipeline.ledger.schedule import reopened
from meeting_etl.pipeline.ledger.work_item import DETAILS, FILES, SLOW, Outcome, Status, WorkItem
from meeting_etl.pipeline.paths import files_folder
from meeting_etl.pipeline.rows import Row
from meeting_etl.schemas import FETCH_LEDGER, MEETINGS

# A kill repeats at most the requests of this much time.
COMMIT_SECONDS = 20.0
# An open batch holds at most this many items, whatever the time.
COMMIT_ITEMS = 25_000


def fetch(
    context: FetchContext, spec: FetchSpec, days: Collection[date], *, refetch: bool = False
) -> Iterator[DayReport]:
    """Ask for what is due of these days, newest day first; yields a report a day.

    With `refetch` all pairs of the days are asked again. One meeting's refusal or fault is a row of
    the ledger. AuthError, ApiUnavailable and StorageError end it, after the commit of what came.
    """
    resource, since = spec.resource, context.reading_since
    guard = RefusalGuard(lambda: context.ledger.was_allowed(resource, since))
    for day in sorted(days, reverse=True):
        if spec.resource in SLOW:
            yield _day_of_files(context, spec, day, guard, refetch=refetch)
        else:
            with context.lake.lock_days([day]):
                targets = _due(context, spec, day, refetch=refetch)
                report = _Day(context, spec, day, guard).work(targets)
                # Before the day counts as done: after a kill in between it is still due.
                _honour_deletes(context, spec, report)
                context.ledger.refresh(day)
            yield report


def _day_of_files(
    context: FetchContext, spec: FetchSpec, day: date, guard: RefusalGuard, *, refetch: bool
) -> DayReport:
    """Files take hours: their day is locked to look and to commit, not while they come.

    A lock of its own keeps other runs from the same files; they leave them to this one.
    """
    with context.lake.files.lock_if_free(f"{spec.resource}-{day}") as is_mine:
        targets = []
        if is_mine:
            with context.lake.lock_days([day]):
                targets = _due(context, spec, day, refetch=refetch)
        return _Day(context, spec, day, guard, locks=True).work(targets)


def _honour_deletes(context: FetchContext, spec: FetchSpec, report: DayReport) -> None:
    if context.honours_deletes and spec.resource in WITH_CONTENT:
        report.removed += honour_deletes(context.lake, report.day, context.clock.now())


def _due(context: FetchContext, spec: FetchSpec, day: date, *, refetch: bool) -> list[Target]:
    """The due pairs of a day with what is known of their meetings; the day is locked."""
    context.lake.sweep([spec.table, FETCH_LEDGER], [day])
    if spec.resource in FILES:
        context.lake.files.sweep(files_folder(spec.resource, day))
    ledger, now = context.ledger, context.clock.now()
    known = ledger.items(day)
    due = (one for one in known if refetch or (one.next_attempt_at and one.next_attempt_at <= now))
    work_items = [work_item for work_item in due if work_item.resource == spec.resource]
    if not work_items:
        return []
    meetings = {row["meeting_id"]: row for row in context.lake.read(MEETINGS, day).to_pylist()}
    parents: dict[str, Row] = {}
    if spec.parent is not None:
        (key,) = spec.parent.key
        parents = {row[key]: row for row in context.lake.read(spec.parent, day).to_pylist()}
    details = {
        work_item.meeting_id: work_item for work_item in known if work_item.resource == DETAILS
    }
    last = timedelta(seconds=ledger.schedule.after_end_seconds[-1])
    targets = [
        Target(
            work_item,
            meeting,
            parents.get(work_item.resource_id),
            final_at=meeting["ended_at"] + last,
        )
        for work_item in work_items
        if (meeting := meetings.get(work_item.meeting_id)) is not None
    ]
    if spec.flag is not None:
        targets = [_flagged(one, spec.flag, details.get(one.meeting_id)) for one in targets]
        targets = _explained(context, spec, day, targets)
    if spec.fallback is not None:
        sources = _sources(context, spec, day, work_items)
        targets = [
            replace(one, stored_source=sources.get(one.work_item.resource_id)) for one in targets
        ]
    if refetch:
        targets = [
            replace(one, work_item=reopened(one.work_item, now), refetch=True) for one in targets
        ]
    if spec.resource in FILES:
        targets = _with_kept(context, spec, day, targets)
    return targets


def _with_kept(
    context: FetchContext, spec: FetchSpec, day: date, targets: list[Target]
) -> list[Target]:
    """The targets with the rows that the lake has of their files."""
    kept: dict[str, list[Row]] = defaultdict(list)
    for row in context.lake.read(spec.table, day).to_pylist():
        kept[row[spec.table.key[0]]].append(row)
    return [replace(one, stored_files=kept[one.work_item.resource_id]) for one in targets]


def _sources(
    context: FetchContext, spec: FetchSpec, day: date, work_items: Sequence[WorkItem]
) -> dict[str, str]:
    """Whether what the lake holds of these pairs came by itself or from a stand-in."""
    held = {work_item.resource_id for work_item in work_items if work_item.row_count}
    if spec.replaces is None or not held:
        return {}
    names = [spec.replaces, "source"]
    rows = context.lake.read(spec.table, day, columns=names, where={spec.replaces: held})
    found = rows.group_by(names).aggregate([]).to_pylist()
    return {row[spec.replaces]: row["source"] for row in found}


def _flagged(target: Target, flag: str, details: WorkItem | None) -> Target:
    """The target with what Webex's flag says; nothing while it may change, or an event differs.

    An event that tells of an asset is newer than a flag that says there is none.
    """
    if details is None or details.last_attempt_at is None:
        return target
    says = target.meeting[flag]
    reliable = details.status == Status.READY and details.last_attempt_at >= target.final_at
    if not reliable or (says is False and target.work_item.event_count):
        return target
    return replace(target, flagged=says)


def _explained(
    context: FetchContext, spec: FetchSpec, day: date, targets: list[Target]
) -> list[Target]:
    """The targets, without the flags that are true because of what is proven to be deleted.

    Such a flag stays true for ever (docs/webex-api-notes.md T15), and need not be looked into.
    """
    flagged = {one.meeting_id for one in targets if one.flagged}
    if not flagged:
        return targets
    names = ["meeting_id", "status"]
    rows = context.lake.read(spec.table, day, columns=names, where={"meeting_id": flagged})
    deleted = {row["meeting_id"] for row in rows.to_pylist() if is_deleted(row)}
    return [
        replace(one, flagged=None) if one.flagged and one.meeting_id in deleted else one
        for one in targets
    ]


class _Day:
    """The work on one resource of one day, under the day's lock, or taking it to commit."""

    def __init__(
        self,
        context: FetchContext,
        spec: FetchSpec,
        day: date,
        guard: RefusalGuard,
        *,
        locks: bool = False,
    ) -> None:
        self._locks = locks
        self._guard = guard
        self._context = context
        self._spec = spec
        self._day = day
        self._batch: list[FetchResult] = []
        self._items = 0
        self._since = context.clock.monotonic()
        self._report = DayReport(day)
        self._committer = Committer(context, spec, day, self._report)

    def work(self, targets: Sequence[Target]) -> DayReport:
        """Ask all targets and commit, batch by batch."""
        context, spec = self._context, self._spec
        if targets and not (spec.fallback or context.webex.can_read(spec.resource)):
            now = context.clock.now()
            self._committer.commit(
                [FetchResult(target, Outcome.RULED_OUT, now) for target in targets]
            )
        elif targets:
            self._ask_singly(self._sweep(self._unknown(targets)))
        self._report.rows = context.lake.count(spec.table, self._day)
        return self._report

    def _unknown(self, targets: Sequence[Target]) -> list[Target]:
        """Targets of which it is not known beforehand what to make."""
        now, known = self._context.clock.now(), []
        unknown = []
        for target in targets:
            outcome = self._spec.before_request(target)
            if outcome is None:
                unknown.append(target)
            else:
                known.append(FetchResult(target, outcome, now))
        self._batch = known
        self._commit()
        return unknown

    def _sweep(self, targets: Sequence[Target]) -> list[Target]:
        """Have windows answer what they can; returns what is left to be asked singly."""
        singly: list[Target] = []
        for result in list_windows(self._context, self._spec, self._day, targets):
            for answer in result.results:
                self._guard.note(answer.outcome)
            if result.listed:
                self._guard.allowed()
                self._committer.commit(result.results, result.remaining)
            singly += result.remaining
        return singly

    def _ask_singly(self, targets: Sequence[Target]) -> None:
        done = 0
        asked = request_all(self._context, self._spec, targets, self._guard)
        try:
            with closing(asked):
                for answer in asked:
                    self._batch.append(answer)
                    self._items += len(answer.items)
                    done += 1
                    self._context.progress(f"{self._spec.resource} {self._day}", done, len(targets))
                    if self._is_due():
                        self._commit()
        except BaseException:
            # The token was refused or the run interrupted: what came is kept, no more is asked.
            with suppress(Stopped):
                self._commit(ending=True)
            raise
        self._commit()

    def _is_due(self) -> bool:
        if self._locks:
            return True  # the next file may take hours to come
        waiting = self._context.clock.monotonic() - self._since > COMMIT_SECONDS
        return waiting or self._items > COMMIT_ITEMS

    def _commit(self, *, ending: bool = False) -> None:
        batch, self._batch, self._items = self._batch, [], 0
        self._since = self._context.clock.monotonic()
        if batch and not self._locks:
            self._committer.commit(batch, ending=ending)
        elif batch:
            with self._context.lake.lock_days([self._day]):
                self._committer.commit(self._still_here(batch), ending=ending)
                _honour_deletes(self._context, self._spec, self._report)
                self._context.ledger.refresh(self._day)

    def _still_here(self, batch: list[FetchResult]) -> list[FetchResult]:
        """Answers of pairs that lie on this day as yet.

        While files came the meeting may have moved to another day: that day asks for them again.
        """
        keys = {work_item.key for work_item in self._context.ledger.items(self._day)}
        here = []
        for answer in batch:
            if answer.target.work_item.key in keys:
                here.append(answer)
            else:
                known = {row["path"] for row in answer.target.stored_files}
                for item in answer.items:
                    if item["path"] not in known:
                        self._context.lake.files.remove(item["path"])
        return here
