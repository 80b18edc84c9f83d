"""Until when the sensors and the schedule launch nothing.

Belongs here: the pause between two ingests, a refused token, a Retry-After. Does not: what there is
to do (sensors.py).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import dagster as dg

from meeting_etl.orchestration.jobs import DAYS_JOB, INGEST_AND_DAYS_JOB, INGEST_JOB
from meeting_etl.orchestration.refused_token import refused_until
from meeting_etl.orchestration.run_tags import REQUESTED_AT_TAG
from meeting_etl.settings import Etl
from meeting_etl.times import format_timestamp, parse_timestamp, round_up

_QUARTER_HOUR = timedelta(minutes=15)
# An ingest so soon after the pause of the one before: lines keep coming.
_KEEP_COMING = _QUARTER_HOUR
# By the tenth ingest in a row the pause has its full length.
_LATEST_INGESTS = 12
# Jobs that read the logs.
INGEST_JOBS = (INGEST_JOB.name, INGEST_AND_DAYS_JOB.name)
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def requested(etl: Etl) -> dict[str, str]:
    """The tag of a run that is requested now."""
    return {REQUESTED_AT_TAG: format_timestamp(etl.clock.now())}


def requested_at(tags: Mapping[str, str]) -> datetime | None:
    """When a run with these tags was requested; None for one that somebody started by hand."""
    at = tags.get(REQUESTED_AT_TAG)
    return parse_timestamp(at) if at else None


def next_ingest_at(instance: dg.DagsterInstance, etl: Etl) -> datetime | None:
    """When ingest may be launched again; None when it never was.

    [ingest] at_most_every_seconds after the last one. While lines keep coming, or a failing ingest
    leaves them unread, the pause doubles up to a quarter hour: a busy day is to have some hundred
    runs, and a full disk is not to be written to every minute. The long pauses end with a quarter
    hour, when the days have due work as well.
    """
    least = timedelta(seconds=etl.settings.ingest_at_most_every_seconds)
    most = max(least, _QUARTER_HOUR)
    pause, next_at = least, None
    for at in sorted(filter(None, (requested_at(run.tags) for run in _latest_ingests(instance)))):
        in_a_row = next_at is not None and at <= next_at + _KEEP_COMING
        pause = min(2 * pause, most) if in_a_row else least
        is_long = least < pause == _QUARTER_HOUR
        next_at = round_up(at + pause / 2, _QUARTER_HOUR) if is_long else at + pause
    return next_at


def _latest_ingests(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    return [
        run
        for job in INGEST_JOBS
        for run in instance.get_runs(dg.RunsFilter(job_name=job), limit=_LATEST_INGESTS)
    ]


def webex_pause_reason(instance: dg.DagsterInstance, etl: Etl) -> str | None:
    """Why Webex is not to be asked now, and until when; None when it may be."""
    if (held_until := etl.paused_until()) is not None:
        return f"Webex asks to send nothing before {format_timestamp(held_until)}."
    # Also of `meeting-etl run`: what succeeds there ends the pause.
    records = [
        record
        for job in (DAYS_JOB.name, INGEST_AND_DAYS_JOB.name)
        for record in instance.get_run_records(
            dg.RunsFilter(job_name=job, statuses=_ENDED), limit=1
        )
    ]
    newest = max(records, key=lambda record: record.create_timestamp, default=None)
    if newest and (until := refused_until(newest.dagster_run.tags, etl)):
        return (
            "Webex refuses the access token: set another one, or see what `meeting-etl doctor` "
            f"says. It is tried again at {format_timestamp(until)}."
        )
    return None
