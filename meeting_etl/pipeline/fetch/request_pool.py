"""Asking Webex for many targets side by side, and what became of each.

Belongs here: threads, which error of one pair becomes which answer, what is asked in place of what
was refused, and finding out early that a token may not read something at all. Does not: rows and
commits (fetch.py), what an answer means for the pair (pipeline/ledger/outcomes.py).
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from threading import Event

from meeting_etl.errors import BadResponse, Forbidden, Gone, NotFound, Prevented, Refused
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.spec import FetchSpec, Item, Target
from meeting_etl.pipeline.ledger.work_item import FILES, Outcome

# So many refusals before anything else, and the rest is not asked: the token lacks the scope, or
# it is not Webex that answers.
PROBES = 20
_REFUSALS = frozenset({Outcome.FORBIDDEN, Outcome.NOT_FOUND, Outcome.NO_LIST})
# After an interruption, for answers to requests that are on their way.
_LAST_ANSWERS_SECONDS = 3.0


@dataclass(frozen=True)
class FetchResult:
    """What one target's request returned, and when.

    `outcome` is what the response says before rows are made of its items. `from_window`: a listing
    of many meetings answered, and it shows nothing from `covered_until` on if that is given.
    `provisional`: better rows may replace these. `retry_at`: after a fault, the moment before which
    the response said not to try again.
    """

    target: Target
    outcome: Outcome
    at: datetime
    items: Sequence[Item] = ()
    http_status: int | None = None
    from_window: bool = False
    covered_until: datetime | None = None
    provisional: bool = False
    retry_at: datetime | None = None


class RefusalGuard:
    """Whether the token may read this at all, by the first answers of the run (rule 6).

    `was_allowed` says whether an earlier run had such an answer. It is asked once, after enough
    refusals: then these are of single meetings, as where their host had an assistant off.
    """

    def __init__(self, was_allowed: Callable[[], bool] = lambda: False) -> None:
        self._was_allowed = was_allowed
        self._refusals: Counter[Outcome] = Counter()
        self._allowed = False

    def note(self, outcome: Outcome) -> None:
        """Count an answer."""
        if outcome not in _REFUSALS:
            self._allowed = True
        elif not self._allowed:
            self._refusals[outcome] += 1
            if self._refusals.total() == PROBES:
                self._allowed = self._was_allowed()

    def allowed(self) -> None:
        """Note a listing that came, whatever it showed."""
        self._allowed = True

    def left(self, running: int) -> int:
        """How many more may be asked now, while so many are being asked; 0: none at all."""
        return 1_000_000 if self._allowed else PROBES - self._refusals.total() - running

    @property
    def says_no(self) -> bool:
        """Everything that was asked was refused, and that was enough."""
        return not self._allowed and self._refusals.total() >= PROBES

    @property
    def why(self) -> tuple[Outcome, int]:
        """What becomes of the rest once it says no, with the status of the answers before."""
        if self._refusals[Outcome.FORBIDDEN]:
            return Outcome.NOT_ASKED, 403
        return Outcome.NOT_THE_API, 404


def request_all(
    context: FetchContext, spec: FetchSpec, targets: Sequence[Target], guard: RefusalGuard
) -> Generator[FetchResult, None, None]:
    """Ask in threads, yield answers as they come; an error that ends all is raised after them.

    Raises AuthError and ApiUnavailable; what concerns one target alone is an Answer. When it is
    interrupted, answers that are on their way are yielded, too, but not waited for long. To be
    closed by who does not read it to its end: that ends the asking.
    """
    waiting = list(reversed(targets))
    with _Askers(context, spec) as askers:
        while askers.running or (waiting and askers.ends is None and not guard.says_no):
            while waiting and askers.ends is None and _may_ask(context, guard, len(askers.running)):
                askers.submit(waiting.pop())
            for answer in askers.come():
                guard.note(answer.outcome)
                yield answer
        if askers.ends is not None:
            raise askers.ends
    if waiting:
        outcome, status = guard.why
        for target in waiting:
            yield FetchResult(target, outcome, context.clock.now(), (), status)


class _Askers:
    """The threads that ask, and what they are asked for.

    `ends` is what ended all of it: an error that concerns every target, or an interruption. As a
    context manager it leaves no thread behind that would still send anything.
    """

    def __init__(self, context: FetchContext, spec: FetchSpec) -> None:
        self.running: set[Future[FetchResult]] = set()
        self.ends: BaseException | None = None
        self._context = context
        self._spec = spec
        self._stop = Event()
        self._interrupted = False
        self._pool = ThreadPoolExecutor(
            context.threads, "fetch", initializer=context.webex.cancel_on, initargs=(self._stop,)
        )

    def __enter__(self) -> "_Askers":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._interrupted = True
            self._end()
        self._pool.shutdown(wait=self._patient)

    def submit(self, target: Target) -> None:
        """Have one target asked."""
        self.running.add(self._pool.submit(_ask, self._context, self._spec, target))

    def come(self) -> Iterator[FetchResult]:
        """The answers that came next, at least one unless all is to end."""
        try:
            limit = None if self._patient else _LAST_ANSWERS_SECONDS
            done, self.running = wait(self.running, limit, FIRST_COMPLETED)
        except BaseException as interruption:  # noqa: BLE001 - raised when the last answers are in
            self._interrupt(interruption)
            return
        if not done:
            self.running = set()
        for future in done:
            error = future.exception()
            if error is None:
                yield future.result()
            elif self.ends is None:
                self.ends = error
                self._end()

    def _interrupt(self, interruption: BaseException) -> None:
        """Also the second time, which waits for nothing."""
        if self._interrupted:
            self.running = set()
        self._interrupted = True
        self.ends = interruption
        self._end()

    @property
    def _patient(self) -> bool:
        """Who was asked to end does not wait for answers that stall, but never leaves a file open.

        What is half written belongs to the next run as soon as this one gives up its locks.
        """
        return not self._interrupted or self._spec.resource in FILES

    def _end(self) -> None:
        self._stop.set()
        self._spec.cancel()
        self.running = {future for future in self.running if not future.cancel()}


def _may_ask(context: FetchContext, guard: RefusalGuard, running: int) -> bool:
    return running < 2 * context.threads and guard.left(running) > 0


def _ask(context: FetchContext, spec: FetchSpec, target: Target) -> FetchResult:
    """One pair's answer; only what ends the whole run is raised."""
    if not context.webex.can_read(spec.resource):
        return _without(context, spec, target, Outcome.RULED_OUT, None)
    try:
        listing = spec.request(context.webex, target)
    except Refused as error:
        outcome = _refusal(error)
        if outcome is Outcome.NOT_FOUND and not spec.by_id:
            outcome = Outcome.NO_LIST
        return _without(context, spec, target, outcome, error.http_status)
    except BadResponse as error:
        return _fault(context, target, error)
    outcome = Outcome.PARTIAL if listing.broken else Outcome.ROWS
    return FetchResult(target, outcome, context.clock.now(), listing.items, 200)


