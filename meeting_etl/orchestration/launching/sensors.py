"""When runs start by themselves: the sensors, and the schedule of ingest.

Belongs here: what makes them launch a run, and why a tick launches none. Does not: which days a run
covers (day_spans.py), pauses (launch_pauses.py), what is due (pipeline/ledger/ledger.py), the
nightly and hourly schedules (orchestration/schedules.py).
"""

import hashlib
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import dagster as dg

from meeting_etl.errors import SettingsError
from meeting_etl.lake.lake import INGEST_LOCK
from meeting_etl.orchestration.jobs import DAYS_JOB, FILES_JOB, INGEST_AND_DAYS_JOB, INGEST_JOB
from meeting_etl.orchestration.launching.day_spans import (
    active_runs,
    busy_days,
    first_partition_of,
    first_recent_day,
    launchable_spans,
    partition_days,
)
from meeting_etl.orchestration.launching.launch_pauses import (
    INGEST_JOBS,
    next_ingest_at,
    request_tag,
    requested_at,
    webex_pause_reason,
)
from meeting_etl.orchestration.run_tags import RUN_KEY, span_of, span_tags
from meeting_etl.pipeline.auto_record.created_meetings import undecided_meetings
from meeting_etl.pipeline.ingest.ingest import logs_to_ingest
from meeting_etl.pipeline.ledger.token_history import is_recorded
from meeting_etl.pipeline.reconcile.recordings_without_meeting import has_due_recordings
from meeting_etl.settings import Etl
from meeting_etl.times import Span, format_timestamp, round_up, utc_day

_QUARTER_HOUR = timedelta(minutes=15)
# After an ingest was requested, runs of days wait this long: its news may make more days due.
_INGEST_COMES_FIRST = timedelta(seconds=60)

Launches = Iterator[dg.RunRequest | dg.SkipReason]


@dg.sensor(
    jobs=[INGEST_JOB, DAYS_JOB, INGEST_AND_DAYS_JOB],
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Launches a run that ingests new lines when a webhook log is new or has changed, "
    "and fetches the newest due days in the same run. Launches further runs for all other days "
    "with due work.",
)
def due_work(context: dg.SensorEvaluationContext, etl: dg.ResourceParam[Etl]) -> Launches:
    """One run that ingests new lines, or else one run for each span of due days.

    It has no cursor: due work is in the lake. Days that an active run covers are skipped.
    """
    instance, now = context.instance, etl.clock.now()
    runs = active_runs(instance, etl)
    ingests = [run for run in runs if run.job_name in INGEST_JOBS]
    next_at = next_ingest_at(instance, etl)
    if any(_has_just_begun(run, now) for run in ingests):
        yield dg.SkipReason("Ingest has just begun: runs of days wait for its news.")
        return
    is_ingesting = etl.state.is_locked(INGEST_LOCK)
    if is_ingesting or any(run.job_name == INGEST_JOB.name for run in ingests):
        ingest_state = "Ingest is running."
    elif next_at is not None and now < next_at:
        ingest_state = f"The logs are checked again at {format_timestamp(next_at)}."
    elif logs_to_ingest(etl.logs, etl.lake):
        yield _ingest_request(instance, etl, _span_beside_ingest(context, etl, runs))
        return
    else:
        ingest_state = "No log has new lines."
    yield from _launch_days(context, etl, DAYS_JOB.name, etl.ledger.due_days(), runs, ingest_state)


@dg.sensor(
    job=FILES_JOB,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Launches runs that download recordings, for the days that have any to download.",
)
def due_files(context: dg.SensorEvaluationContext, etl: dg.ResourceParam[Etl]) -> Launches:
    """One run for each span of days with due downloads; other runs may work on the same days."""
    runs = active_runs(context.instance, etl)
    yield from _launch_days(context, etl, FILES_JOB.name, etl.due_downloads(), runs)


@dg.schedule(
    job=INGEST_JOB,
    cron_schedule="*/15 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every 15 minutes, launches ingest if it has work that the sensor does not notice: "
    "new lines in old logs, another access token, retries of auto-record and of recordings whose "
    "meeting is unknown.",
)
def every_quarter_hour(
    context: dg.ScheduleEvaluationContext, etl: dg.ResourceParam[Etl]
) -> dg.RunRequest | dg.SkipReason:
    """One ingest, or the reason for none."""
    runs = active_runs(context.instance, etl)
    if any(run.job_name in INGEST_JOBS for run in runs):
        return dg.SkipReason("Ingest is running.")
    next_at = next_ingest_at(context.instance, etl)
    now = etl.clock.now()
    if next_at is not None and now < next_at:
        return dg.SkipReason(
            f"The last ingest was too recent; next at {format_timestamp(next_at)}."
        )
    if next_at is not None and now - next_at < _QUARTER_HOUR and logs_to_ingest(etl.logs, etl.lake):
        # The sensor ingests them in one run with the days. After a quarter hour it must be off.
        return dg.SkipReason("The sensor due_work ingests the new lines.")
    if logs_to_ingest(etl.logs, etl.lake, whole=True) or _has_more_to_do(etl):
        return _ingest_request(context.instance, etl, None)
    return dg.SkipReason("No log has new lines, and nothing else is due.")


