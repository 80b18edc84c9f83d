"""The rows of a result, and whether they are all that there is.

Belongs here: rows made of a response's items, and the outcome after looking at them. Does not: how
an item becomes a row (pipeline/resources/), which rows are stored and which they replace
(day_writer.py).
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from meeting_etl.pipeline.deletions.tombstones import is_deleted
from meeting_etl.pipeline.fetch.single_request import FetchResult
from meeting_etl.pipeline.fetch.spec import FetchSpec
from meeting_etl.pipeline.ledger.work_item import Outcome
from meeting_etl.pipeline.rows import Row, SchemaDrift

_LOG = logging.getLogger(__name__)


def with_rows(spec: FetchSpec, result: FetchResult, run_id: str) -> FetchResult:
    """The result with rows in the place of its items."""
    target, drift = result.target, SchemaDrift()
    try:
        ours = {"run_id": run_id, "fetched_at": result.at}
        all_rows = spec.rows(result.items, target, drift, ours)
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        # No response may stop those of other meetings, whatever is in it (rule 6).
        kind = type(error).__name__
        _LOG.warning("%s in a response for meeting %s", kind, target.meeting_id)
        return replace(result, outcome=Outcome.FAULT, items=())
    rows = [row for row in all_rows if all(_is_id(row[key]) for key in spec.table.key)]
    # Rows without an id cannot be stored, and items of other meetings were not requested: then the
    # response is not the whole truth.
    is_whole = len(rows) == len(all_rows) and (bool(all_rows) or not result.items)
    result = replace(result, items=(), rows=rows, drift=drift)
    return _judged(spec, result, is_whole) if result.outcome is Outcome.ROWS else result


def present(spec: FetchSpec, rows: Sequence[Row]) -> Sequence[Row]:
    """Rows of what was not deleted."""
    return [row for row in rows if not is_deleted(row)] if spec.status_by_id else rows


def _judged(spec: FetchSpec, result: FetchResult, is_whole: bool) -> FetchResult:
    """A complete result with the outcome that its rows make of it."""
    rows = present(spec, result.rows)
    if not is_whole:
        return replace(result, outcome=Outcome.PARTIAL)
    if not rows:
        return replace(result, outcome=Outcome.EMPTY)
    return result if spec.is_final(rows) else replace(result, outcome=Outcome.NOT_FINAL)


def _is_id(value: object) -> bool:
    """Whether a value names something: a blank would name all that have no id."""
    return bool(value.strip()) if isinstance(value, str) else value is not None
