"""Tags by which Dagster knows which days a run covers.

Belongs here: writing and reading them. Does not: which days a run should cover (automation.py).
"""

from collections.abc import Mapping
from datetime import date

from meeting_etl.times import Span

_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"


def span_tags(span: Span) -> dict[str, str]:
    """Tags that make a run cover the span."""
    if span.first == span.last:
        return {PARTITION: str(span.first)}
    return {_RANGE_START: str(span.first), _RANGE_END: str(span.last)}


def span_of(tags: Mapping[str, str]) -> Span | None:
    """The days that a run with these tags covers; None when it covers no days."""
    first = tags.get(_RANGE_START) or tags.get(PARTITION)
    last = tags.get(_RANGE_END) or first
    return Span(date.fromisoformat(first), date.fromisoformat(last)) if first and last else None
