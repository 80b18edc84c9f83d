"""The assets, one for each table: glue between Dagster and the pipeline.

Belongs here: the definition of each asset, which function it calls, its metadata for a day. Does
not: how a day reaches Dagster (materialization.py), when runs start (sensors.py), the steps
themselves (pipeline/).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial

import dagster as dg

from meeting_etl import schemas
from meeting_etl.errors import ApiUnavailable, AuthError, SettingsError
from meeting_etl.lake.leftovers import sweep_leftovers
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.orchestration.materialization import (
    DAYS,
    DayMetadata,
    Metadata,
    Result,
    days_of,
    materialize_days,
    publish_catalog,
    report_failures,
    without_beta_warnings,
)
from meeting_etl.pipeline.auto_record.auto_record import auto_record
from meeting_etl.pipeline.fetch.context import DayReport
from meeting_etl.pipeline.fetch.fetch import fetch
from meeting_etl.pipeline.fetch.spec import FetchSpec
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.pipeline.ledger.newly_enabled import open_newly_enabled
from meeting_etl.pipeline.ledger.token_history import record_token
from meeting_etl.pipeline.ledger.work_item import SLOW
from meeting_etl.pipeline.meetings.fold import FoldReport, fold
from meeting_etl.pipeline.reconcile.recordings_without_meeting import (
    has_queued_recordings,
    look_up_recordings,
)
from meeting_etl.pipeline.resources.details import MEETING_DETAILS
from meeting_etl.pipeline.resources.participants import PARTICIPANTS
from meeting_etl.pipeline.resources.recording_files import recording_files as recording_files_spec
from meeting_etl.pipeline.resources.recordings import RECORDINGS
from meeting_etl.pipeline.resources.snippets import snippets
from meeting_etl.pipeline.resources.summaries import SUMMARIES
from meeting_etl.pipeline.resources.transcript_files import held_vtt
from meeting_etl.pipeline.resources.transcript_files import (
    transcript_files as transcript_files_spec,
)
from meeting_etl.pipeline.resources.transcripts import TRANSCRIPTS
from meeting_etl.pipeline.rows import SchemaDrift
from meeting_etl.schemas import Table
from meeting_etl.settings import Etl

REFETCH_TAG = "meeting_etl/refetch"


def _asset(
    table: Table, *deps: str, daily: bool = True
) -> Callable[[Callable[..., Result]], dg.AssetsDefinition]:
    """The definition that the assets of all tables share."""
    all_columns = [*table.columns, *([table.partition] if table.partition else [])]
    columns = [dg.TableColumn(each.name, str(each.type), each.comment) for each in all_columns]

    def decorate(function: Callable[..., Result]) -> dg.AssetsDefinition:
        with without_beta_warnings():
            return dg.asset(
                name=table.name,
                deps=list(deps),
                partitions_def=DAYS if daily else None,
                backfill_policy=dg.BackfillPolicy.single_run(),
                group_name="meetings" if daily else "webhooks",
                kinds={"parquet"},
                description=table.comment,
                metadata={
                    "dagster/column_schema": dg.TableSchema(columns=columns),
                    "dagster/table_name": table.name,
                },
            )(function)

    return decorate


@_asset(schemas.WEBHOOK_EVENTS, daily=False)
def webhook_events(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Ingest new bytes of the webhook logs: each line becomes an event or a rejected line."""
    with report_failures(context, etl):
        sweep_leftovers(etl.files, etl.clock.now())
        report = ingest(etl.logs, etl.lake, etl.ledger, etl.clock, progress=etl.progress)
        report.notices.extend(_reopen_for_new_token(etl))
        report.notices.extend(_look_up_recordings(etl, context.run.run_id))
        problem = publish_catalog(context, etl)
    for message in [*report.notices, *report.problems]:
        context.log.warning(message)
    return dg.MaterializeResult(
        metadata={
            "logs": report.logs,
            "lines": report.lines,
            "events": report.events,
            "rejected": dict(report.rejected),
            "days_with_news": [str(day) for day in sorted(report.days)],
            "notices": report.notices,
            "problems": report.problems,
            **problem,
        }
    )


def _reopen_for_new_token(etl: Etl) -> Iterator[str]:
    """Reopen forbidden work items if the access token has changed; do nothing without one."""
    try:
        token = etl.token_identity
    except SettingsError:
        return
    reopened = record_token(etl.files, etl.ledger, token, etl.clock.now())
    if reopened:
        yield f"The access token has changed: {reopened:,} forbidden work items are fetched again."


def _look_up_recordings(etl: Etl, run_id: str) -> Iterator[str]:
    """Find the meetings of recordings whose events name none; an error does not fail ingest."""
    if not has_queued_recordings(etl.files):
        return
    try:
        found = look_up_recordings(etl.fetch_context(run_id))
    except (ApiUnavailable, AuthError, SettingsError) as error:
        yield f"Recordings whose events name no meeting are looked up by a later run. {error}"
        return
    if found:
        yield f"{found:,} recordings whose events name no meeting were looked up by their ids."


