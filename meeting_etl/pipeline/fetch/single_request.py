"""One target: its request, the fallback where that is refused, and the outcome of both.

Belongs here: which error is which outcome, and when the fallback is requested. Does not: threads
(request_pool.py), listings of many meetings (windows.py), rows (response_rows.py), what an outcome
makes of the work item (pipeline/ledger/outcomes.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from meeting_etl.errors import BadResponse, Forbidden, Gone, NotFound, Prevented, Refused
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.spec import Fallback, FetchSpec, Item, Target
from meeting_etl.pipeline.ledger.work_item import Outcome, Reason
from meeting_etl.pipeline.rows import Row, SchemaDrift

_REFUSALS = (
    (Prevented, Outcome.PREVENTED),
    (Forbidden, Outcome.FORBIDDEN),
    (NotFound, Outcome.NOT_FOUND),
    (Gone, Outcome.GONE),
)
_MAY_USE_FALLBACK = frozenset({Outcome.RULED_OUT, Outcome.FORBIDDEN, Outcome.NOT_FOUND})


@dataclass(frozen=True)
class FetchResult:
    """What one target's request returned, and when.

    `outcome` is what the response says, first by itself and then by the `rows` that its items
    become (response_rows.py). `from_window`: a listing of many meetings answered, and it shows
    nothing from `covered_until` on if that is given. `provisional`: better rows may replace these.
    `retry_at`: after a fault, the moment before which the response said not to try again.
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
    rows: list[Row] = field(default_factory=list)
    drift: SchemaDrift = field(default_factory=SchemaDrift)


def request_one(context: FetchContext, spec: FetchSpec, target: Target) -> FetchResult:
    """The result of one target. Raises only what ends the whole run."""
    if not context.webex.can_read(spec.resource):
        return _refused(context, spec, target, Outcome.RULED_OUT, None)
    try:
        listing = spec.request(context.webex, target)
    except Refused as error:
        outcome = _refusal(error)
        if outcome is Outcome.NOT_FOUND and not spec.by_id:
            outcome = Outcome.LIST_NOT_FOUND
        return _refused(context, spec, target, outcome, error.http_status)
    except BadResponse as error:
        return _fault(context, target, error)
    outcome = Outcome.PARTIAL if listing.broken else Outcome.ROWS
    return FetchResult(target, outcome, context.clock.now(), listing.items, 200)


def _refusal(error: Refused) -> Outcome:
    for kind, outcome in _REFUSALS:
        if isinstance(error, kind):
            return outcome
    return Outcome.REFUSED


def _fault(context: FetchContext, target: Target, error: BadResponse) -> FetchResult:
    now, status = context.clock.now(), error.http_status
    return FetchResult(target, Outcome.FAULT, now, (), status, retry_at=error.retry_at)


def _refused(
    context: FetchContext,
    spec: FetchSpec,
    target: Target,
    outcome: Outcome,
    http_status: int | None,
) -> FetchResult:
    """The result of a target that was refused or is ruled out: of its fallback, if it has one.

    Stored rows that are not the fallback's are better than it, and stay.
    """
    fallback = spec.fallback
    if (
        fallback is None
        or outcome not in _MAY_USE_FALLBACK
        or target.stored_source not in (None, fallback.source)
    ):
        return FetchResult(target, outcome, context.clock.now(), (), http_status)
    return _from_fallback(context, fallback, target, outcome, http_status)


def _from_fallback(
    context: FetchContext,
    fallback: Fallback,
    target: Target,
    outcome: Outcome,
    http_status: int | None,
) -> FetchResult:
    """The result of the fallback, unless its rows are stored already and this is no refetch."""
    now = context.clock.now
    # What is not found yet may still appear; what is forbidden will not.
    provisional = outcome is Outcome.NOT_FOUND
    if target.stored_source is not None and target.work_item.reason != Reason.REFETCH:
        stored = Outcome.STORED_VTT
        return FetchResult(target, stored, now(), (), http_status, provisional=provisional)
    try:
        items = fallback.request(context.webex, target)
    except Refused as error:
        if not provisional:
            outcome = Outcome.FORBIDDEN if isinstance(error, Forbidden) else Outcome.NO_VTT
            http_status = error.http_status
        return FetchResult(target, outcome, now(), (), http_status)
    except BadResponse as error:
        return _fault(context, target, error)
    return FetchResult(target, Outcome.FROM_VTT, now(), items, http_status, provisional=provisional)
