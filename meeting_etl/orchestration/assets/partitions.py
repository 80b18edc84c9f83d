"""The partitions of day assets: UTC days, from the first one that has data.

Belongs here: which day is the first partition, and giving it to assets. Does not: which days a run
covers (orchestration/launching/day_spans.py).
"""

from datetime import date, timedelta

import dagster as dg
from dagster._core.definitions.definitions_load_context import (
    DefinitionsLoadContext,
    DefinitionsLoadType,
)

from meeting_etl.errors import MeetingEtlError
from meeting_etl.lake.partitions import partitions
from meeting_etl.schemas import FIRST_DAY, MEETINGS
from meeting_etl.settings import Etl
from meeting_etl.times import parse_day, utc_day

_YEAR = timedelta(days=365)
# Every night the last two days are reconciled, also of a new installation.
_RECONCILED = timedelta(days=2)


def days_since(first: date) -> dg.DailyPartitionsDefinition:
    """Every UTC day from `first` to today."""
    return dg.DailyPartitionsDefinition(start_date=str(first), timezone="UTC", end_offset=1)


# Every day on which a meeting can have ended.
DAYS = days_since(FIRST_DAY)


def first_partition(etl: Etl) -> date:
    """The first day that is shown: [partitions] first_day, or the first of which there are data.

    It is the day before yesterday at the latest, and a year ago while there are no data. The
    process of a run takes every day: it may have been requested when other days had data.
    """
    if DefinitionsLoadContext.get().load_type is DefinitionsLoadType.RECONSTRUCTION:
        return FIRST_DAY
    today = utc_day(etl.clock.now())
    try:
        first = etl.settings.first_day or _first_with_data(etl) or today - _YEAR
    except MeetingEtlError:
        first = today - _YEAR  # runs and sensors report what is wrong
    return max(min(first, today - _RECONCILED), FIRST_DAY)


def _first_with_data(etl: Etl) -> date | None:
    """The first day with meetings or with open work; None when there is none."""
    # In a folder, not by the lake, which loads pyarrow.
    in_bucket = etl.settings.bucket is not None
    names = etl.lake.partitions(MEETINGS) if in_bucket else partitions(etl.files, MEETINGS)
    days = filter(None, map(parse_day, names))
    return min([*days, *etl.queue.open_days()], default=None)


def starting_at(spec: dg.AssetSpec, first: date) -> dg.AssetSpec:
    """The asset, with no partition before `first`."""
    return (
        spec.replace_attributes(partitions_def=days_since(first)) if spec.partitions_def else spec
    )
