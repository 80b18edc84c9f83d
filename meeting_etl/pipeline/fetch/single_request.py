"""One target: its request and the outcome.

Belongs here: which error is which outcome. Does not: threads (request_pool.py), listings of many
meetings (windows.py), rows (response_rows.py), what an outcome makes of the work item
(pipeline/ledger/outcomes.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from meeting_etl.errors import BadResponse, Forbidden, Gone, NotFound, Prevented, Refused
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.spec import FetchSpec, Item, Target
from meeting_etl.pipeline.ledger.work_item import Outcome
from meeting_etl.pipeline.rows import Row, SchemaDrift

_REFUSALS = (
    (Prevented, Outcome.PREVENTED),
    (Forbidden, Outcome.FORBIDDEN),
    (NotFound, Outcome.NOT_FOUND),
    (Gone, Outcome.GONE),
)


@dataclass(frozen=True)
class FetchResult:
    """What one target's request returned, and when.

    `outcome` is what the response says, first by itself and then by the `rows` that its items
    become (response_rows.py). `from_window`: a listing of many meetings answered, and it shows
    nothing from `covered_until` on if that is given. `retry_at`: after a fault, the moment before
    which the response said not to try again.
    """

    target: Target
    outcome: Outcome
    at: datetime
    items: Sequence[Item] = ()
    http_status: int | None = None
    from_window: bool = False
    covered_until: datetime | None = None
    retry_at: datetime | None = None
    rows: list[Row] = field(default_factory=list)
    drift: SchemaDrift = field(default_factory=SchemaDrift)


def request_one(context: FetchContext, spec: FetchSpec, target: Target) -> FetchResult:
    """The result of one target. Raises only what ends the whole run."""
    try:
        listing = spec.request(context.webex, target)
    except Refused as error:
        outcomes = (outcome for kind, outcome in _REFUSALS if isinstance(error, kind))
        outcome = next(outcomes, Outcome.REFUSED)
        if outcome is Outcome.NOT_FOUND and not spec.by_id:
            outcome = Outcome.LIST_NOT_FOUND
        return FetchResult(target, outcome, context.clock.now(), (), error.http_status)
    except BadResponse as error:
        now, status = context.clock.now(), error.http_status
        return FetchResult(target, Outcome.FAULT, now, (), status, retry_at=error.retry_at)
    outcome = Outcome.PARTIAL if listing.broken else Outcome.ROWS
    return FetchResult(target, outcome, context.clock.now(), listing.items, 200)
