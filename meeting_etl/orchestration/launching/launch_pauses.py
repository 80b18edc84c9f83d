"""When the sensors and the schedule launch nothing: pauses between ingests, and pauses for Webex.

Belongs here: the pause between two ingests, a refused token, a Retry-After. Does not: what is due
(sensors.py), the tag of a refused token (orchestration/refused_token.py).
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import dagster as dg

from meeting_etl.orchestration.jobs import DAYS_JOB, INGEST_AND_DAYS_JOB, INGEST_JOB
from meeting_etl.orchestration.ownership import named
from meeting_etl.orchestration.refused_token import refused_until
from meeting_etl.orchestration.run_tags import REQUESTED_AT_TAG, span_of
from meeting_etl.settings import Etl
from meeting_etl.times import format_timestamp, parse_timestamp, round_up, utc_day

QUARTER_HOUR = timedelta(minutes=15)
# An ingest launched this soon after the previous pause counts as in a row: lines keep arriving.
_IN_A_ROW = QUARTER_HOUR
# The tenth ingest in a row already has the longest pause.
_LATEST_INGESTS = 12
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def ingest_jobs(etl: Etl) -> tuple[str, str]:
    """The names of the jobs that read the logs."""
    return named(etl, INGEST_JOB.name), named(etl, INGEST_AND_DAYS_JOB.name)


def request_tag(etl: Etl) -> dict[str, str]:
    """The tag that says when a run is requested, set to now."""
    return {REQUESTED_AT_TAG: format_timestamp(etl.clock.now())}


def requested_at(tags: Mapping[str, str]) -> datetime | None:
    """When a run with these tags was requested; None for a run started by hand."""
    at = tags.get(REQUESTED_AT_TAG)
    return parse_timestamp(at) if at else None


def next_ingest_at(instance: dg.DagsterInstance, etl: Etl) -> datetime | None:
    """When the next ingest may be launched; None when there was none yet.

    The pause is [ingest] at_most_every_seconds. While lines keep arriving, or a failing ingest
    leaves them unread, the pause doubles up to a quarter hour: a busy day then has some tens of
    runs, and a full disk is not written to every minute. Long pauses end on a quarter hour, when
    the days have due work as well. If a run of today's work comes first, the pause ends a quarter
    hour later, so that each quarter hour has one run. What a wrong clock requested in the
    future does not count.
    """
    now = etl.clock.now()
    least = timedelta(seconds=etl.settings.ingest_at_most_every_seconds)
    most = max(least, QUARTER_HOUR)
    pause, next_at, is_long = least, None, False
    requested = filter(None, (requested_at(run.tags) for run in _latest_ingests(instance, etl)))
    for at in sorted(at for at in requested if at <= now):
        in_a_row = next_at is not None and at <= next_at + _IN_A_ROW
        pause = min(2 * pause, most) if in_a_row else least
        is_long = least < pause == QUARTER_HOUR
        next_at = _end_of_long_pause(at) if is_long else at + pause
    if next_at is not None and is_long:
        worked_at = _last_work_of(instance, etl, utc_day(now))
        if worked_at and next_at <= worked_at < next_at + QUARTER_HOUR:
            return _end_of_long_pause(worked_at)
    return next_at


def _end_of_long_pause(begins_at: datetime) -> datetime:
    return round_up(begins_at + QUARTER_HOUR / 2, QUARTER_HOUR)


def _latest_ingests(instance: dg.DagsterInstance, etl: Etl) -> list[dg.DagsterRun]:
    return [
        run
        for job in ingest_jobs(etl)
        for run in instance.get_runs(dg.RunsFilter(job_name=job), limit=_LATEST_INGESTS)
    ]


def _last_work_of(instance: dg.DagsterInstance, etl: Etl, day: date) -> datetime | None:
    """When the newest run of the job `days` was requested, if it covers the day."""
    for run in instance.get_runs(dg.RunsFilter(job_name=named(etl, DAYS_JOB.name)), limit=1):
        span = span_of(run.tags)
        return requested_at(run.tags) if span and day in span else None
    return None


def webex_pause_reason(instance: dg.DagsterInstance, etl: Etl) -> str | None:
    """Why no request may be sent to Webex now, and until when; None when requests may be sent."""
    if (paused_until := etl.paused_until) is not None:
        return f"Webex asked for no requests before {format_timestamp(paused_until)}."
    # Runs of `meeting-etl run` count too: one that succeeds ends the pause.
    records = [
        record
        for job in (DAYS_JOB, INGEST_AND_DAYS_JOB)
        for record in instance.get_run_records(
            dg.RunsFilter(job_name=named(etl, job.name), statuses=_ENDED), limit=1
        )
    ]
    newest = max(records, key=lambda record: record.create_timestamp, default=None)
    if newest and (until := refused_until(newest.dagster_run.tags, etl)):
        return (
            "Webex refuses the access token: set another one, or run `meeting-etl doctor` to see "
            f"why. Next attempt at {format_timestamp(until)}."
        )
    return None
