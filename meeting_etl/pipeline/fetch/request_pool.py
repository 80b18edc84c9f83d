"""class RequestPool: threads that send requests, the most urgent first.

Belongs here: threads, what they still have to do, and ending them early. Does not: what a request
is and what becomes of its result (day_fetch.py, single_request.py), which account may send it
(webex/accounts.py).

Each account has threads of its own, because each has a rate of its own: while one is waiting for
its rate, the others go on. A request that several accounts may send is sent by the first that is
free, so that their rates add up.
"""

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from threading import Condition, Event, Lock, Thread
from typing import Any

from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.refusal_guard import RefusalGuard
from meeting_etl.pipeline.fetch.single_request import FetchResult, request_one
from meeting_etl.pipeline.fetch.spec import FetchSpec, Target
from meeting_etl.webex.accounts import Account, Group
from meeting_etl.webex.traffic import Traffic

# After an interruption, how long running requests are waited for.
_LAST_RESULTS_SECONDS = 3.0
# So many jobs wait or run at most, for each thread: enough for what a commit takes.
_JOBS_PER_THREAD = 16
# The requests of the next day are on their way while a day is committed: it is opened when fewer
# jobs than these, for each thread, are left to begin.
_JOBS_LEFT_PER_THREAD = 4
# With several accounts, the threads that each has at least.
_FEWEST_THREADS = 4


@dataclass(order=True)
class Job:
    """`call` runs in a thread of one of the `accounts` and gets it; without any, in any thread.

    `done` gets its result where the pool is waited for. What it sends is counted in `traffic`, too.
    Of the jobs that wait, the one with the least `priority` comes first.
    """

    priority: tuple[float, ...]
    call: Callable[[Account], Any] = field(compare=False)
    done: Callable[[Any], None] = field(compare=False, default=lambda _: None)
    accounts: Group = field(compare=False, default=())
    traffic: Traffic | None = field(compare=False, default=None)


