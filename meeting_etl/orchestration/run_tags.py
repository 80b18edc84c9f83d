"""Tags of runs: the days that a run covers, and what sensors need to know about a run.

Belongs here: the names of tags, writing and reading them. Does not: which days a run should cover
(orchestration/launching/day_spans.py), when a run starts (orchestration/launching/sensors.py).
"""

from collections.abc import Mapping

from meeting_etl.times import Span, parse_day

_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
_DAYS_TAG = "meeting_etl/days"
PARTITION = "dagster/partition"
RUN_KEY = "dagster/run_key"
SENSOR_TAG = "dagster/sensor_name"
SCHEDULE_TAG = "dagster/schedule_name"
# Names the lock that the process of a run_now() holds until it ends.
LOCK_TAG = "meeting_etl/lock"
# Names the lock that the process of a launched run holds; added by that process (run_lock.py).
PROCESS_LOCK_TAG = "meeting_etl/process_lock"
# The tenant whose job it is; dagster.yaml limits the runs of each.
TENANT_TAG = "meeting_etl/tenant"
# Marks runs of downloads, those that share the same days with a value each; dagster.yaml limits
# them, and the runs of each value to one.
DOWNLOADS_TAG = "meeting_etl/downloads"
# Which of Celery's queues a run waits in, where workers execute runs; `dagster` without the tag.
QUEUE_TAG = "dagster-celery/queue"
DOWNLOADS_QUEUE = "downloads"
# When the sensor or the schedule requested the run, by the clock of the pipeline.
REQUESTED_AT_TAG = "meeting_etl/requested_at"

# How many log files with new lines the sensor or the schedule saw on its machine.
NEW_FILES_TAG = "meeting_etl/new_log_files"


def span_tags(span: Span) -> dict[str, str]:
    """Tags that make a run cover the span."""
    if span.first == span.last:
        return {PARTITION: str(span.first)}
    # The list of runs shows no tag of Dagster's that names the days of a range.
    return {_RANGE_START: str(span.first), _RANGE_END: str(span.last), _DAYS_TAG: str(span)}


def downloads_tags(tenant: str, number: int) -> dict[str, str]:
    """Tags of one of the runs that share downloads; the first has those of its job."""
    if number == 1:
        return {}
    return {DOWNLOADS_TAG: f"{tenant}-{number}" if tenant else str(number)}


def span_of(tags: Mapping[str, str]) -> Span | None:
    """The days that a run with these tags covers; None when it covers no days.

    An instance may have runs of others, whose partitions may be anything.
    """
    first_key = tags.get(_RANGE_START) or tags.get(PARTITION) or ""
    first, last = parse_day(first_key), parse_day(tags.get(_RANGE_END) or first_key)
    return Span(first, last) if first and last else None
