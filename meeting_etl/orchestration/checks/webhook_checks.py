"""Asset checks: whether webhooks are registered and complete.

Belongs here: the verdicts and their sentences. Does not: what is compared (webex/webhook_spec.py,
pipeline/reconcile/reconcile.py), when a check runs by itself (orchestration/schedules.py).
"""

import dagster as dg

from meeting_etl.errors import MeetingEtlError
from meeting_etl.orchestration.assets.ingest_assets import webhook_events
from meeting_etl.orchestration.assets.reconciled_meetings import last_days, reconciled_meetings
from meeting_etl.orchestration.run_tags import span_of
from meeting_etl.pipeline.reconcile.reconcile import webhook_coverage
from meeting_etl.settings import Etl
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
