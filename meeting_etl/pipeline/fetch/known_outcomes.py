"""class KnownOutcomes: what is known of a target before it is requested.

Belongs here: the order of the reasons for which nothing is requested. Does not: reasons of one
resource (its spec), outcomes of responses (single_request.py).
"""

from collections.abc import Sequence
from datetime import date
from functools import cached_property

from meeting_etl.pipeline.deletions.erased_files import ERASED, erased_meetings
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.spec import FetchSpec, Target
from meeting_etl.pipeline.ledger.work_item import FILES, Outcome
from meeting_etl.pipeline.rows import Row


class KnownOutcomes:
    """The outcomes of one day's targets that need no request."""

    def __init__(self, context: FetchContext, day: date) -> None:
        self._context = context
        self._day = day
        self._pruned: dict[str, bool] = {}

    def of(self, spec: FetchSpec, target: Target) -> Outcome | None:
        """The outcome of a target; None when it must be requested."""
        if self._is_pruned(spec.resource):
            return Outcome.PRUNED
        if not self._context.accounts.may_read(spec.resource, target.meeting):
            return Outcome.RULED_OUT
        if spec.resource in FILES and (
            target.meeting_id in self._erased or _were_erased(target.stored_files)
        ):
            return Outcome.ERASED
        return spec.before_request(target)

    def _is_pruned(self, resource: str) -> bool:
        if resource not in self._pruned:
            self._pruned[resource] = self._context.ledger.is_pruned(resource, self._day)
        return self._pruned[resource]

    @cached_property
    def _erased(self) -> set[str]:
        """Meetings whose files would show an erased person."""
        return erased_meetings(self._context.lake, self._day)


def _were_erased(files: Sequence[Row]) -> bool:
    """Whether all files were removed because they mention an erased person."""
    return bool(files) and all(row["removed_because"] == ERASED for row in files)
