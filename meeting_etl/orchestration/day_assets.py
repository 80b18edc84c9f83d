"""The assets of days, one for each table that is filled by folding and fetching.

Belongs here: which function each asset calls, and its metadata for a day. Does not: the assets of
webhook logs (ingest_assets.py), how a day reaches Dagster (materialization.py), when runs start
(sensors.py), the steps themselves (pipeline/).
"""

from collections.abc import Callable
from datetime import date
from functools import partial

import dagster as dg

from meeting_etl import schemas
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.orchestration.materialization import (
    DayMetadata,
    Metadata,
    Result,
    days_of,
    materialize_days,
    report_failures,
)
from meeting_etl.orchestration.table_asset import table_asset
from meeting_etl.pipeline.fetch.context import DayReport
from meeting_etl.pipeline.fetch.fetch import fetch
from meeting_etl.pipeline.fetch.spec import FetchSpec
from meeting_etl.pipeline.ledger.newly_enabled import open_newly_enabled
from meeting_etl.pipeline.ledger.work_item import SLOW
from meeting_etl.pipeline.meetings.fold import FoldReport, fold
from meeting_etl.pipeline.resources.details import MEETING_DETAILS
from meeting_etl.pipeline.resources.participants import PARTICIPANTS
from meeting_etl.pipeline.resources.recording_files import recording_files as recording_files_spec
from meeting_etl.pipeline.resources.recordings import RECORDINGS
from meeting_etl.pipeline.resources.snippets import snippets
from meeting_etl.pipeline.resources.summaries import SUMMARIES
from meeting_etl.pipeline.resources.transcript_files import stored_vtt
from meeting_etl.pipeline.resources.transcript_files import (
    transcript_files as transcript_files_spec,
)
from meeting_etl.pipeline.resources.transcripts import TRANSCRIPTS
from meeting_etl.pipeline.rows import SchemaDrift
from meeting_etl.settings import Etl


@table_asset(schemas.MEETINGS, "webhook_events")
def meetings(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Fold webhook events into one row for each meeting, and fetch its details."""
    with report_failures(context, etl):
        days = days_of(context)
        folded = {report.day: report for report in fold(etl.lake, etl.ledger, days)}

        def fetched_days() -> DayMetadata:
            fetch_context = etl.fetch_context(context.run.run_id)  # fails without a token
            for report in fetch(fetch_context, MEETING_DETAILS, days):
                yield _day_metadata(report, folded[report.day])

        return materialize_days(context, etl, fetched_days())


@table_asset(schemas.RECORDINGS, "meetings")
def recordings(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Fetch the recordings of each meeting, until the last attempt."""
    return _fetched(context, etl, RECORDINGS)


@table_asset(schemas.PARTICIPANTS, "meetings")
def participants(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Fetch the participants of each meeting, until all their times are known."""
    return _fetched(context, etl, PARTICIPANTS)


@table_asset(schemas.TRANSCRIPTS, "meetings")
def transcripts(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Fetch the transcripts of each meeting, until the last attempt."""
    return _fetched(context, etl, TRANSCRIPTS)


@table_asset(schemas.TRANSCRIPT_FILES, "transcripts")
def transcript_files(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Download VTT and TXT of each transcript; off unless [downloads] has transcripts."""
    return _fetched_if_enabled(
        context, etl, lambda: transcript_files_spec(etl.files, etl.settings.transcript_formats)
    )


@table_asset(schemas.RECORDING_FILES, "recordings")
def recording_files(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Download the files of each recording; off unless [downloads] has recordings."""
    return _fetched_if_enabled(
        context, etl, lambda: recording_files_spec(etl.download_context(), etl.settings.downloads)
    )


@table_asset(schemas.TRANSCRIPT_SNIPPETS, "transcripts", "transcript_files")
def transcript_snippets(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Fetch the snippets of each transcript, until the first complete response."""
    return _fetched(context, etl, snippets(partial(stored_vtt, etl.files)))


@table_asset(schemas.MEETING_SUMMARIES, "meetings")
def meeting_summaries(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Fetch the summaries of each meeting; off unless [fetch] summaries is true."""
    return _fetched_if_enabled(context, etl, lambda: SUMMARIES)


@table_asset(schemas.SPEAKER_METRICS, "transcript_snippets", "participants")
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


def _fetched(context: dg.AssetExecutionContext, etl: Etl, spec: FetchSpec) -> Result:
    """Fetch what is due for one table on the days of the run."""
    with report_failures(context, etl):
        at_once = etl.settings.downloads.at_once if spec.resource in SLOW else None
        fetch_context = etl.fetch_context(context.run.run_id, at_once)
        reports = fetch(fetch_context, spec, days_of(context))
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
