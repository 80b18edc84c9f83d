"""class RefusalGuard: stops requests early that can only be refused.

Belongs here: counting refusals, and what is made of the rest once there are enough. Does not: what
a refusal of one target is (single_request.py).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from meeting_etl.pipeline.fetch.single_request import FetchResult
from meeting_etl.pipeline.fetch.spec import FetchSpec, Target
from meeting_etl.pipeline.ledger.work_item import Outcome
from meeting_etl.webex.accounts import Accounts, Group

# So many refusals before any other outcome: the token lacks the scope, or this is not Webex.
_ENOUGH = 20
_REFUSALS = frozenset({Outcome.FORBIDDEN, Outcome.NOT_FOUND, Outcome.LIST_NOT_FOUND})


class RefusalGuard:
    """Whether the token may read a resource at all, by the first outcomes of the run (rule 6).

    `was_allowed` says whether an earlier run had another outcome than a refusal. It is called once,
    after enough refusals: if so, they concern single meetings, for instance those whose host had
    switched an assistant off.
    """

    def __init__(self, was_allowed: Callable[[], bool] = lambda: False) -> None:
        self._was_allowed = was_allowed
        self._refusals: Counter[Outcome] = Counter()
        self._running = 0
        self._is_allowed = False

    def may_start(self) -> bool:
        """Whether one more request may be sent: not if so many refusals would be too many."""
        return self._is_allowed or self._refusals.total() + self._running < _ENOUGH

    def start(self) -> None:
        """A request is sent."""
        self._running += 1

    def count(self, outcome: Outcome) -> None:
        """Count the outcome of a request."""
        self._running -= 1
        if outcome not in _REFUSALS:
            self._is_allowed = True
        elif not self._is_allowed:
            self._refusals[outcome] += 1
            if self._refusals.total() == _ENOUGH:
                self._is_allowed = self._was_allowed()

    def allow(self) -> None:
        """A listing of many meetings succeeded, or there is a fallback: count no refusals."""
        self._is_allowed = True

    @property
    def gave_up(self) -> bool:
        """Whether everything was refused, and that was enough."""
        return not self._is_allowed and self._refusals.total() >= _ENOUGH

    def result_of_rest(self, target: Target, now: datetime) -> FetchResult:
        """The result of a target that is not requested any more."""
        if self._refusals[Outcome.FORBIDDEN]:
            return FetchResult(target, Outcome.NOT_REQUESTED, now, http_status=403)
        return FetchResult(target, Outcome.NOT_THE_API, now, http_status=404)


class RefusalGuards:
    """The guards of a run: one for each resource and the accounts that are asked for it."""

    def __init__(self, accounts: Accounts, specs: Sequence[FetchSpec]) -> None:
        self._accounts = accounts
        self._with_fallback = {spec.resource for spec in specs if spec.fallback}
        self._guards: dict[tuple[str, Group], RefusalGuard] = {}

    def of(self, resource: str, accounts: Group) -> RefusalGuard:
        """The guard of a resource and these accounts."""
        if (guard := self._guards.get((resource, accounts))) is None:
            was_allowed = self._accounts.was_allowed
            guard = RefusalGuard(lambda: any(was_allowed(each, resource) for each in accounts))
            if resource in self._with_fallback:
                guard.allow()
            self._guards[resource, accounts] = guard
        return guard
