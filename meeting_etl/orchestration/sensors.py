"""When runs start by themselves: the sensors and the schedule of ingest.

Belongs here: what makes them launch a run, and what a tick that launches none says. Does not: which
days a run covers (day_spans.py), until when nothing is launched (launch_pauses.py), what is due
(pipeline/ledger/ledger.py), the nightly and hourly schedules (reconcile_job.py, run_retention.py,
checks.py).
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

import dagster as dg

from meeting_etl.errors import SettingsError
from meeting_etl.lake.lake import INGEST_LOCK
from meeting_etl.orchestration.day_spans import (
    active_runs,
    busy_days,
    first_recent_day,
    launchable_spans,
    partition_days,
)
from meeting_etl.orchestration.jobs import DAYS_JOB, FILES_JOB, INGEST_AND_DAYS_JOB, INGEST_JOB
from meeting_etl.orchestration.launch_pauses import (
    INGEST_JOBS,
    next_ingest_at,
    requested,
    requested_at,
    webex_pause_reason,
)
from meeting_etl.orchestration.run_tags import PAST_TAG, PRIORITY, RUN_KEY, span_tags
from meeting_etl.pipeline.auto_record.created_meetings import undecided_meetings
from meeting_etl.pipeline.ingest.ingest import logs_to_ingest
from meeting_etl.pipeline.ledger.token_history import is_noted
from meeting_etl.pipeline.reconcile.recordings_without_meeting import has_due_recordings
from meeting_etl.settings import Etl
from meeting_etl.times import Span, format_timestamp, round_up, utc_day

_QUARTER_HOUR = timedelta(minutes=15)
# So long the days wait for an ingest that has begun: what it reads may make more of them due.
_INGEST_COMES_FIRST = timedelta(seconds=60)

Launches = Iterator[dg.RunRequest | dg.SkipReason]


@dg.sensor(
    jobs=[INGEST_JOB, DAYS_JOB, INGEST_AND_DAYS_JOB],
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Launches ingest when a webhook log has grown, moved or is new, in one run with "
    "the newest due days, and runs for all other days that have due work.",
)
def due_work(context: dg.SensorEvaluationContext, etl: dg.ResourceParam[Etl]) -> Launches:
    """One run that reads what is new, or one run a span of due days.

    No cursor: what is due is in the lake. Days that an active run covers are left alone.
    """
    instance, now = context.instance, etl.clock.now()
    runs = active_runs(instance, etl)
    reading = [run for run in runs if run.job_name in INGEST_JOBS]
    next_at = next_ingest_at(instance, etl)
    if any(_has_just_begun(run, now) for run in reading):
        yield dg.SkipReason("Ingest has just begun: the days wait for what it reads.")
        return
    is_reading = etl.files.is_locked(INGEST_LOCK)
    if is_reading or any(run.job_name == INGEST_JOB.name for run in reading):
        said = "Ingest is under way."
    elif next_at is not None and now < next_at:
        said = f"The logs are looked at again at {format_timestamp(next_at)}."
    elif logs_to_ingest(etl.logs, etl.lake):
        yield _ingest_request(instance, etl, _span_beside_ingest(instance, etl, runs))
        return
    else:
        said = "No log has new lines."
    yield from _of_days(instance, etl, DAYS_JOB.name, etl.ledger.due_days(), runs, said)


@dg.sensor(
    job=FILES_JOB,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Launches downloads of the days that have recordings to download.",
)
def due_files(context: dg.SensorEvaluationContext, etl: dg.ResourceParam[Etl]) -> Launches:
    """One run a span of days with due downloads; it keeps no other run from its days."""
    runs = active_runs(context.instance, etl)
    yield from _of_days(context.instance, etl, FILES_JOB.name, etl.due_downloads(), runs)


@dg.schedule(
    job=INGEST_JOB,
    cron_schedule="*/15 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Launches ingest every 15 minutes when it has something to do that no new line "
    "tells the sensor of: old logs that were added to, another token, attempts that are due again.",
)
def every_quarter_hour(
    context: dg.ScheduleEvaluationContext, etl: dg.ResourceParam[Etl]
) -> dg.RunRequest | dg.SkipReason:
    """One ingest, or the reason for none."""
    runs = active_runs(context.instance, etl)
    if any(run.job_name in INGEST_JOBS for run in runs):
        return dg.SkipReason("Ingest is under way.")
    next_at = next_ingest_at(context.instance, etl)
    now = etl.clock.now()
    if next_at is not None and now < next_at:
        return dg.SkipReason(f"The last ingest is too recent: next {format_timestamp(next_at)}.")
    if next_at is not None and now - next_at < _QUARTER_HOUR and logs_to_ingest(etl.logs, etl.lake):
        # In one run with the days; unless nobody has it running, which a quarter hour shows.
        return dg.SkipReason("The new lines are for the sensor due_work.")
    if logs_to_ingest(etl.logs, etl.lake, whole=True) or _has_more_to_do(etl):
        return _ingest_request(context.instance, etl, None)
    return dg.SkipReason("No log has new lines, and nothing else is due.")


def _has_just_begun(run: dg.DagsterRun, now: datetime) -> bool:
    at = requested_at(run.tags)
    return at is not None and now - at < _INGEST_COMES_FIRST


def _ingest_request(instance: dg.DagsterInstance, etl: Etl, span: Span | None) -> dg.RunRequest:
    """One ingest after the latest, and the work of a span: a tick that comes twice launches one."""
    latest = [
        run_id
        for job in INGEST_JOBS
        for run_id in instance.get_run_ids(dg.RunsFilter(job_name=job), limit=1)
    ]
    return dg.RunRequest(
        run_key=f"{INGEST_JOB.name}/after {' '.join(latest)}",
        job_name=INGEST_AND_DAYS_JOB.name if span else INGEST_JOB.name,
        tags=requested(etl) | (span_tags(span) if span else {}),
    )


def _span_beside_ingest(
    instance: dg.DagsterInstance, etl: Etl, runs: list[dg.DagsterRun]
) -> Span | None:
    """The newest due days and today, of which new lines mostly are; None when these are busy."""
    today = utc_day(etl.clock.now())
    busy = busy_days(runs, newest=first_recent_day(etl))
    if today in busy or webex_pause_reason(instance, etl):
        return None
    due = [day for day in partition_days([*etl.ledger.due_days(), today], etl) if day not in busy]
    return next(launchable_spans(due, busy))


def _has_more_to_do(etl: Etl) -> bool:
    """Whether ingest has work beside the logs; see the assets of the job."""
    now, policy = etl.clock.now(), etl.settings.auto_record
    try:
        is_other_token = not is_noted(etl.files, etl.token_identity)
    except SettingsError:
        is_other_token = False
    return (
        is_other_token
        or has_due_recordings(etl.files, now)
        or (policy.is_on and bool(undecided_meetings(etl.lake, policy, now, again=False)))
    )


def _of_days(
    instance: dg.DagsterInstance,
    etl: Etl,
    job: str,
    days: Iterable[date],
    runs: list[dg.DagsterRun],
    said: str = "",
) -> Launches:
    """One run a span of these days that no active run covers; else why there is none.

    The run key changes with every news of any of its days and each quarter hour, so that a span
    whose run failed is tried again, but not every 30 seconds.
    """
    busy = busy_days(runs, newest=first_recent_day(etl), files=job == FILES_JOB.name)
    due = [day for day in partition_days(days, etl) if day not in busy]
    reasons = [said] if said else []
    requests: list[dg.RunRequest | dg.SkipReason] = []
    if not due:
        reasons.append("No day has due work that is not being done.")
    elif waits := webex_pause_reason(instance, etl):
        reasons.append(waits)
    else:
        for span in launchable_spans(due, busy):
            request = _request(etl, job, span, [day for day in due if day in span])
            tried = instance.get_runs(dg.RunsFilter(tags={RUN_KEY: str(request.run_key)}), limit=1)
            if tried:
                reasons.append(_tried(tried[0], span, etl))
            else:
                requests.append(request)
    yield from requests or [dg.SkipReason(" ".join(reasons))]


def _request(etl: Etl, job: str, span: Span, due: list[date]) -> dg.RunRequest:
    quarter = round_up(etl.clock.now(), _QUARTER_HOUR)
    texts = sorted(f"{day}+{_due_text(etl, day)}" for day in due)
    news_digest = hashlib.sha256("/".join(texts).encode()).hexdigest()[:16]
    past = {PAST_TAG: "true", PRIORITY: "-1"} if span.last < first_recent_day(etl) else {}
    return dg.RunRequest(
        run_key=f"{job}/{span}/{news_digest}/{quarter}",
        job_name=job,
        tags=span_tags(span) | past | requested(etl),
    )


def _due_text(etl: Etl, day: date) -> str:
    due = etl.ledger.due_day(day)
    return f"{due.due_at}+{due.version}"


def _tried(run: dg.DagsterRun, span: Span, etl: Etl) -> str:
    """What became of the last try, and when the next one is."""
    ended = "failed" if run.status == dg.DagsterRunStatus.FAILURE else "left work that is due"
    again = format_timestamp(round_up(etl.clock.now(), _QUARTER_HOUR))
    return f"Run {run.run_id[:8]} of {span} {ended}: tried again at {again}."
