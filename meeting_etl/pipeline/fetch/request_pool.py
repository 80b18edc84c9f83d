"""request_all(): the requests of many targets in threads, each target by itself.

Belongs here: threads, and ending them early. Does not: one request and its outcome
(single_request.py), rows and commits (commit.py).
"""

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event

from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.refusal_guard import RefusalGuard
from meeting_etl.pipeline.fetch.single_request import FetchResult, request_one
from meeting_etl.pipeline.fetch.spec import FetchSpec, Target
from meeting_etl.pipeline.ledger.work_item import FILES

# After an interruption, how long running requests are waited for.
_LAST_RESULTS_SECONDS = 3.0


def request_all(
    context: FetchContext, spec: FetchSpec, targets: Sequence[Target], guard: RefusalGuard
) -> Generator[FetchResult, None, None]:
    """Request targets in threads, and yield results as they arrive.

    What concerns one target is its result. AuthError and ApiUnavailable concern all: they are
    raised after the results of running requests. After an interruption these are yielded, too, but
    not waited for long. A caller that stops early must close the generator, which ends the threads.
    """
    waiting = list(reversed(targets))
    with _RequestPool(context, spec) as pool:
        while pool.running or (waiting and pool.error is None and not guard.gave_up):
            while waiting and pool.error is None and _may_start(context, guard, len(pool.running)):
                pool.submit(waiting.pop())
            for result in pool.next_results():
                guard.count(result.outcome)
                yield result
        if pool.error is not None:
            raise pool.error
    if waiting:
        outcome, status = guard.outcome_of_rest
        for target in waiting:
            yield FetchResult(target, outcome, context.clock.now(), (), status)


def _may_start(context: FetchContext, guard: RefusalGuard, running: int) -> bool:
    return running < 2 * context.threads and guard.requests_left(running) > 0


class _RequestPool:
    """The threads and their running requests.

    `error` is what ends all of them: an error that concerns every target, or an interruption. As a
    context manager it leaves no thread behind that could still send a request.
    """

    def __init__(self, context: FetchContext, spec: FetchSpec) -> None:
        self.running: set[Future[FetchResult]] = set()
        self.error: BaseException | None = None
        self._context = context
        self._spec = spec
        self._cancelled = Event()
        self._interrupted = False
        self._threads = ThreadPoolExecutor(
            context.threads,
            "fetch",
            initializer=context.webex.cancel_on,
            initargs=(self._cancelled,),
        )

    def __enter__(self) -> "_RequestPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._interrupted = True
            self._cancel()
        self._threads.shutdown(wait=self._waits_for_running)

    def submit(self, target: Target) -> None:
        """Start the request of a target, as soon as a thread is free."""
        self.running.add(self._threads.submit(request_one, self._context, self._spec, target))

    def next_results(self) -> Iterator[FetchResult]:
        """The results that arrive next: at least one, unless the requests are cancelled."""
        try:
            timeout = None if self._waits_for_running else _LAST_RESULTS_SECONDS
            done, self.running = wait(self.running, timeout, FIRST_COMPLETED)
        except BaseException as interruption:  # noqa: BLE001 - raised after the last results
            self._interrupt(interruption)
            return
        if not done:
            self.running = set()
        for future in done:
            error = future.exception()
            if error is None:
                yield future.result()
            elif self.error is None:
                self.error = error
                self._cancel()

    def _interrupt(self, interruption: BaseException) -> None:
        """Cancel the requests; a second interruption waits for none of them."""
        if self._interrupted:
            self.running = set()
        self._interrupted = True
        self.error = interruption
        self._cancel()

    @property
    def _waits_for_running(self) -> bool:
        """Whether to wait for running requests, even when interrupted.

        Only for files: one that is half written belongs to the next run as soon as this one
        releases its locks.
        """
        return not self._interrupted or self._spec.resource in FILES

    def _cancel(self) -> None:
        self._cancelled.set()
        self._spec.cancel()
        self.running = {future for future in self.running if not future.cancel()}
