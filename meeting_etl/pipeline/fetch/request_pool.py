"""class RequestPool: threads that send requests, the most urgent first.

Belongs here: threads, what they still have to do, and ending them early. Does not: what a request
is and what becomes of its result (day_fetch.py, single_request.py).
"""

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, PriorityQueue, SimpleQueue
from threading import Event, Thread
from typing import Any

from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.refusal_guard import RefusalGuard
from meeting_etl.pipeline.fetch.single_request import FetchResult, request_one
from meeting_etl.pipeline.fetch.spec import FetchSpec, Target
from meeting_etl.webex.traffic import Traffic

# After an interruption, how long running requests are waited for.
_LAST_RESULTS_SECONDS = 3.0


@dataclass(order=True)
class Job:
    """`call` runs in a thread; `done` gets its result where the pool is waited for.

    What it sends is counted in `traffic`, too.
    Of the jobs that wait, the one with the least `priority` comes first.
    """

    priority: tuple[float, ...]
    call: Callable[[], Any] = field(compare=False, default=lambda: None)
    done: Callable[[Any], None] = field(compare=False, default=lambda _: None)
    traffic: Traffic | None = field(compare=False, default=None)


_END = Job((math.inf,))


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
        self._threads: list[Thread] = []
        self._waiting: PriorityQueue[Job] = PriorityQueue()
        self._finished: SimpleQueue[tuple[Job, Any, BaseException | None]] = SimpleQueue()

    def __enter__(self) -> "RequestPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._interrupted = True
            self._cancel()
        for _ in self._threads:
            self._waiting.put(_END)
        for thread in self._threads if self._waits_for_running else ():
            thread.join()

    @property
    def waiting(self) -> int:
        """How many jobs no thread has begun yet."""
        return self._waiting.qsize()

    def submit(self, job: Job) -> None:
        """Do a job as soon as a thread is free and nothing more urgent waits, unless all ends."""
        if self.error is not None:
            return
        self.unfinished += 1
        self._waiting.put(job)
        if len(self._threads) < min(self._context.threads, self.unfinished):
            thread = Thread(target=self._work, name="fetch")
            self._threads.append(thread)
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
            if error is None:
                yield job, result
            elif self.error is None:
                self.error = error
                self._cancel()
            try:
                finished = self._finished.get_nowait()
            except Empty:
                return

    def _work(self) -> None:
        self._context.webex.cancel_on(self._cancelled)
        while (job := self._waiting.get()) is not _END:
            self._context.webex.count_in(job.traffic)
            try:
                self._finished.put((job, job.call(), None))
            except BaseException as error:  # noqa: BLE001 - raised where the pool is waited for
                self._finished.put((job, None, error))

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
        try:
            while True:
                self._waiting.get_nowait()
                self.unfinished -= 1
        except Empty:
            pass


def request_all(
    context: FetchContext,
    spec: FetchSpec,
    targets: Sequence[Target],
    guard: RefusalGuard,
    *,
    finishes_running: bool = False,
) -> Generator[FetchResult, None, None]:
    """Request targets in threads, and yield results as they arrive.

    What concerns one target is its result. AuthError and ApiUnavailable concern all: they are
    raised after the results of running requests. After an interruption these are yielded, too, but
    not waited for long, unless the pool `finishes_running`. A caller that stops early must close
    the generator, which ends the threads.
    """
    waiting, arrived = list(reversed(targets)), list[FetchResult]()
    with RequestPool(context, cancel=spec.cancel, finishes_running=finishes_running) as pool:
        while pool.unfinished or pool.error or (waiting and not guard.gave_up):
            while waiting and guard.may_start() and pool.unfinished < 2 * context.threads:
                guard.start()
                call = partial(request_one, context, spec, waiting.pop())
                pool.submit(Job((0,), call, arrived.append))
            pool.finish()
            for result in arrived:
                guard.count(result.outcome)
            yield from arrived
            arrived.clear()
    for target in reversed(waiting):
        yield guard.result_of_rest(target, context.clock.now())
