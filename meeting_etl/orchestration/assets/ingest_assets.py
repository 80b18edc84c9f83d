"""The assets that work on the webhook logs: `webhook_events` and `auto_record_actions`.

Belongs here: which functions they call, their metadata, and the look-ups that follow an ingest.
Does not: the assets of days (day_assets.py), when runs start (orchestration/launching/sensors.py).
"""

from collections import Counter
from collections.abc import Iterator, Mapping

import dagster as dg

from meeting_etl import schemas
from meeting_etl.errors import ApiUnavailable, AuthError, SettingsError
from meeting_etl.orchestration.assets.materialization import (
    Result,
    publish_catalog,
    report_failures,
)
from meeting_etl.orchestration.assets.table_asset import INGEST, table_spec
from meeting_etl.orchestration.run_tags import NEW_FILES_TAG
from meeting_etl.settings import Etl


@dg.multi_asset(
    name="webhook_events",
    specs=[table_spec(schemas.WEBHOOK_EVENTS, group=INGEST, kinds=("parquet",))],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def webhook_events(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Ingest new bytes of the webhook logs: each line becomes an event or a rejected line."""
    from meeting_etl.lake.leftovers import sweep_leftovers
    from meeting_etl.pipeline.ingest.ingest import ingest

    with report_failures(context, etl):
        sweep_leftovers(etl.lake, etl.files)
        report = ingest(etl.logs, etl.lake, etl.ledger, etl.clock, progress=etl.progress)
        report.notices.extend(_reopen_for_new_token(etl))
        report.notices.extend(_look_up_recordings(etl, context.run.run_id))
        # With news, the run of their days publishes.
        problem = {} if report.days else publish_catalog(context, etl)
        _check_files(etl, context.run.tags)
    context.log.info(
        f"{report.lines:,} lines of {report.logs:,} logs: {report.events:,} events, "
        f"{report.rejected.total():,} rejected; news of {len(report.days):,} days"
    )
    for message in [*report.notices, *report.problems]:
        context.log.warning(message)
    return dg.MaterializeResult(
        metadata={
            "logs": report.logs,
            "lines": report.lines,
            "events": report.events,
            "rejected_lines": report.rejected.total(),
            "rejected": dict(report.rejected),
            "days_with_news": [str(day) for day in sorted(report.days)],
            "notices": report.notices,
            "problems": report.problems,
            **problem,
        }
    )


def _check_files(etl: Etl, tags: Mapping[str, str]) -> None:
    """Raise SettingsError where the machine that launched the run has log files, and this has none.

    Otherwise runs would be launched for them again and again, succeed, and read nothing.
    """
    if (seen := tags.get(NEW_FILES_TAG)) and not etl.logs.has_files():
        raise SettingsError(
            f"Log files with new lines ({seen}) are where the sensors run, but {etl.logs.folder} "
            "of the machine of this run has none, so that they were not read: mount their folder "
            "at this path on every worker, or read them with `meeting-etl run` where they are."
        )


def _reopen_for_new_token(etl: Etl) -> Iterator[str]:
    """Reopen forbidden work items if the access token has changed; do nothing without one."""
    from meeting_etl.pipeline.ledger.token_history import record_tokens

    try:
        tokens = etl.token_identities
    except SettingsError:
        return
    reopened = record_tokens(etl.state, etl.lake, etl.ledger, tokens, etl.clock.now())
    if reopened:
        yield f"What the tokens may read has changed: {reopened:,} work items are fetched again."


def _look_up_recordings(etl: Etl, run_id: str) -> Iterator[str]:
    """Find the meetings of recordings whose events name none; an error does not fail ingest."""
    from meeting_etl.pipeline.reconcile.recordings_without_meeting import (
        has_queued_recordings,
        look_up_recordings,
    )

    if not has_queued_recordings(etl.storage):
        return
    try:
        found = look_up_recordings(etl.fetch_context(run_id))
    except (ApiUnavailable, AuthError, SettingsError) as error:
        yield f"Recordings whose events name no meeting are looked up by a later run. {error}"
        return
    if found:
        yield f"{found:,} recordings whose events name no meeting were looked up by their ids."


@dg.multi_asset(
    name="auto_record_actions",
    specs=[table_spec(schemas.AUTO_RECORD_ACTIONS, "webhook_events", group=INGEST)],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def auto_record_actions(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Switch recording on for created meetings; off unless [auto_record] has lines."""
    from meeting_etl.pipeline.auto_record.auto_record import auto_record

    with report_failures(context, etl):
        try:
            rows = auto_record(
                lambda: etl.accounts,
                etl.lake,
                etl.clock,
                etl.settings.auto_record,
                context.run.run_id,
                progress=etl.progress,
            )
        except SettingsError as error:
            # Ingest works without a token, and with one that cannot change meetings.
            context.log.warning(str(error))
            return dg.MaterializeResult(metadata={"skipped": str(error)})
        problem = publish_catalog(context, etl) if rows else {}
    return dg.MaterializeResult(
        metadata={**Counter(row["result"].value for row in rows), **problem}
    )


INGEST_ASSETS = [webhook_events, auto_record_actions]
