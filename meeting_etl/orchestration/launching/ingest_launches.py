"""The request of an ingest, and the schedule that makes it where the sensor notices nothing.

Belongs here: the schedule every_quarter_hour, the run of an ingest. Does not: new lines of the
newest logs (sensors.py), pauses (launch_pauses.py), the nightly and hourly schedules
(orchestration/schedules.py).
"""

from collections.abc import Sequence

import dagster as dg

from meeting_etl.errors import SettingsError
from meeting_etl.orchestration.jobs import INGEST_AND_DAYS_JOB, INGEST_JOB
from meeting_etl.orchestration.launching.day_spans import active_runs
from meeting_etl.orchestration.launching.launch_pauses import (
    QUARTER_HOUR,
    ingest_jobs,
    next_ingest_at,
    request_tag,
)
from meeting_etl.orchestration.ownership import named
from meeting_etl.orchestration.run_tags import NEW_FILES_TAG, span_tags
from meeting_etl.settings import Etl
from meeting_etl.times import Span, format_timestamp


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
    from meeting_etl.pipeline.ingest.ingest import logs_to_ingest

    runs = active_runs(context.instance, etl)
    if any(run.job_name in ingest_jobs(etl) for run in runs):
        return dg.SkipReason("Ingest is running.")
    next_at = next_ingest_at(context.instance, etl)
    now = etl.clock.now()
    if next_at is not None and now < next_at:
        return dg.SkipReason(
            f"The last ingest was too recent; next at {format_timestamp(next_at)}."
        )
    if next_at is not None and now - next_at < QUARTER_HOUR and logs_to_ingest(etl.logs, etl.lake):
        # The sensor ingests them in one run with the days. After a quarter hour it must be off.
        return dg.SkipReason("The sensor due_work ingests the new lines.")
    new_logs = logs_to_ingest(etl.logs, etl.lake, whole=True)
    if new_logs or _has_more_to_do(etl):
        return ingest_request(context.instance, etl, None, new_logs)
    return dg.SkipReason("No log has new lines, and nothing else is due.")


def ingest_request(
    instance: dg.DagsterInstance, etl: Etl, span: Span | None, new_logs: Sequence[str]
) -> dg.RunRequest:
    """An ingest, with the work of a span if any. By its run key, a repeated tick launches none."""
    from meeting_etl.webhook_logs.segmented_logs import is_segmented

    files = sum(not is_segmented(name) for name in new_logs)
    seen = {NEW_FILES_TAG: str(files)} if files else {}
    latest = [
        run_id
        for job in ingest_jobs(etl)
        for run_id in instance.get_run_ids(dg.RunsFilter(job_name=job), limit=1)
    ]
    return dg.RunRequest(
        run_key=f"{named(etl, INGEST_JOB.name)}/after {' '.join(latest)}",
        job_name=named(etl, (INGEST_AND_DAYS_JOB if span else INGEST_JOB).name),
        tags=request_tag(etl) | seen | (span_tags(span) if span else {}),
    )


def _has_more_to_do(etl: Etl) -> bool:
    """Whether the assets of the ingest job have work although no log has new lines."""
    from meeting_etl.pipeline.auto_record.created_meetings import undecided_meetings
    from meeting_etl.pipeline.ledger.token_history import are_recorded
    from meeting_etl.pipeline.reconcile.recordings_without_meeting import has_due_recordings

    now, policy = etl.clock.now(), etl.settings.auto_record
    try:
        is_new_token = not are_recorded(etl.state, etl.token_identities)
    except SettingsError:
        is_new_token = False
    return (
        is_new_token
        or has_due_recordings(etl.storage, now)
        or (policy.is_on and bool(undecided_meetings(etl.lake, policy, now, again=False)))
    )
