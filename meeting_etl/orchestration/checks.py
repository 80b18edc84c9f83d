"""Asset checks: whether webhooks are registered and complete, and metrics current.

Belongs here: the checks, and the jobs and schedules that run one by itself. Does not: what a check
compares (webex/webhook_spec.py, pipeline/reconcile/reconcile.py, lake/metrics.py).
"""

import dagster as dg

from meeting_etl.errors import MeetingEtlError
from meeting_etl.lake.metrics import has_current_metrics
from meeting_etl.orchestration.ingest_assets import webhook_events
from meeting_etl.orchestration.reconcile_job import last_days, reconciled_meetings
from meeting_etl.orchestration.run_tags import span_of
from meeting_etl.pipeline.reconcile.reconcile import webhook_coverage
from meeting_etl.schemas import SPEAKER_METRICS, TRANSCRIPT_SNIPPETS
from meeting_etl.settings import Etl
from meeting_etl.times import parse_day
from meeting_etl.webex.webhook_spec import WebhookStatus, needing_repair, read_webhook_spec
from meeting_etl.webex.webhook_sync import check_webhooks


@dg.asset_check(
    asset=webhook_events,
    description="Every webhook that `meeting-etl webhooks create` registered still exists at Webex "
    "and is active and unchanged. Events of a missing webhook are lost: their meetings are found "
    "late, by reconciling, or not at all.",
)
def webhooks_registered(etl: dg.ResourceParam[Etl]) -> dg.AssetCheckResult:
    """The same comparison as `meeting-etl webhooks repair --check`."""
    try:
        expected = read_webhook_spec(etl.state)
        if expected is None:
            return dg.AssetCheckResult(passed=True, description="No webhooks are expected.")
        wrong = needing_repair(check_webhooks(etl.webex, expected))
    except MeetingEtlError as error:
        return dg.AssetCheckResult(
            passed=False, description=str(error), metadata={"kind": type(error).__name__}
        )
    if not wrong:
        description = f"All {len(expected.events())} webhooks are there and active."
        return dg.AssetCheckResult(passed=True, description=description)
    # Duplicates deliver events twice, which does no harm; everything else loses events.
    only_duplicates = all(finding.status is WebhookStatus.DUPLICATE for finding in wrong)
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN if only_duplicates else dg.AssetCheckSeverity.ERROR,
        description=f"{'; '.join(map(str, wrong))}. Run `meeting-etl webhooks repair`.",
        metadata={"unhealthy": [str(finding) for finding in wrong]},
    )


@dg.asset_check(
    asset=reconciled_meetings,
    description="At most the share [reconcile] most_missed_share of the meetings of the reconciled "
    "days had no webhook event. More means that webhooks or log files are missing.",
)
def webhooks_complete(
    context: dg.AssetCheckExecutionContext, etl: dg.ResourceParam[Etl]
) -> dg.AssetCheckResult:
    """Counts rows of the lake, of the last two days if run by itself; sends no request."""
    span = span_of(context.run.tags) or last_days(etl)
    try:
        coverage = webhook_coverage(etl.lake, span)
    except MeetingEtlError as error:
        return dg.AssetCheckResult(passed=False, description=str(error))
    most = etl.settings.most_missed_share
    found = f"{coverage.missed:,} of {coverage.meetings:,} meetings of {span} had no webhook event"
    if coverage.missed <= most * coverage.meetings:
        found += "." if coverage.days else ": there are no webhook logs of that time."
        return dg.AssetCheckResult(passed=True, description=found)
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{found}, which is more than {most:.1%}. Run `meeting-etl webhooks list` to "
        "find missing or inactive webhooks; then check that the receiver was running and that all "
        "of its logs are in the folder.",
        metadata={
            "meetings": coverage.meetings,
            "missed": coverage.missed,
            "most_missed_share": most,
        },
    )


WEBHOOKS_JOB = dg.define_asset_job(
    "webhooks",
    selection=dg.AssetSelection.checks(webhooks_registered),
    description="Check that the expected webhooks exist and are active; changes nothing.",
)


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


@dg.asset_check(
    asset=SPEAKER_METRICS.name,
    description="The speaker metrics of all days follow the current definition and are not older "
    "than their snippets.",
)
def metrics_current(etl: dg.ResourceParam[Etl]) -> dg.AssetCheckResult:
    """Checks every day that has snippets; sends no request."""
    days = filter(None, map(parse_day, etl.lake.partitions(TRANSCRIPT_SNIPPETS)))
    outdated = [str(day) for day in days if not has_current_metrics(etl.lake, day)]
    if not outdated:
        return dg.AssetCheckResult(passed=True, description="The metrics of all days are current.")
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"The metrics of {len(outdated):,} days follow an older definition or are "
        "older than their snippets: materialize speaker_metrics for these days, or run "
        "`meeting-etl migrate`.",
        metadata={"days": outdated},
    )


METRICS_JOB = dg.define_asset_job(
    "metrics",
    selection=dg.AssetSelection.checks(metrics_current),
    description="Check that the speaker metrics of all days are current; changes nothing.",
)

metrics_nightly = dg.ScheduleDefinition(
    name="metrics_nightly",
    job=METRICS_JOB,
    cron_schedule="45 4 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every night, checks that the speaker metrics of all days are current.",
)

CHECKS = [webhooks_registered, webhooks_complete, metrics_current]
