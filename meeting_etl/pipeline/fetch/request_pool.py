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
from meeting_etl.pipeline.fetch.spec import FetchSpec, Item, Target
from meeting_etl.pipeline.ledger.work_item import FILES, Outcome
from meeting_etl.times import Clock
from meeting_etl.webex.endpoints import Webex

# So many refusals before anything else, and the rest is not asked: the token lacks the scope, or
# it is not Webex that answers.
PROBES = 20
_REFUSALS = frozenset({Outcome.FORBIDDEN, Outcome.NOT_FOUND, Outcome.NO_LIST})
# After an interruption, for answers to requests that are on their way.
_LAST_ANSWERS_SECONDS = 3.0


@dataclass(frozen=True)
class Answer:
    """What one target was answered, and when. `came` is judged before rows are made of it.

    `swept`: by a listing of many meetings, which showed nothing from `until` on if that is given.
    `provisional`: better rows may come in place of these. `retry_at`: after a fault, the moment
    before which the answer said not to ask again.
    """

    target: Target
    came: Outcome
    at: datetime
    items: Sequence[Item] = ()
    http_status: int | None = None
    swept: bool = False
    until: datetime | None = None
    provisional: bool = False
    retry_at: datetime | None = None


@dataclass(frozen=True)
class Asking:
    """Whom to ask, by which clock, and in how many threads."""

    webex: Webex
    clock: Clock
    threads: int = 24


class Probe:
    """Whether the token may read this at all, by the first answers of the run (rule 6).

    `was_allowed` says whether an earlier run had such an answer. It is asked once, after enough
    refusals: then these are of single meetings, as where their host had an assistant off.
    """

    def __init__(self, was_allowed: Callable[[], bool] = lambda: False) -> None:
        self._was_allowed = was_allowed
        self._refusals: Counter[Outcome] = Counter()
        self._allowed = False

    def note(self, came: Outcome) -> None:
        """Count an answer."""
        if came not in _REFUSALS:
            self._allowed = True
        elif not self._allowed:
            self._refusals[came] += 1
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


def answers(
    asking: Asking, spec: FetchSpec, targets: Sequence[Target], probe: Probe
) -> Generator[Answer, None, None]:
    """Ask in threads, yield answers as they come; an error that ends all is raised after them.

    Raises AuthError and ApiUnavailable; what concerns one target alone is an Answer. When it is
    interrupted, answers that are on their way are yielded, too, but not waited for long. To be
    closed by who does not read it to its end: that ends the asking.
    """
    waiting = list(reversed(targets))
    with _Askers(asking, spec) as askers:
        while askers.running or (waiting and askers.ends is None and not probe.says_no):
            while waiting and askers.ends is None and _may_ask(asking, probe, len(askers.running)):
                askers.submit(waiting.pop())
            for answer in askers.come():
                probe.note(answer.came)
                yield answer
        if askers.ends is not None:
            raise askers.ends
    if waiting:
        came, status = probe.why
        for target in waiting:
            yield Answer(target, came, asking.clock.now(), (), status)


class _Askers:
    """The threads that ask, and what they are asked for.

    `ends` is what ended all of it: an error that concerns every target, or an interruption. As a
    context manager it leaves no thread behind that would still send anything.
    """

    def __init__(self, asking: Asking, spec: FetchSpec) -> None:
        self.running: set[Future[Answer]] = set()
        self.ends: BaseException | None = None
        self._asking = asking
        self._spec = spec
        self._stop = Event()
        self._interrupted = False
        self._pool = ThreadPoolExecutor(
            asking.threads, "fetch", initializer=asking.webex.cancel_on, initargs=(self._stop,)
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
        self.running.add(self._pool.submit(_ask, self._asking, self._spec, target))

    def come(self) -> Iterator[Answer]:
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
        self._spec.stop()
        self.running = {future for future in self.running if not future.cancel()}


def _may_ask(asking: Asking, probe: Probe, running: int) -> bool:
    return running < 2 * asking.threads and probe.left(running) > 0


def _ask(asking: Asking, spec: FetchSpec, target: Target) -> Answer:
    """One pair's answer; only what ends the whole run is raised."""
    if not asking.webex.can_read(spec.resource):
        return _without(asking, spec, target, Outcome.RULED_OUT, None)
    try:
        listing = spec.ask(asking.webex, target)
    except Refused as error:
        came = _refusal(error)
        if came is Outcome.NOT_FOUND and not spec.by_id:
            came = Outcome.NO_LIST
        return _without(asking, spec, target, came, error.http_status)
    except BadResponse as error:
        return _fault(asking, target, error)
    came = Outcome.PARTIAL if listing.broken else Outcome.ROWS
    return Answer(target, came, asking.clock.now(), listing.items, 200)


def _fault(asking: Asking, target: Target, error: BadResponse) -> Answer:
    now, status = asking.clock.now(), error.http_status
    return Answer(target, Outcome.FAULT, now, (), status, retry_at=error.retry_at)


def _refusal(error: Refused) -> Outcome:
    kinds = (
        (Prevented, Outcome.PREVENTED),
        (Forbidden, Outcome.FORBIDDEN),
        (NotFound, Outcome.NOT_FOUND),
        (Gone, Outcome.GONE),
    )
    for kind, came in kinds:
        if isinstance(error, kind):
            return came
    return Outcome.REFUSED


def _without(
    asking: Asking, spec: FetchSpec, target: Target, refused: Outcome, http_status: int | None
) -> Answer:
    """The answer for a pair that was refused or is ruled out: what stands in for it, if it can.

    Rows of what is refused now are better than those of its stand-in, and stay.
    """
    fallback, now = spec.fallback, asking.clock.now
    replaceable = refused in (Outcome.RULED_OUT, Outcome.FORBIDDEN, Outcome.NOT_FOUND)
    if fallback is None or not replaceable or target.held not in (None, fallback.source):
        return Answer(target, refused, now(), (), http_status)
    may_come = refused is Outcome.NOT_FOUND
    if target.held is not None and not target.refetch:
        return Answer(target, Outcome.HELD_VTT, now(), (), http_status, provisional=may_come)
    try:
        items = fallback.ask(asking.webex, target)
    except Refused as error:
        if not may_come:
            refused = Outcome.FORBIDDEN if isinstance(error, Forbidden) else Outcome.NO_VTT
            http_status = error.http_status
        return Answer(target, refused, now(), (), http_status)
    except BadResponse as error:
        return _fault(asking, target, error)
    return Answer(target, Outcome.FROM_VTT, now(), items, http_status, provisional=may_come)
