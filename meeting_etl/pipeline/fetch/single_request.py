"""One target: its request and the outcome.

Belongs here: which error is which outcome, and when another account is asked. Does not: threads
(request_pool.py), listings of many meetings (windows.py), rows (response_rows.py), what an outcome
makes of the work item (pipeline/ledger/outcomes.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from meeting_etl.errors import (
    ApiUnavailable,
    AuthError,
    BadResponse,
    Forbidden,
    Gone,
    NotFound,
    Prevented,
    Refused,
)
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.spec import FetchSpec, Item, Target
from meeting_etl.pipeline.ledger.work_item import Outcome
from meeting_etl.pipeline.rows import Row, SchemaDrift
from meeting_etl.webex.accounts import Account

_REFUSALS = (
    (Prevented, Outcome.PREVENTED),
    (Forbidden, Outcome.FORBIDDEN),
    (NotFound, Outcome.NOT_FOUND),
    (Gone, Outcome.GONE),
)
_MAY_BE_ALLOWED_TO_OTHERS = frozenset(
    {Outcome.FORBIDDEN, Outcome.NOT_FOUND, Outcome.LIST_NOT_FOUND}
)


@dataclass(frozen=True)
class FetchResult:
    """What one target's request returned, and when.

    `outcome` is what the response says, first by itself and then by the `rows` that its items
    become (response_rows.py). `from_window`: a listing of many meetings answered, and it shows
    nothing from `covered_until` on if that is given. `account` got the response. `retry_at`: after
    a fault, the moment before which the response said not to try again.
    """

    target: Target
    outcome: Outcome
    at: datetime
    account: Account | None = None
    items: Sequence[Item] = ()
    http_status: int | None = None
    from_window: bool = False
    covered_until: datetime | None = None
    retry_at: datetime | None = None
    rows: list[Row] = field(default_factory=list)
    drift: SchemaDrift = field(default_factory=SchemaDrift)


def request_one(
    context: FetchContext, spec: FetchSpec, target: Target, first: Account
) -> FetchResult:
    """The result of one target, from the first account that is not refused; `first` is asked first.

    A refusal is the result only when all accounts that may read it were asked. Raises only what
    ends the whole run, which AuthError and ApiUnavailable do when no account is left.
    """
    accounts, resource, meeting = context.accounts, spec.resource, target.meeting
    refusal, left_out = None, None
    for account in accounts.in_turn(resource, meeting, first):
        if account in accounts.set_aside:
            left_out = Outcome.SET_ASIDE
        elif accounts.lacks(account, resource):
            left_out = left_out or Outcome.NOT_REQUESTED
        else:
            try:
                result = _request(context, spec, target, account)
            except (AuthError, ApiUnavailable) as error:
                accounts.put_aside(account, error)
                left_out = Outcome.SET_ASIDE
                continue
            is_refused = result.outcome in _MAY_BE_ALLOWED_TO_OTHERS
            _count(context, spec, account, result)
            is_empty = result.outcome is Outcome.ROWS and not result.items
            if not is_refused and (not is_empty or account.sees_all_of(meeting)):
                return result
            refusal = refusal or result
    if left_out is not None or refusal is None:
        return FetchResult(target, left_out or Outcome.RULED_OUT, context.clock.now())
    return refusal


def _count(context: FetchContext, spec: FetchSpec, account: Account, result: FetchResult) -> None:
    """Count what a response says of the account's scope.

    Not found says nothing of it, nor does a meeting that may be another host's. With a fallback
    every refusal opens one.
    """
    is_forbidden = result.outcome is Outcome.FORBIDDEN
    is_refused = result.outcome in _MAY_BE_ALLOWED_TO_OTHERS
    sees_all = account.sees_all_of(result.target.meeting)
    if not is_refused or (is_forbidden and sees_all and spec.fallback is None):
        context.accounts.count(account, spec.resource, refused=is_refused)


def _request(
    context: FetchContext, spec: FetchSpec, target: Target, account: Account
) -> FetchResult:
    """What one account's request comes to."""
    clock = context.clock
    try:
        listing = spec.request(account.webex, target)
    except Refused as error:
        outcomes = (outcome for kind, outcome in _REFUSALS if isinstance(error, kind))
        outcome = next(outcomes, Outcome.REFUSED)
        if outcome is Outcome.NOT_FOUND and not spec.by_id:
            outcome = Outcome.LIST_NOT_FOUND
        return FetchResult(target, outcome, clock.now(), account, (), error.http_status)
    except BadResponse as error:
        now, status = clock.now(), error.http_status
        return FetchResult(target, Outcome.FAULT, now, account, (), status, retry_at=error.retry_at)
    outcome = Outcome.PARTIAL if listing.broken else Outcome.ROWS
    return FetchResult(target, outcome, clock.now(), account, listing.items, 200)
