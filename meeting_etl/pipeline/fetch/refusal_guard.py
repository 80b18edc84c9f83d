"""class RefusalGuard: stops requests early that can only be refused.

Belongs here: counting refusals, and what is made of the rest once there are enough. Does not: what
a refusal of one target is (single_request.py).
"""

from collections import Counter
from collections.abc import Callable

from meeting_etl.pipeline.ledger.work_item import Outcome

# So many refusals before any other outcome: the token lacks the scope, or this is not Webex.
_ENOUGH = 20
_REFUSALS = frozenset({Outcome.FORBIDDEN, Outcome.NOT_FOUND, Outcome.LIST_NOT_FOUND})
_NO_LIMIT = 1_000_000


class RefusalGuard:
    """Whether the token may read a resource at all, by the first outcomes of the run (rule 6).

    `was_allowed` says whether an earlier run had another outcome than a refusal. It is called once,
    after enough refusals: if so, they concern single meetings, for instance those whose host had
    switched an assistant off.
    """

    def __init__(self, was_allowed: Callable[[], bool] = lambda: False) -> None:
        self._was_allowed = was_allowed
        self._refusals: Counter[Outcome] = Counter()
        self._is_allowed = False

    def count(self, outcome: Outcome) -> None:
        """Count an outcome."""
        if outcome not in _REFUSALS:
            self._is_allowed = True
        elif not self._is_allowed:
            self._refusals[outcome] += 1
            if self._refusals.total() == _ENOUGH:
                self._is_allowed = self._was_allowed()

    def allow(self) -> None:
        """A listing of many meetings succeeded, whatever is in it."""
        self._is_allowed = True

    def requests_left(self, running: int) -> int:
        """How many more requests may start while so many are running."""
        return _NO_LIMIT if self._is_allowed else _ENOUGH - self._refusals.total() - running

    @property
    def gave_up(self) -> bool:
        """Whether everything was refused, and that was enough."""
        return not self._is_allowed and self._refusals.total() >= _ENOUGH

    @property
    def outcome_of_rest(self) -> tuple[Outcome, int]:
        """The outcome of targets that are not requested any more, and the HTTP status so far."""
        if self._refusals[Outcome.FORBIDDEN]:
            return Outcome.NOT_REQUESTED, 403
        return Outcome.NOT_THE_API, 404
