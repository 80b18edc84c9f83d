"""class DayFetch: all resources of one day, from its due work items to its commits.

Belongs here: what may be requested when, and when a batch is full. Does not: several days
(fetch_days.py), threads (request_pool.py), windows (windows.py), rows and commits (day_writer.py).
"""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from datetime import date
from functools import partial

from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.pipeline.deletions.erased_files import remove_erased_files
from meeting_etl.pipeline.deletions.honour import honour_deletes
from meeting_etl.pipeline.fetch.context import DayReport, FetchContext
from meeting_etl.pipeline.fetch.day_state import DayState
from meeting_etl.pipeline.fetch.day_writer import DayWriter
from meeting_etl.pipeline.fetch.deletion_proof import proven_deletion
from meeting_etl.pipeline.fetch.due import due_targets, is_due, targets_of
from meeting_etl.pipeline.fetch.known_outcomes import KnownOutcomes
from meeting_etl.pipeline.fetch.refusal_guard import RefusalGuards
from meeting_etl.pipeline.fetch.request_pool import Job, RequestPool
from meeting_etl.pipeline.fetch.response_rows import with_rows
from meeting_etl.pipeline.fetch.single_request import FetchResult, request_one
from meeting_etl.pipeline.fetch.spec import FetchSpec, Target
from meeting_etl.pipeline.fetch.uninterrupted import uninterrupted
from meeting_etl.pipeline.fetch.windows import OpenWindow, WindowResult, plan_windows
from meeting_etl.pipeline.ledger.work_item import DETAILS, FILES, Outcome, WorkItem
from meeting_etl.pipeline.paths import files_folder
from meeting_etl.pipeline.rows import Row
from meeting_etl.schemas import FETCH_LEDGER, RECORDING_FILES
from meeting_etl.webex.accounts import Account, Group

# A kill repeats at most the requests of this much time.
COMMIT_SECONDS = 20.0
# A batch has at most about so many rows, whatever the time.
COMMIT_ROWS = 10_000


