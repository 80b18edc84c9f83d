"""download_days(): the due files of recordings, newest day first.

Belongs here: the locks and commits of downloads, which take hours. Does not: the download of a
recording (pipeline/resources/recording_files.py), all other resources (work_days.py).

Several runs share what is due, on one machine or on several: a recording is downloaded by the run
that holds its lock, and left alone by the others.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date

from meeting_etl.pipeline.deletions.erased_files import remove_erased_files
from meeting_etl.pipeline.deletions.honour import honour_deletes
from meeting_etl.pipeline.fetch.context import DayReport, FetchContext
from meeting_etl.pipeline.fetch.day_state import DayState
from meeting_etl.pipeline.fetch.day_writer import DayWriter
from meeting_etl.pipeline.fetch.due import due_targets, is_due
from meeting_etl.pipeline.fetch.known_outcomes import KnownOutcomes
from meeting_etl.pipeline.fetch.refusal_guard import RefusalGuard, RefusalGuards
from meeting_etl.pipeline.fetch.request_pool import request_all
from meeting_etl.pipeline.fetch.response_rows import with_rows
from meeting_etl.pipeline.fetch.single_request import FetchResult
from meeting_etl.pipeline.fetch.spec import FetchSpec, Target
from meeting_etl.pipeline.ledger.work_item import Outcome
from meeting_etl.pipeline.paths import files_folder
from meeting_etl.pipeline.resources.recording_locks import RecordingLocks
from meeting_etl.schemas import FETCH_LEDGER


def download_days(
    context: FetchContext, spec: FetchSpec, days: Collection[date]
) -> Iterator[DayReport]:
    """Download what is due on these days, newest day first; yields a report a day.

    A day is locked to read and to commit only, and each recording from before its request until it
    is committed, which is when its files are here.
    """
    guards = RefusalGuards(context.accounts, [spec])
    guard = guards.of(spec.resource, tuple(context.accounts.all))
    for day in sorted(days, reverse=True):
        downloads = _Downloads(context, spec, day)
        downloads.run(guard)
        items = context.ledger.items(day)
        downloads.report.finish(context.lake, [spec], items)
        yield downloads.report


class _Downloads:
    """The downloads of one day."""

    def __init__(self, context: FetchContext, spec: FetchSpec, day: date) -> None:
        self.report = DayReport(day)
        self._context = context
        self._spec = spec
        self._day = day
        self._locks = RecordingLocks(context.lake.state)
        self._left: list[Target] = []

    def run(self, guard: RefusalGuard) -> None:
        """Download what is due, and commit recording by recording.

        What another run has is tried again at the end, as that run may have been killed.
        """
        unknown = self._without_known(self._due())
        while unknown:
            self._left = []
            self._download(unknown, guard)
            unknown = self._left if len(self._left) < len(unknown) else []

    def _download(self, targets: Sequence[Target], guard: RefusalGuard) -> None:
        context, spec = self._context, self._spec
        what = f"{spec.resource} {self._day}"
        results = request_all(
            context, spec, targets, guard, begin=self._begin, finishes_running=True
        )
        with self._locks, closing(results):
            for done, result in enumerate(results, 1):
                context.progress(what, done, len(targets))
                self._commit([with_rows(spec, result, context.run_id)])
                self._locks.release(result.target.work_item.resource_id)

    def _due(self) -> list[Target]:
        context, spec = self._context, self._spec
        with context.lake.lock_days([self._day]):
            context.lake.sweep([spec.table, FETCH_LEDGER], [self._day])
            context.lake.storage.sweep(files_folder(spec.resource, self._day))
            state = DayState(context.lake, context.ledger, self._day)
            return due_targets(state, spec, context.ledger.schedule, context.clock.now())

    def _begin(self, target: Target) -> Target | None:
        """The target, locked and as it is due now; None when another run has it or has had it."""
        recording_id = target.work_item.resource_id
        if not self._locks.take(recording_id):
            self._left.append(target)
            return None
        # Read again: since the day was read, another run may have committed it.
        still_due = self._still_due(target)
        if still_due is None:
            self._locks.release(recording_id)
        return still_due

    def _still_due(self, target: Target) -> Target | None:
        key = target.work_item.key
        items = self._context.ledger.items(self._day, resource_id=target.work_item.resource_id)
        item = next((item for item in items if item.key == key), None)
        if item is None or not is_due(item, self._context.clock.now()):
            return None
        if item == target.work_item:
            return target
        return next((due for due in self._due() if due.work_item.key == key), None)

    def _without_known(self, targets: Sequence[Target]) -> list[Target]:
        """The targets that need a request; those whose outcome is known are committed."""
        known, now = KnownOutcomes(self._context, self._day), self._context.clock.now()
        pairs = [(target, known.of(self._spec, target)) for target in targets]
        self._commit([FetchResult(target, outcome, now) for target, outcome in pairs if outcome])
        return [target for target, outcome in pairs if outcome is None]

    def _commit(self, results: Sequence[FetchResult]) -> None:
        if not results:
            return
        context, lake = self._context, self._context.lake
        with lake.lock_days([self._day]):
            lake.state.check_held()  # before files are removed
            state = DayState(lake, context.ledger, self._day)
            writer = DayWriter(context, [self._spec], state, self.report)
            current = self._without_erased(self._still_open(results, state))
            writer.take(self._spec, current)
            writer.commit()
            if context.honours_deletes:
                self.report.removed += honour_deletes(lake, self._day, context.clock.now())
            ids = {result.target.work_item.resource_id for result in results}
            remove_erased_files(
                lake,
                self._day,
                context.clock.now(),
                is_new=lambda row: row.get("recording_id") in ids,
            )
            context.ledger.refresh(self._day)

    def _without_erased(self, results: Sequence[FetchResult]) -> list[FetchResult]:
        """The results; what failed because its file was erased meanwhile is not tried again."""
        known = KnownOutcomes(self._context, self._day)
        return [
            replace(result, outcome=Outcome.ERASED)
            if result.outcome is Outcome.FAULT
            and known.of(self._spec, result.target) is Outcome.ERASED
            else result
            for result in results
        ]

    def _still_open(self, results: Sequence[FetchResult], state: DayState) -> list[FetchResult]:
        """The results whose work items are still of this day and open.

        During a download the meeting may have moved to another day, which downloads its files
        again, or the work item was settled: its recording was deleted, say, or the day pruned. New
        files of the others are removed. So are all files of a meeting that was erased.
        """
        of_meeting, remaining = self._context.lake.privacy.erasures.of_meeting, []
        for result in results:
            item = state.items.get(result.target.work_item.key)
            if item is not None and item.next_attempt_at is not None:
                remaining.append(result)
                continue
            files = result.target.stored_files
            if item is not None:
                files = state.files(self._spec).get(item.resource_id, [])
            stored = {row["path"] for row in files if row["removed_at"] is None}
            for row in result.rows:
                if row["path"] not in stored or of_meeting(row["meeting_id"]):
                    self._context.lake.storage.remove(row["path"])
        return remaining
