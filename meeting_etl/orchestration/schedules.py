"""Schedules by the clock alone: what runs every hour and every night.

Belongs here: when they run, and the days that a run covers. Does not: runs that start because work
is due (launching/sensors.py), what the jobs do (jobs.py).
"""

import dagster as dg

from meeting_etl.orchestration.jobs import CHECKS_JOB, MAINTENANCE_JOB, RECONCILE_JOB, WEBHOOKS_JOB
from meeting_etl.orchestration.run_tags import span_tags
from meeting_etl.settings import Etl
from meeting_etl.times import last_days
from meeting_etl.webex.webhook_spec import read_webhook_spec


@dg.schedule(
    job=RECONCILE_JOB,
    cron_schedule="30 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every night, adds meetings of the last two days that have no webhook event.",
)
def reconcile_nightly(etl: dg.ResourceParam[Etl]) -> dg.RunRequest:
    """The last two days in one run: what Webex lists late is found a night later."""
    return dg.RunRequest(tags=span_tags(last_days(etl.clock.now(), 2)))


@dg.schedule(
    job=WEBHOOKS_JOB,
    cron_schedule="7 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every hour, checks that the expected webhooks exist and are active.",
)
def webhooks_hourly(etl: dg.ResourceParam[Etl]) -> dg.RunRequest | dg.SkipReason:
    """One run, if webhooks are expected."""
    if read_webhook_spec(etl.state) is None:
        return dg.SkipReason(
            "No webhooks are expected: run `meeting-etl webhooks create` to register some."
        )
    return dg.RunRequest()


@dg.schedule(
    job=CHECKS_JOB,
    cron_schedule="45 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every night, checks the tables of the last 7 days.",
)
def checks_nightly(etl: dg.ResourceParam[Etl]) -> dg.RunRequest:
    """Yesterday and the six days before in one run."""
    return dg.RunRequest(tags=span_tags(last_days(etl.clock.now(), 7)))


@dg.schedule(
    job=MAINTENANCE_JOB,
    cron_schedule="15 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every night, removes runs older than [retention] dagster_runs, and successful "
    "runs of sensors and schedules older than [retention] routine_runs; rows and files older than "
    "[retention] says of them; and temporary files that killed processes left.",
)
def maintenance_nightly() -> dg.RunRequest:
    """One run."""
    return dg.RunRequest()


SCHEDULES = [reconcile_nightly, webhooks_hourly, maintenance_nightly, checks_nightly]
