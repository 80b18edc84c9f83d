"""fetch(): the one way in which every resource is fetched.

Due work items → windows → requests one by one → commits.

Belongs here: this order, and when a batch is full. Does not: which work items are due (due.py),
windows (windows.py), threads (request_pool.py), what is requested and which rows that makes
(pipeline/resources/), rows and commits (commit.py), what an outcome makes of a work item
(pipeline/ledger/outcomes.py).
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, suppress
from datetime import date

from meeting_etl.errors import Stopped
from meeting_etl.pipeline.deletions.honour import WITH_CONTENT, honour_deletes
from meeting_etl.pipeline.fetch.commit import Committer
from meeting_etl.pipeline.fetch.context import DayReport, FetchContext
from meeting_etl.pipeline.fetch.due import due_targets
from meeting_etl.pipeline.fetch.refusal_guard import RefusalGuard
from meeting_etl.pipeline.fetch.request_pool import request_all
from meeting_etl.pipeline.fetch.single_request import FetchResult
from meeting_etl.pipeline.fetch.spec import FetchSpec, Target
from meeting_etl.pipeline.fetch.windows import list_windows
from meeting_etl.pipeline.ledger.work_item import SLOW, Outcome

# A kill repeats at most the requests of this much time.
COMMIT_SECONDS = 20.0
# A batch has at most this many items, whatever the time.
COMMIT_ITEMS = 25_000


def fetch(context: FetchContext, spec: FetchSpec, days: Collection[date]) -> Iterator[DayReport]:
    """Fetch what is due on these days, newest day first; yields a report a day.

    A refusal or fault of one meeting is a row of the ledger. AuthError, ApiUnavailable and
    StorageError end the fetch, after a commit of the results so far.
    """
    resource, since = spec.resource, context.reading_since
    guard = RefusalGuard(lambda: context.ledger.was_allowed(resource, since))
    for day in sorted(days, reverse=True):
        if spec.resource in SLOW:
            yield _fetch_files(context, spec, day, guard)
        else:
            with context.lake.lock_days([day]):
                targets = due_targets(context, spec, day)
                report = _DayFetch(context, spec, day, guard).run(targets)
                # Before the day counts as done: after a kill in between it is still due.
                _honour_deletes(context, spec, report)
                context.ledger.refresh(day)
            yield report


def _fetch_files(
    context: FetchContext, spec: FetchSpec, day: date, guard: RefusalGuard
) -> DayReport:
    """Fetch files, which takes hours: the day is locked to read and to commit only.

    A lock of its own keeps other runs from downloading the same files.
    """
    with context.lake.state.lock_if_free(f"{spec.resource}-{day}") as lock:
        targets = []
        if lock:
            with context.lake.lock_days([day]):
                targets = due_targets(context, spec, day)
        return _DayFetch(context, spec, day, guard, locks_to_commit=True).run(targets)


def _honour_deletes(context: FetchContext, spec: FetchSpec, report: DayReport) -> None:
    if context.honours_deletes and spec.resource in WITH_CONTENT:
        report.removed += honour_deletes(context.lake, report.day, context.clock.now())


class _DayFetch:
    """Fetches one resource of one day, under the day's lock, or taking it for each commit."""

    def __init__(
        self,
        context: FetchContext,
        spec: FetchSpec,
        day: date,
        guard: RefusalGuard,
        *,
        locks_to_commit: bool = False,
    ) -> None:
        self._locks_to_commit = locks_to_commit
        self._guard = guard
        self._context = context
        self._spec = spec
        self._day = day
        self._batch: list[FetchResult] = []
        self._batch_items = 0
        self._batch_began = context.clock.monotonic()
        self._report = DayReport(day)
        self._committer = Committer(context, spec, day, self._report)

    def run(self, targets: Sequence[Target]) -> DayReport:
        """Request all targets and commit, batch by batch."""
        context, spec = self._context, self._spec
        if targets and not (spec.fallback or context.webex.can_read(spec.resource)):
            now = context.clock.now()
            self._committer.commit(
                [FetchResult(target, Outcome.RULED_OUT, now) for target in targets]
            )
        elif targets:
            self._request_singly(self._list_windows(self._without_known_outcome(targets)))
        self._report.rows = context.lake.count(spec.table, self._day)
        return self._report

    def _without_known_outcome(self, targets: Sequence[Target]) -> list[Target]:
        """The targets that need a request; those whose outcome is known are committed."""
        now = self._context.clock.now()
        unknown = []
        for target in targets:
            outcome = self._spec.before_request(target)
            if outcome is None:
                unknown.append(target)
            else:
                self._batch.append(FetchResult(target, outcome, now))
        self._commit()
        return unknown

    def _list_windows(self, targets: Sequence[Target]) -> list[Target]:
        """Commit what windows answer; returns the targets that remain."""
        remaining: list[Target] = []
        for window in list_windows(self._context, self._spec, self._day, targets):
            for result in window.results:
                self._guard.count(result.outcome)
            if window.listed:
                self._guard.allow()
                self._committer.commit(window.results, window.remaining)
            remaining += window.remaining
        return remaining

    def _request_singly(self, targets: Sequence[Target]) -> None:
        """Request targets one by one, and commit whenever a batch is full."""
        done = 0
        results = request_all(self._context, self._spec, targets, self._guard)
        try:
            with closing(results):
                for result in results:
                    self._batch.append(result)
                    self._batch_items += len(result.items)
                    done += 1
                    self._context.progress(f"{self._spec.resource} {self._day}", done, len(targets))
                    if self._is_batch_full():
                        self._commit()
        except BaseException:
            # The token was refused, or the run interrupted: results so far are committed, and
            # nothing more is requested.
            with suppress(Stopped):
                self._commit(ending=True)
            raise
        self._commit()

    def _is_batch_full(self) -> bool:
        if self._locks_to_commit:
            return True  # the next file may take hours
        seconds = self._context.clock.monotonic() - self._batch_began
        return seconds > COMMIT_SECONDS or self._batch_items > COMMIT_ITEMS

    def _commit(self, *, ending: bool = False) -> None:
        batch, self._batch, self._batch_items = self._batch, [], 0
        self._batch_began = self._context.clock.monotonic()
        if batch and not self._locks_to_commit:
            self._committer.commit(batch, ending=ending)
        elif batch:
            with self._context.lake.lock_days([self._day]):
                self._committer.commit(self._still_of_this_day(batch), ending=ending)
                _honour_deletes(self._context, self._spec, self._report)
                self._context.ledger.refresh(self._day)

    def _still_of_this_day(self, batch: list[FetchResult]) -> list[FetchResult]:
        """The results whose work items are still of this day.

        During a download the meeting may have moved to another day, which downloads its files
        again: new files of the others are removed.
        """
        keys = {item.key for item in self._context.ledger.items(self._day)}
        remaining = []
        for result in batch:
            if result.target.work_item.key in keys:
                remaining.append(result)
                continue
            stored = {row["path"] for row in result.target.stored_files}
            for item in result.items:
                if item["path"] not in stored:
                    self._context.lake.files.remove(item["path"])
        return remaining
