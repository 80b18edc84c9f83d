"""Asset checks: whether webhooks are registered and complete.

Belongs here: the verdicts and their sentences. Does not: what is compared (webex/webhook_spec.py,
pipeline/reconcile/reconcile.py), when a check runs by itself (orchestration/schedules.py).
"""

import dagster as dg

from meeting_etl.errors import MeetingEtlError, SettingsError
from meeting_etl.orchestration.assets.ingest_assets import webhook_events
from meeting_etl.orchestration.assets.reconciled_meetings import (
    CANNOT_LIST,
    reconciled_meetings,
)
from meeting_etl.orchestration.checks.verdict import Verdict
from meeting_etl.orchestration.run_tags import span_of
from meeting_etl.pipeline.ledger.work_item import DETAILS
from meeting_etl.settings import Etl
from meeting_etl.settings.connections import owners_of
from meeting_etl.times import Span, last_days
from meeting_etl.webex.webhook_spec import WebhookStatus, read_webhook_spec
from meeting_etl.webex.webhook_sync import check_accounts


@dg.asset_check(
    asset=webhook_events,
    description="Every webhook that `meeting-etl webhooks create` registered still exists at Webex "
    "and is active and unchanged. Events of a missing webhook are lost: their meetings are found "
    "late, by reconciling, or not at all.",
)
def webhooks_registered(etl: dg.ResourceParam[Etl]) -> dg.AssetCheckResult:
    """The same comparison as `meeting-etl webhooks repair --check`."""
    try:
        return _registration_verdict(etl).result()
    except MeetingEtlError as error:
        return Verdict(str(error), {"kind": type(error).__name__}, False, is_error=True).result()


def _registration_verdict(etl: Etl) -> Verdict:
    expected = read_webhook_spec(etl.state)
    if expected is None:
        return Verdict("No webhooks are expected.")
    try:
        accounts = etl.accounts.all
    except SettingsError as error:
        return Verdict(f"Skipped: no token. {error}", passed=False)
    found = check_accounts(accounts, expected, owners_of(etl.connections))
    wrong, sentences = found.wrong(), found.wrong_sentences()
    counts = {"expected": found.expected, "wrong": len(wrong), "unhealthy": sentences}
    if not sentences:
        return Verdict(f"All {found.expected} webhooks are there and active.", counts)
    # Duplicates deliver events twice, which does no harm; everything else loses events.
    loses_events = any(finding.status is not WebhookStatus.DUPLICATE for finding in wrong)
    return Verdict(
        f"{'; '.join(sentences)}. Run `meeting-etl webhooks repair`.",
        counts,
        passed=False,
        is_error=loses_events or bool(found.unusable),
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
    span = span_of(context.run.tags) or last_days(etl.clock.now(), 2)
    try:
        return _coverage_verdict(etl, span).result()
    except MeetingEtlError as error:
        return Verdict(str(error), passed=False, is_error=True).result()


def _coverage_verdict(etl: Etl, span: Span) -> Verdict:
    from meeting_etl.pipeline.reconcile.reconcile import webhook_coverage

    most = etl.settings.most_missed_share
    coverage = webhook_coverage(etl.lake, span)
    counts = {
        "meetings": coverage.meetings,
        "missed": coverage.missed,
        "most_missed_share": most,
    }
    if not coverage.days:
        sentence = f"Not known: there are no webhook logs of {span}."
        return Verdict(sentence, counts, passed=False)
    if all(DETAILS not in account.kind.access.listings for account in etl.settings.accounts):
        return Verdict(f"Not known: {CANNOT_LIST}", counts, passed=False)
    found = f"{coverage.missed:,} of {coverage.meetings:,} meetings of {span} had no webhook event"
    if coverage.missed <= most * coverage.meetings:
        return Verdict(f"{found}.", counts)
    return Verdict(
        f"{found}, which is more than {most:.1%}. Run `meeting-etl webhooks list` to find missing "
        "or inactive webhooks; then check that the receiver was running and that all of its logs "
        "are in the folder.",
        counts,
        passed=False,
        is_error=True,
    )
