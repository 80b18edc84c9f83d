"""The sensors: when runs start because log lines are new or work is due.

Belongs here: what makes them launch a run, and why a tick launches none. Does not: the runs of due
days (day_requests.py), pauses (launch_pauses.py), what is due (pipeline/ledger/ledger.py), all
schedules (ingest_launches.py, orchestration/schedules.py).
"""

from datetime import date, datetime, timedelta

import dagster as dg

from meeting_etl.orchestration.jobs import DAYS_JOB, FILES_JOB, INGEST_AND_DAYS_JOB, INGEST_JOB
from meeting_etl.orchestration.launching.day_requests import Launches, launch_days, next_attempt
from meeting_etl.orchestration.launching.day_spans import (
    active_runs,
    busy_days,
    first_partition_of,
    first_recent_day,
    launchable_spans,
    partition_days,
)
from meeting_etl.orchestration.launching.failed_ticks import FailedTicks
from meeting_etl.orchestration.launching.ingest_launches import ingest_request
from meeting_etl.orchestration.launching.launch_pauses import (
    ingest_jobs,
    next_ingest_at,
    requested_at,
    webex_pause_reason,
)
from meeting_etl.orchestration.ownership import named
from meeting_etl.settings import Etl
from meeting_etl.times import Span, format_timestamp, utc_day

# Each tick costs the daemon 0.1 s of CPU: for fifty tenants every 5 s that would be a whole core.
_TENANTS_SECONDS = 30
# After an ingest was requested, runs of days wait this long: its news may make more days due.
_INGEST_COMES_FIRST = timedelta(seconds=60)


def due_work_sensor(etl: Etl) -> dg.SensorDefinition:
    """The sensor `due_work`.

    It gets no resource: for one, Dagster would open the instance at every tick, which is nearly all
    that a tick without news would cost.
    """
    failed_ticks = FailedTicks(etl.clock)

    @dg.sensor(
        name=named(etl, "due_work"),
        jobs=[INGEST_JOB, DAYS_JOB, INGEST_AND_DAYS_JOB],
        minimum_interval_seconds=_TENANTS_SECONDS if etl.tenant else 5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Launches a run that ingests new lines when a webhook log is new or has "
        "changed, and fetches the newest due days in the same run. Launches further runs for all "
        "other days with due work.",
    )
    def due_work(context: dg.SensorEvaluationContext) -> Launches:
        yield from failed_ticks.explained(lambda: _launch_due_work(context, etl))

    return due_work


def due_files_sensor(etl: Etl) -> dg.SensorDefinition:
    """The sensor `due_files`."""
    failed_ticks = FailedTicks(etl.clock)

    @dg.sensor(
        name=named(etl, "due_files"),
        job=FILES_JOB,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Launches runs that download recordings, for the days that have any to "
        "download.",
    )
    def due_files(context: dg.SensorEvaluationContext) -> Launches:
        yield from failed_ticks.explained(lambda: _launch_due_files(context, etl))

    return due_files


def _launch_due_work(context: dg.SensorEvaluationContext, etl: Etl) -> Launches:
    """One run that ingests new lines, or else one run for each span of due days.

    There is no cursor: due work is in the lake. Days that an active run covers are skipped.
    """
    from meeting_etl.lake.writers_locks import INGEST_LOCK
    from meeting_etl.pipeline.ingest.ingest import logs_to_ingest

    new_logs, due = logs_to_ingest(etl.logs, etl.lake), etl.ledger.due_days()
    if not new_logs and not due:
        yield dg.SkipReason(f"No log has new lines. {next_attempt(etl)}")
        return
    instance, now = context.instance, etl.clock.now()
    runs = active_runs(instance, etl)
    ingests = [run for run in runs if run.job_name in ingest_jobs(etl)]
    if any(_has_just_begun(run, now) for run in ingests):
        yield dg.SkipReason("Ingest has just begun: runs of days wait for its news.")
        return
    next_at = next_ingest_at(instance, etl)
    is_ingesting = etl.state.is_locked(INGEST_LOCK)
    if is_ingesting or any(run.job_name == named(etl, INGEST_JOB.name) for run in ingests):
        ingest_state = "Ingest is running."
    elif not new_logs:
        ingest_state = "No log has new lines."
    elif next_at is not None and now < next_at:
        ingest_state = f"New lines are ingested at {format_timestamp(next_at)}."
    else:
        span = _span_beside_ingest(context, etl, due, runs)
        yield ingest_request(instance, etl, span, new_logs)
        return
    yield from launch_days(context, etl, DAYS_JOB.name, due, runs, ingest_state)


def _launch_due_files(context: dg.SensorEvaluationContext, etl: Etl) -> Launches:
    """The runs of each span of days with due downloads; other runs may work on the same days."""
    due = etl.due_downloads()
    if not due:
        yield dg.SkipReason("No download is due.")
        return
    runs = active_runs(context.instance, etl)
    yield from launch_days(context, etl, FILES_JOB.name, due, runs)


def _has_just_begun(run: dg.DagsterRun, now: datetime) -> bool:
    at = requested_at(run.tags)
    return at is not None and timedelta() <= now - at < _INGEST_COMES_FIRST


def _span_beside_ingest(
    context: dg.SensorEvaluationContext, etl: Etl, due: list[date], runs: list[dg.DagsterRun]
) -> Span | None:
    """The newest due days, with yesterday and today, which most new lines are about.

    None when today is busy.
    """
    today = utc_day(etl.clock.now())
    busy = busy_days(runs, etl, newest=first_recent_day(etl))
    if today in busy or webex_pause_reason(context.instance, etl):
        return None
    first = first_partition_of(context.repository_def, etl)
    days = partition_days({*due, today - timedelta(days=1), today}, etl, first)
    return next(launchable_spans([day for day in days if day not in busy], busy))