def _has_just_begun(run: dg.DagsterRun, now: datetime) -> bool:
    at = requested_at(run.tags)
    return at is not None and now - at < _INGEST_COMES_FIRST


def _ingest_request(instance: dg.DagsterInstance, etl: Etl, span: Span | None) -> dg.RunRequest:
    """An ingest, with the work of a span if any. By its run key, a repeated tick launches none."""
    latest = [
        run_id
        for job in INGEST_JOBS
        for run_id in instance.get_run_ids(dg.RunsFilter(job_name=job), limit=1)
    ]
    return dg.RunRequest(
        run_key=f"{INGEST_JOB.name}/after {' '.join(latest)}",
        job_name=INGEST_AND_DAYS_JOB.name if span else INGEST_JOB.name,
        tags=request_tag(etl) | (span_tags(span) if span else {}),
    )


def _span_beside_ingest(
    context: dg.SensorEvaluationContext, etl: Etl, runs: list[dg.DagsterRun]
) -> Span | None:
    """The newest due days and today, which most new lines are about; None when today is busy."""
    today = utc_day(etl.clock.now())
    busy = busy_days(runs, newest=first_recent_day(etl))
    if today in busy or webex_pause_reason(context.instance, etl):
        return None
    first = first_partition_of(context.repository_def)
    days = partition_days([*etl.ledger.due_days(), today], etl, first)
    due = [day for day in days if day not in busy]
    return next(launchable_spans(due, busy))


def _has_more_to_do(etl: Etl) -> bool:
    """Whether the assets of the ingest job have work although no log has new lines."""
    now, policy = etl.clock.now(), etl.settings.auto_record
    try:
        is_new_token = not is_recorded(etl.state, etl.token_identity)
    except SettingsError:
        is_new_token = False
    return (
        is_new_token
        or has_due_recordings(etl.files, now)
        or (policy.is_on and bool(undecided_meetings(etl.lake, policy, now, again=False)))
    )


def _launch_days(
    context: dg.SensorEvaluationContext,
    etl: Etl,
    job: str,
    days: list[date],
    runs: list[dg.DagsterRun],
    ingest_state: str = "",
) -> Launches:
    """One run for each span of these days that no active run covers, or why there is none.

    Only one run without a recent day is active at a time: however many stretches of old days are
    due, recent days find room in the queue.
    The run key changes with any news for these days and every quarter hour, so that a span whose
    run failed is tried again, but not every 30 seconds.
    """
    instance, first = context.instance, first_partition_of(context.repository_def)
    busy = busy_days(runs, newest=first_recent_day(etl), files=job == FILES_JOB.name)
    due = [day for day in partition_days(days, etl, first) if day not in busy]
    reasons = [ingest_state] if ingest_state else []
    if any(day < first for day in days):
        reasons.append(_before_partitions(min(days), first))
    requests: list[dg.RunRequest | dg.SkipReason] = []
    if not due:
        reasons.append("No day has due work that is not running already.")
    elif pause_reason := webex_pause_reason(instance, etl):
        reasons.append(pause_reason)
    else:
        recent = first_recent_day(etl)
        has_old = any(_is_old(span_of(run.tags), recent) for run in runs if run.job_name == job)
        for span in launchable_spans(due, busy):
            if _is_old(span, recent) and has_old:
                reasons.append(f"{span} waits for the run of other old days.")
                break
            request = _request(etl, job, span, [day for day in due if day in span])
            same_key = dg.RunsFilter(tags={RUN_KEY: str(request.run_key)})
            earlier = instance.get_runs(same_key, limit=1)
            if earlier:
                reasons.append(_next_try(earlier[0], span, etl))
            else:
                requests.append(request)
                has_old = has_old or _is_old(span, recent)
    yield from requests or [dg.SkipReason(" ".join(reasons))]


def _before_partitions(day: date, first: date) -> str:
    """What to do about due days that are no partitions of the loaded definitions."""
    return (
        f"{day} has due work but is before {first}, the first partition: reload the code location, "
        "or set [partitions] first_day to an earlier day."
    )


def _is_old(span: Span | None, first_recent: date) -> bool:
    """Whether a span has no recent day."""
    return span is not None and span.last < first_recent


def _request(etl: Etl, job: str, span: Span, due: list[date]) -> dg.RunRequest:
    quarter = round_up(etl.clock.now(), _QUARTER_HOUR)
    due_texts = sorted(f"{day}+{_due_text(etl, day)}" for day in due)
    news_digest = hashlib.sha256("/".join(due_texts).encode()).hexdigest()[:16]
    return dg.RunRequest(
        run_key=f"{job}/{span}/{news_digest}/{quarter}",
        job_name=job,
        tags=span_tags(span) | request_tag(etl),
    )


def _due_text(etl: Etl, day: date) -> str:
    due = etl.ledger.due_day(day)
    return f"{due.due_at}+{due.version}"


def _next_try(run: dg.DagsterRun, span: Span, etl: Etl) -> str:
    """What became of the last run of a span, and when the next one starts."""
    ended = "failed" if run.status == dg.DagsterRunStatus.FAILURE else "left due work"
    next_at = format_timestamp(round_up(etl.clock.now(), _QUARTER_HOUR))
    return f"Run {run.run_id[:8]} of {span} {ended}; next try at {next_at}."