@_asset(schemas.AUTO_RECORD_ACTIONS, "webhook_events", daily=False)
def auto_record_actions(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Switch recording on for created meetings; off unless [auto_record] has lines."""
    with report_failures(context, etl):
        try:
            rows = auto_record(
                lambda: etl.webex,
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


@_asset(schemas.MEETINGS, "webhook_events")
def meetings(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Fold webhook events into one row for each meeting, and fetch its details."""
    with report_failures(context, etl):
        days, refetch = days_of(context), _refetch(context)
        reports = fold(etl.lake, etl.ledger, days, refetch=refetch)
        folded = {report.day: report for report in reports}

        def fetched_days() -> DayMetadata:
            fetch_context = etl.fetch_context(context.run.run_id)  # fails without a token
            for report in fetch(fetch_context, MEETING_DETAILS, days, refetch=refetch):
                yield _day_metadata(report, folded[report.day])

        return materialize_days(context, etl, fetched_days())


@_asset(schemas.RECORDINGS, "meetings")
def recordings(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Fetch the recordings of each meeting, until the last attempt."""
    return _fetched(context, etl, RECORDINGS)


@_asset(schemas.PARTICIPANTS, "meetings")
def participants(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Fetch the participants of each meeting, until all their times are known."""
    return _fetched(context, etl, PARTICIPANTS)


@_asset(schemas.TRANSCRIPTS, "meetings")
def transcripts(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Fetch the transcripts of each meeting, until the last attempt."""
    return _fetched(context, etl, TRANSCRIPTS)


@_asset(schemas.TRANSCRIPT_FILES, "transcripts")
def transcript_files(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Download VTT and TXT of each transcript; off unless [downloads] has transcripts."""
    return _fetched_if_enabled(
        context, etl, lambda: transcript_files_spec(etl.files, etl.settings.transcript_formats)
    )


@_asset(schemas.RECORDING_FILES, "recordings")
def recording_files(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Download the files of each recording; off unless [downloads] has recordings."""
    return _fetched_if_enabled(
        context, etl, lambda: recording_files_spec(etl.download_context(), etl.settings.downloads)
    )


@_asset(schemas.TRANSCRIPT_SNIPPETS, "transcripts", "transcript_files")
def transcript_snippets(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Fetch the snippets of each transcript, until the first complete response."""
    return _fetched(context, etl, snippets(partial(held_vtt, etl.files)))


@_asset(schemas.MEETING_SUMMARIES, "meetings")
def meeting_summaries(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Fetch the summaries of each meeting; off unless [fetch] summaries is true."""
    return _fetched_if_enabled(context, etl, lambda: SUMMARIES)


@_asset(schemas.SPEAKER_METRICS, "transcript_snippets", "participants")
def speaker_metrics(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Compute the metrics of each speaker from the snippets; a backfill computes them again."""
    with report_failures(context, etl):

        def computed_days() -> DayMetadata:
            for day in days_of(context):
                with etl.lake.lock_days([day]):
                    refresh_metrics(etl.lake, day)
                rows = etl.lake.count(schemas.SPEAKER_METRICS, day)
                yield day, {"rows": rows, "dagster/partition_row_count": rows}

        return materialize_days(context, etl, computed_days())


DAY_ASSETS = [
    meetings,
    recordings,
    participants,
    transcripts,
    transcript_files,
    transcript_snippets,
    meeting_summaries,
    speaker_metrics,
]
# Downloads take hours: they have a job of their own, so that nothing waits for them.
FILE_ASSETS = [recording_files]
INGEST_ASSETS = [webhook_events, auto_record_actions]
ASSETS = [*INGEST_ASSETS, *DAY_ASSETS, *FILE_ASSETS]


def _fetched(context: dg.AssetExecutionContext, etl: Etl, spec: FetchSpec) -> Result:
    """Fetch what is due for one table on the days of the run."""
    with report_failures(context, etl):
        at_once = etl.settings.downloads.at_once if spec.resource in SLOW else None
        fetch_context = etl.fetch_context(context.run.run_id, at_once)
        reports = fetch(fetch_context, spec, days_of(context), refetch=_refetch(context))
        return materialize_days(context, etl, (_day_metadata(report) for report in reports))


def _fetched_if_enabled(
    context: dg.AssetExecutionContext,
    etl: Etl,
    spec: Callable[[], FetchSpec],
) -> Result:
    """Fetch what is due for an optional table on the days of the run, if it is switched on."""
    resource = context.asset_key.path[-1]
    with report_failures(context, etl):
        if resource not in etl.switched_on:
            how = "Switch it on in the file that MEETING_ETL_SETTINGS names."
            return dg.MaterializeResult(metadata={"switched_off": how})
        open_newly_enabled(etl.lake, etl.ledger, days_of(context), [resource], etl.clock.now())
        enabled = spec()
    return _fetched(context, etl, enabled)


def _day_metadata(report: DayReport, folded: FoldReport | None = None) -> tuple[date, Metadata]:
    """The metadata of a day, which the page of the run and of the asset show."""
    drift = SchemaDrift()
    drift.add(report.drift)
    metadata: Metadata = {"rows": report.rows, "dagster/partition_row_count": report.rows}
    if folded is not None:
        drift.add(folded.drift)
        metadata |= {"folded": folded.folded, "moved": len(folded.moved)}
    metadata |= {
        "single_requests": report.requested,
        "answered_by_windows": report.from_windows,
        "outcomes": dict(report.outcomes),
    }
    if drift.unknown:
        metadata["unknown_fields"] = dict(drift.unknown)
    if drift.changed:
        metadata["unreadable_values"] = dict(drift.changed)
    if drift.folded:
        metadata["repeated_items"] = drift.folded
    if report.removed:
        metadata["files_removed_as_deleted"] = report.removed
    if drift.other_sizes:
        metadata["files_of_unexpected_size"] = drift.other_sizes
    return report.day, metadata


def _refetch(context: dg.AssetExecutionContext) -> bool:
    """Whether the run was launched with --refetch."""
    return context.run.tags.get(REFETCH_TAG) == "true"