class RequestPool:
    """The threads and their jobs.

    `error` is what ends all of them: an error that concerns every request, or an interruption.
    `cancel` makes running requests end soon; with `finishes_running` these are waited for, however
    long that takes. As a context manager it leaves no thread behind that could still send a
    request.
    """

    def __init__(
        self,
        context: FetchContext,
        *,
        cancel: Callable[[], None] = lambda: None,
        finishes_running: bool = False,
    ) -> None:
        self.unfinished = 0
        self.error: BaseException | None = None
        self._context = context
        self._cancel_requests = cancel
        self._finishes_running = finishes_running
        self._cancelled = Event()
        self._interrupted = False
        self._accounts = context.accounts.all
        count = len(self._accounts)
        share = math.ceil(context.threads / count)
        self._threads_each = share if count == 1 else max(share, _FEWEST_THREADS)
        self._threads: dict[Account, list[Thread]] = {account: [] for account in self._accounts}
        # What follows changes under the lock only.
        self._lock = Lock()
        self._wake = {account: Condition(self._lock) for account in self._accounts}
        self._idle: Counter[Account] = Counter()
        self._waiting: dict[Group, list[Job]] = defaultdict(list)
        self._is_ended = False
        # Of the main thread alone.
        self._unfinished_of: Counter[Group] = Counter()
        self._finished: SimpleQueue[tuple[Job, Any, BaseException | None]] = SimpleQueue()

    def __enter__(self) -> "RequestPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._interrupted = True
            self._cancel()
        with self._lock:
            self._is_ended = True
            for wake in self._wake.values():
                wake.notify_all()
        threads = [thread for threads in self._threads.values() for thread in threads]
        for thread in threads if self._waits_for_running else ():
            thread.join()

    @property
    def has_enough(self) -> bool:
        """Whether there is enough to do for every account while a day is committed."""
        with self._lock:
            enough = _JOBS_LEFT_PER_THREAD * self._threads_each
            return all(self._waiting_for(account) >= enough for account in self._accounts)

    def accepts(self, accounts: Group) -> bool:
        """Whether one more job of these accounts should be submitted now."""
        most = _JOBS_PER_THREAD * self._threads_each * len(accounts)
        return self._unfinished_of[accounts] < most

    def submit(self, job: Job) -> None:
        """Do a job as soon as a thread is free and nothing more urgent waits, unless all ends."""
        if self.error is not None:
            return
        self.unfinished += 1
        self._unfinished_of[job.accounts] += 1
        able = job.accounts or self._accounts
        with self._lock:
            heapq.heappush(self._waiting[job.accounts], job)
            for account in able:
                self._wake[account].notify()
            busy = [each for each in able if self._waiting_for(each) > self._idle[each]]
        if not busy:
            return
        account = min(busy, key=lambda each: len(self._threads[each]))
        if len(self._threads[account]) < self._threads_each:
            thread = Thread(target=self._work, args=(account,), name=f"fetch-{account.name}")
            self._threads[account].append(thread)
            thread.start()

    def finish(self, *, waits: bool = True) -> None:
        """Take results: those that are here, or `waits` for one, unless the jobs are cancelled.

        Raises the error that ends all jobs, after the last result.
        """
        if self.error is not None and not self.unfinished:
            raise self.error
        for job, result in self._results(waits=waits) if self.unfinished else ():
            job.done(result)

    def _results(self, *, waits: bool) -> Iterator[tuple[Job, Any]]:
        if not waits and self._finished.empty():
            return
        try:
            timeout = None if self._waits_for_running else _LAST_RESULTS_SECONDS
            finished = self._finished.get(timeout=timeout)
        except Empty:
            self.unfinished = 0
            return
        except BaseException as interruption:  # noqa: BLE001 - raised after the last results
            self._interrupt(interruption)
            return
        while True:
            job, result, error = finished
            self.unfinished -= 1
            self._unfinished_of[job.accounts] -= 1
            if error is None:
                yield job, result
            elif self.error is None:
                self.error = error
                self._cancel()
            try:
                finished = self._finished.get_nowait()
            except Empty:
                return

    def _work(self, account: Account) -> None:
        accounts = self._context.accounts
        accounts.cancel_on(self._cancelled)
        while (job := self._take(account)) is not None:
            accounts.count_in(job.traffic)
            try:
                self._finished.put((job, job.call(account), None))
            except BaseException as error:  # noqa: BLE001 - raised where the pool is waited for
                self._finished.put((job, None, error))

    def _take(self, account: Account) -> Job | None:
        """Wait for the most urgent job of an account; None when there will be no more."""
        with self._lock:
            while not (found := self._queues_of(account)) and not self._is_ended:
                self._idle[account] += 1
                self._wake[account].wait()
                self._idle[account] -= 1
            return heapq.heappop(min(found, key=lambda queue: queue[0])) if found else None

    def _queues_of(self, account: Account) -> list[list[Job]]:
        return [
            queue
            for accounts, queue in self._waiting.items()
            if queue and (not accounts or account in accounts)
        ]

    def _waiting_for(self, account: Account) -> int:
        return sum(len(queue) for queue in self._queues_of(account))

    def _interrupt(self, interruption: BaseException) -> None:
        """Cancel the jobs; a second interruption waits for none of them."""
        if self._interrupted:
            self.unfinished = 0
        self._interrupted = True
        self.error = interruption
        self._cancel()

    @property
    def _waits_for_running(self) -> bool:
        return not self._interrupted or self._finishes_running

    def _cancel(self) -> None:
        self._cancelled.set()
        self._cancel_requests()
        with self._lock:
            for accounts, queue in self._waiting.items():
                self.unfinished -= len(queue)
                self._unfinished_of[accounts] -= len(queue)
                queue.clear()


def request_all(
    context: FetchContext,
    spec: FetchSpec,
    targets: Sequence[Target],
    guard: RefusalGuard,
    *,
    begin: Callable[[Target], Target | None] | None = None,
    finishes_running: bool = False,
) -> Generator[FetchResult, None, None]:
    """Request targets in threads, and yield results as they arrive.

    `begin` is called with a target before it is requested; it returns the one to request, or None
    for one that is left out. Not more than `threads` have begun and are not yielded yet.

    What concerns one target is its result. AuthError and ApiUnavailable concern all: they are
    raised after the results of running requests. After an interruption these are yielded, too, but
    not waited for long, unless the pool `finishes_running`. A caller that stops early must close
    the generator, which ends the threads.
    """
    waiting, arrived = list(reversed(targets)), list[FetchResult]()
    # Several accounts may have more threads together than `threads`.
    most = context.threads * (2 if len(context.accounts.all) == 1 and begin is None else 1)
    begin = begin or _as_it_is
    with RequestPool(context, cancel=spec.cancel, finishes_running=finishes_running) as pool:
        while pool.unfinished or pool.error or (waiting and not guard.gave_up):
            while waiting and guard.may_start() and pool.unfinished < most:
                if (target := begin(waiting.pop())) is None:
                    continue
                guard.start()
                call = partial(request_one, context, spec, target)
                accounts = context.accounts.best(spec.resource, target.meeting)
                pool.submit(Job((0,), call, arrived.append, accounts))
            pool.finish()
            for result in arrived:
                guard.count(result.outcome)
            yield from arrived
            arrived.clear()
    for left in reversed(waiting):
        if (target := begin(left)) is not None:
            yield guard.result_of_rest(target, context.clock.now())


def _as_it_is(target: Target) -> Target:
    return target