class DayFetch:
    """The fetch of one day, which must be locked until it is closed or given up.

    Details come first: hosts and flags are needed to request the other resources. `rank` is 0 for
    the newest day, whose requests are the most urgent.
    """

    def __init__(
        self,
        context: FetchContext,
        specs: Sequence[FetchSpec],
        day: date,
        guards: RefusalGuards,
        rank: int,
    ) -> None:
        self.day = day
        self.report = DayReport(day)
        self._context = context
        self._specs = {spec.resource: spec for spec in specs}
        self._known_outcomes = KnownOutcomes(context, day)
        self._guards = guards
        self._rank = rank
        self._sweep()
        self._state = DayState(context.lake, context.ledger, day)
        self._writer = DayWriter(context, specs, self._state, self.report)
        self._opened_at = self._began_at = context.clock.monotonic()
        self._jobs: deque[Job] = deque()
        self._waiting: dict[tuple[str, Group], deque[Target]] = defaultdict(deque)
        # Targets by resource that wait, run, or are held back.
        self._open: Counter[str] = Counter()
        self._known = 0
        # Targets by the key of the work item that they wait for.
        self._held: dict[tuple[str, str, str], list[Target]] = defaultdict(list)
        self._running_keys: set[tuple[str, str, str]] = set()
        # Nothing is requested twice, even if a list opens what was answered a moment before.
        self._requested: set[tuple[str, str, str]] = set()
        first = [DETAILS] if DETAILS in self._specs else []
        self._unplanned = [name for name in self._specs if name not in first]
        for name in first:
            self._plan(self._specs[name])

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to be requested."""
        return not self._unplanned and not self._open.total()

    @property
    def awaits_details(self) -> bool:
        """Whether most of its requests are not known yet."""
        return bool(self._unplanned)

    def submit(self, pool: RequestPool) -> None:
        """Submit the requests that may be sent now."""
        if self._unplanned and not self._open[DETAILS]:
            unplanned, self._unplanned = self._unplanned, []
            for name in unplanned:
                self._plan(self._specs[name])
        while self._jobs:
            self._submit(pool, self._jobs.popleft())
        for (name, accounts), targets in list(self._waiting.items()):
            guard = self._guards.of(name, accounts)
            while targets and guard.gave_up:
                now = self._context.clock.now()
                self._take(self._specs[name], [guard.result_of_rest(targets.popleft(), now)])
            while targets and guard.may_start() and pool.accepts(accounts):
                guard.start()
                self._submit(pool, self._single_job(self._specs[name], accounts, targets.popleft()))

    def _submit(self, pool: RequestPool, job: Job) -> None:
        job.traffic = self.report.traffic
        pool.submit(job)

    def commit_if_full(self) -> None:
        """Commit what arrived if that is much, or long ago."""
        seconds = self._context.clock.monotonic() - self._began_at
        if seconds > COMMIT_SECONDS or self._writer.rows_waiting > COMMIT_ROWS:
            self.commit()

    def commit(self) -> None:
        """Commit what arrived; an interruption waits for it."""
        self._began_at = self._context.clock.monotonic()
        with uninterrupted():
            self._writer.commit()
        self.report.commit_seconds += self._context.clock.monotonic() - self._began_at

    def close(self) -> DayReport:
        """Do what follows from the last commit, in any thread. Only then is the day done."""
        context, lake = self._context, self._context.lake
        closing_at = context.clock.monotonic()
        self.report.fetch_seconds = closing_at - self._opened_at - self.report.commit_seconds
        if context.honours_deletes:
            removed = honour_deletes(lake, self.day, context.clock.now())
            self.report.removed += removed
        now, run_id = context.clock.now(), context.run_id
        remove_erased_files(lake, self.day, now, is_new=lambda row: row["run_id"] == run_id)
        refresh_metrics(lake, self.day)
        context.ledger.refresh(self.day)
        self.report.finish(lake, self._specs.values(), self._state.items.values())
        self.report.commit_seconds += context.clock.monotonic() - closing_at
        return self.report

    # --- planning -------------------------------------------------------------------------------

    def _sweep(self) -> None:
        """Remove what killed writers left."""
        tables = {table.name: table for spec in self._specs.values() for table in spec.tables}
        self._context.lake.sweep([*tables.values(), FETCH_LEDGER], [self.day])
        for name in FILES - {RECORDING_FILES.name}:
            if name in self._specs:
                self._context.lake.storage.sweep(files_folder(name, self.day))

    def _plan(self, spec: FetchSpec) -> None:
        context = self._context
        now = context.clock.now()
        targets = due_targets(self._state, spec, context.ledger.schedule, now)
        windows, remaining = plan_windows(context, spec, self.day, self._without_known(targets))
        for window in windows:
            self._open[spec.resource] += len(window.targets)
            self._known += len(window.targets)
            self._jobs.append(self._window_job(spec, window))
        self._add(spec, remaining)

    def _without_known(self, targets: Sequence[Target]) -> list[Target]:
        """The targets that need a request: they have none yet, and their outcome is not known."""
        new = [target for target in targets if target.work_item.key not in self._requested]
        return [target for target in new if not self._take_known(target)]

    def _take_known(self, target: Target) -> bool:
        spec = self._specs[target.work_item.resource]
        outcome = self._known_outcomes.of(spec, target)
        if outcome is None:
            return False
        self._open[spec.resource] += 1
        self._take(spec, [FetchResult(target, outcome, self._context.clock.now())])
        return True

    def _add(self, spec: FetchSpec, targets: Sequence[Target]) -> None:
        """Let targets wait for requests of their own."""
        self._open[spec.resource] += len(targets)
        self._known += len(targets)
        for target in targets:
            self._running_keys.add(target.work_item.key)
            self._requested.add(target.work_item.key)
            self._let_wait(target)

    def _let_wait(self, target: Target) -> None:
        """Let a target wait for its request, or for the first that comes before and is running."""
        item = target.work_item
        names = self._specs[item.resource].comes_after
        keys = ((item.meeting_id, name, item.resource_id) for name in names)
        before = next((key for key in keys if key in self._running_keys), None)
        if before is None:
            accounts = self._context.accounts.best(item.resource, target.meeting)
            self._waiting[item.resource, accounts].append(target)
        else:
            self._held[before].append(target)

    # --- jobs -----------------------------------------------------------------------------------

    def _single_job(self, spec: FetchSpec, accounts: Group, target: Target) -> Job:
        context, guard = self._context, self._guards.of(spec.resource, accounts)

        def call(account: Account) -> FetchResult:
            return with_rows(spec, request_one(context, spec, target, account), context.run_id)

        def done(result: FetchResult) -> None:
            guard.count(result.outcome)
            self._take(spec, [result])
            self._show_progress()

        return Job((self._rank, 1, self._known), call, done, accounts)

    def _window_job(self, spec: FetchSpec, window: OpenWindow) -> Job:
        def done(answer: WindowResult) -> None:
            if answer.listed:
                self._guards.of(spec.resource, window.accounts).allow()
                self._writer.leave_to_single_requests(answer.remaining)
            self._open[spec.resource] -= len(answer.remaining)
            self._known -= len(answer.remaining)
            self._add(spec, answer.remaining)
            self._take(spec, answer.results)
            self._show_progress()

        return Job((self._rank, 0, self._known), window.answer, done, window.accounts)

    def _show_progress(self) -> None:
        self._context.progress(str(self.day), self._known - self._open.total(), self._known)

    # --- results --------------------------------------------------------------------------------

    def _take(self, spec: FetchSpec, results: Sequence[FetchResult]) -> None:
        """Take the results of one response.

        Those of meetings from which something is missing settle when all of that was checked.
        """
        opened, missing = self._writer.take(spec, results)
        self._add_opened(opened)
        lacking = {row["meeting_id"] for row in missing}
        waiting = [result for result in results if result.target.meeting_id in lacking]
        complete = [result for result in results if result.target.meeting_id not in lacking]
        self._settle(spec, complete)
        unchecked = {row[spec.table.key[0]] for row in missing}

        def checked(row: Row, proven: Row | None) -> None:
            unchecked.discard(row[spec.table.key[0]])
            if proven is not None:
                self._writer.prove(spec, proven)
            if not unchecked:
                self._settle(spec, waiting)

        answers = {result.target.meeting_id: result for result in waiting}
        for row in missing:
            answer = answers[row["meeting_id"]]
            accounts = (answer.account,) if answer.account else ()
            read_by = answer.target.work_item.account
            call = partial(proven_deletion, self._context, spec, row, read_by)
            job = Job((self._rank, 0, self._known), call, partial(checked, row), accounts)
            self._jobs.append(job)

    def _settle(self, spec: FetchSpec, results: Sequence[FetchResult]) -> None:
        self._writer.settle(spec, results)
        self._open[spec.resource] -= len(results)
        for result in results:
            key = result.target.work_item.key
            self._running_keys.discard(key)
            for target in self._held.pop(key, ()):
                name = target.work_item.resource
                if name == spec.fallback and result.outcome is Outcome.ROWS:
                    self._running_keys.discard(target.work_item.key)
                    self._requested.discard(target.work_item.key)
                    self._open[name] -= 1
                else:
                    self._let_wait(target)

    def _add_opened(self, items: Sequence[WorkItem]) -> None:
        """Request at once what a list or a refusal has opened, where that is due already."""
        now, schedule = self._context.clock.now(), self._context.ledger.schedule
        by_resource: dict[str, list[WorkItem]] = defaultdict(list)
        for item in items:
            is_planned = item.resource in self._specs and item.resource not in self._unplanned
            if is_planned and is_due(item, now):
                by_resource[item.resource].append(item)
        for name, spec in self._specs.items():
            targets = targets_of(self._state, spec, schedule, by_resource[name])
            self._add(spec, self._without_known(targets))
