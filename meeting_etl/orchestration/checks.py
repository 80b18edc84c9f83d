"""What must be true beside the tables, and when it is looked at.

Belongs here: asset checks, and the job and the schedule that run one by itself. Does not: what a
check looks at (webex/webhook_spec.py, pipeline/reconcile/reconcile.py).
"""

import dagster as dg

from meeting_etl.errors import MeetingEtlError
from meeting_etl.lake.metrics import has_current_metrics
from meeting_etl.orchestration.assets import speaker_metrics, webhook_events
from meeting_etl.orchestration.reconcile_job import last_days, reconciled_meetings
from meeting_etl.orchestration.run_tags import span_of
from meeting_etl.pipeline.reconcile.reconcile import webhook_coverage
from meeting_etl.schemas import TRANSCRIPT_SNIPPETS
from meeting_etl.settings import Etl
from meeting_etl.times import parse_day
from meeting_etl.webex.webhook_spec import WebhookStatus, needing_repair, read_webhook_spec
from meeting_etl.webex.webhook_sync import check_webhooks


@dg.asset_check(
    asset=webhook_events,
    description="Every webhook that `meeting-etl webhooks create` was asked for is there, active "
    "and as it should be: what is not told by webhook is heard of late or never.",
)
def webhooks_registered(etl: dg.ResourceParam[Etl]) -> dg.AssetCheckResult:
    """What `meeting-etl webhooks repair --check` tells."""
    try:
        expected = read_webhook_spec(etl.files)
        if expected is None:
            return dg.AssetCheckResult(passed=True, description="No webhooks are expected.")
        wrong = needing_repair(check_webhooks(etl.webex, expected))
    except MeetingEtlError as error:
        return dg.AssetCheckResult(
            passed=False, description=str(error), metadata={"kind": type(error).__name__}
        )
    if not wrong:
        told = f"All {len(expected.events())} webhooks are there and active."
        return dg.AssetCheckResult(passed=True, description=told)
    # Duplicates tell twice what is kept once; all else loses events.
    only_duplicates = all(finding.status is WebhookStatus.DUPLICATE for finding in wrong)
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN if only_duplicates else dg.AssetCheckSeverity.ERROR,
        description=f"{'; '.join(map(str, wrong))}. `meeting-etl webhooks repair` puts it right.",
        metadata={"unhealthy": [str(finding) for finding in wrong]},
    )


@dg.asset_check(
    asset=reconciled_meetings,
    description="Of the meetings of the reconciled days no more than [reconcile] most_missed_share "
    "were missed by the webhooks.",
)
def webhooks_complete(
    context: dg.AssetCheckExecutionContext, etl: dg.ResourceParam[Etl]
) -> dg.AssetCheckResult:
    """Counts what the lake holds; run by itself, of the two last days. No request."""
    span = span_of(context.run.tags) or last_days(etl)
    try:
        seen = webhook_coverage(etl.lake, span)
    except MeetingEtlError as error:
        return dg.AssetCheckResult(passed=False, description=str(error))
    most = etl.settings.most_missed_share
    told = f"{seen.missed:,} of {seen.meetings:,} meetings of {span} were missed by the webhooks"
    if seen.missed <= most * seen.meetings:
        told += "." if seen.days else ": there are no webhook logs of that time."
        return dg.AssetCheckResult(passed=True, description=told)
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{told}, which is more than {most:.1%}. See `meeting-etl webhooks list` for "
        "webhooks that are missing or switched off, then whether the receiver was up and whether "
        "all of its logs are here.",
        metadata={"meetings": seen.meetings, "missed": seen.missed, "most_missed_share": most},
    )


WEBHOOKS_JOB = dg.define_asset_job(
    "webhooks",
    selection=dg.AssetSelection.checks(webhooks_registered),
    description="Look whether the expected webhooks are there and active; changes nothing.",
)


@dg.schedule(
    job=WEBHOOKS_JOB,
    cron_schedule="7 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Looks every hour whether the expected webhooks are there and active.",
)
def webhooks_hourly(etl: dg.ResourceParam[Etl]) -> dg.RunRequest | dg.SkipReason:
    """One run, where webhooks are expected."""
    if read_webhook_spec(etl.files) is None:
        return dg.SkipReason("No webhooks are expected: `meeting-etl webhooks create` makes them.")
    return dg.RunRequest()


@dg.asset_check(
    asset=speaker_metrics,
    description="The metrics of all days are by today's definition and not older than their words.",
)
def metrics_current(etl: dg.ResourceParam[Etl]) -> dg.AssetCheckResult:
    """Looks at every day that has words; no request."""
    days = filter(None, map(parse_day, etl.lake.partitions(TRANSCRIPT_SNIPPETS)))
    old = [str(day) for day in days if not has_current_metrics(etl.lake, day)]
    if not old:
        return dg.AssetCheckResult(passed=True, description="The metrics of all days are current.")
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"The metrics of {len(old):,} days are by an older definition or older than "
        "their words: materialize speaker_metrics for these days, or run `meeting-etl migrate`.",
        metadata={"days": old},
    )


METRICS_JOB = dg.define_asset_job(
    "metrics",
    selection=dg.AssetSelection.checks(metrics_current),
    description="Look whether the metrics of all days are current; changes nothing.",
)

metrics_nightly = dg.ScheduleDefinition(
    name="metrics_nightly",
    job=METRICS_JOB,
    cron_schedule="45 4 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Looks every night whether the metrics of all days are current.",
)

CHECKS = [webhooks_registered, webhooks_complete, metrics_current]