def _fault(context: FetchContext, target: Target, error: BadResponse) -> FetchResult:
    now, status = context.clock.now(), error.http_status
    return FetchResult(target, Outcome.FAULT, now, (), status, retry_at=error.retry_at)


def _refusal(error: Refused) -> Outcome:
    kinds = (
        (Prevented, Outcome.PREVENTED),
        (Forbidden, Outcome.FORBIDDEN),
        (NotFound, Outcome.NOT_FOUND),
        (Gone, Outcome.GONE),
    )
    for kind, outcome in kinds:
        if isinstance(error, kind):
            return outcome
    return Outcome.REFUSED


def _without(
    context: FetchContext,
    spec: FetchSpec,
    target: Target,
    refused: Outcome,
    http_status: int | None,
) -> FetchResult:
    """The answer for a pair that was refused or is ruled out: what stands in for it, if it can.

    Rows of what is refused now are better than those of its stand-in, and stay.
    """
    fallback, now = spec.fallback, context.clock.now
    replaceable = refused in (Outcome.RULED_OUT, Outcome.FORBIDDEN, Outcome.NOT_FOUND)
    if fallback is None or not replaceable or target.stored_source not in (None, fallback.source):
        return FetchResult(target, refused, now(), (), http_status)
    may_come = refused is Outcome.NOT_FOUND
    if target.stored_source is not None and not target.refetch:
        return FetchResult(target, Outcome.HELD_VTT, now(), (), http_status, provisional=may_come)
    try:
        items = fallback.request(context.webex, target)
    except Refused as error:
        if not may_come:
            refused = Outcome.FORBIDDEN if isinstance(error, Forbidden) else Outcome.NO_VTT
            http_status = error.http_status
        return FetchResult(target, refused, now(), (), http_status)
    except BadResponse as error:
        return _fault(context, target, error)
    return FetchResult(target, Outcome.FROM_VTT, now(), items, http_status, provisional=may_come)
