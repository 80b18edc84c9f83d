"""The assets of days: one step for all tables that are filled by folding and fetching.

Belongs here: which assets there are, and which functions their step calls. Does not: the assets of
webhook logs (ingest_assets.py), figures of a day (day_metadata.py), how it reaches Dagster
(materialization.py), when runs start (orchestration/launching/sensors.py), the steps themselves
(pipeline/).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from meeting_etl import schemas
from meeting_etl.orchestration.assets import coverage_map
from meeting_etl.orchestration.assets.day_metadata import day_metadata, table_metadata
from meeting_etl.orchestration.assets.materialization import (
    TableMetadata,
    asset_keys,
    days_of,
    materialize,
    report_failures,
)
from meeting_etl.orchestration.assets.partitions import DAYS
from meeting_etl.orchestration.assets.run_log import RunLog
from meeting_etl.orchestration.assets.table_asset import ANALYTICS, CONTENT, WEBEX, table_spec
from meeting_etl.pipeline.ledger.work_item import OPTIONAL
from meeting_etl.schemas import SPEAKER_METRICS
from meeting_etl.settings import Etl
from meeting_etl.times import utc_day

if TYPE_CHECKING:
    from meeting_etl.pipeline.fetch.context import DayReport, FetchContext
    from meeting_etl.pipeline.fetch.spec import FetchSpec
    from meeting_etl.pipeline.meetings.fold import FoldReport

_TABLES = [
    table_spec(schemas.MEETINGS, "webhook_events", group=WEBEX),
    table_spec(schemas.RECORDINGS, "meetings", group=WEBEX),
    table_spec(schemas.PARTICIPANTS, "meetings", group=WEBEX),
    table_spec(schemas.INVITEES, "meetings", group=WEBEX, switch="fetch.invitees"),
    table_spec(schemas.TRANSCRIPTS, "meetings", group=CONTENT),
    table_spec(
        schemas.TRANSCRIPT_FILES, "transcripts", group=CONTENT, switch="downloads.transcripts"
    ),
    table_spec(schemas.TRANSCRIPT_SNIPPETS, "transcripts", "transcript_files", group=CONTENT),
    table_spec(schemas.MEETING_SUMMARIES, "meetings", group=CONTENT, switch="fetch.summaries"),
    table_spec(
        schemas.SPEAKER_METRICS,
        "transcript_snippets",
        "participants",
        group=ANALYTICS,
        kinds=("duckdb", "parquet"),
    ),
]
_RECORDING_FILES = table_spec(
    schemas.RECORDING_FILES, "recordings", group=CONTENT, switch="downloads.recordings"
)


DAY_TABLES = tuple(spec.key.path[-1] for spec in _TABLES)


def day_assets(off: Collection[str]) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets of days. A table that is `off` is there to be seen, and cannot be materialized.

    Downloads take hours: they have a step and a job of their own, so that nothing waits for them.
    """
    tables = [_without_deps(spec, off) for spec in _TABLES if spec.key.path[-1] not in off]
    step = dg.multi_asset(
        name="day_tables",
        specs=tables,
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
        description="Folds the events of each day into meetings, and fetches all that is due of "
        "it, newest day first.",
    )
    files = dg.multi_asset(
        name="recording_files",
        specs=[_RECORDING_FILES],
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        description="Downloads the files of each recording.",
    )
    shown = [
        spec.replace_attributes(partitions_def=DAYS, skippable=False)  # its checks have these days
        for spec in (*_TABLES, _RECORDING_FILES)
        if spec.key.path[-1] in off
    ]
    is_downloading = schemas.RECORDING_FILES.name not in off
    return [step(_day_tables), *([files(_recording_files)] if is_downloading else []), *shown]


def _without_deps(spec: dg.AssetSpec, off: Collection[str]) -> dg.AssetSpec:
    """Without what is off: the UI would warn that it has not been materialized."""
    deps = [dep for dep in spec.deps if dep.asset_key.path[-1] not in off]
    return spec.replace_attributes(deps=deps)


def _day_tables(
    context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]
) -> Iterator[dg.MaterializeResult[None]]:
    """Work off each day as a whole, or only the selected tables."""
    with report_failures(context, etl):
        tables = _selected(context)
        is_whole = materialize(context, etl, _worked_off(context, etl, tables))
        _observe_coverage(context, etl)
    keys = asset_keys(context)
    for table in tables if is_whole else ():
        yield dg.MaterializeResult(asset_key=keys[table])


def _recording_files(
    context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]
) -> Iterator[dg.MaterializeResult[None]]:
    """Download what is due."""
    with report_failures(context, etl):
        is_whole = materialize(context, etl, _downloaded(context, etl))
    if is_whole:
        yield dg.MaterializeResult()


def _selected(context: dg.AssetExecutionContext) -> list[str]:
    """The names of the selected tables, parents first, as Dagster demands."""
    keys = {key.path[-1] for key in context.selected_asset_keys}
    return [name for name in DAY_TABLES if name in keys]


def _worked_off(
    context: dg.AssetExecutionContext, etl: Etl, tables: Collection[str]
) -> Iterator[TableMetadata]:
    """The metadata of each day and table."""
    from meeting_etl.lake.metrics import refresh_metrics
    from meeting_etl.pipeline.days.work_days import work_days
    from meeting_etl.pipeline.ledger.newly_enabled import open_newly_enabled
    from meeting_etl.pipeline.resources.all_resources import day_specs

    days = days_of(context)
    optional = OPTIONAL.intersection(tables)
    open_newly_enabled(etl.lake, etl.ledger, days, optional, etl.clock.now())
    all_specs = day_specs(etl.storage, etl.settings.transcript_formats)
    specs = [spec for spec in all_specs if spec.table.name in tables]
    if specs:
        log = RunLog(context.log, etl.clock, len(days))
        fetch_context = partial(_fetch_context, context, etl, log)
        folds = schemas.MEETINGS.name in tables
        for folded, report in work_days(
            etl.lake, etl.ledger, fetch_context, specs, days, folds=folds
        ):
            log.day(report, folded)
            yield from _metadata(report, folded, specs)
        log.end()
    if SPEAKER_METRICS.name in tables:
        for day in days if not specs else ():  # else each day's were refreshed when it was closed
            with etl.lake.lock_days([day]):
                refresh_metrics(etl.lake, day)
        with etl.lake.tables.read_once():
            counts = {day: etl.lake.count(SPEAKER_METRICS, day) for day in days}
        for day, rows in counts.items():
            yield day, SPEAKER_METRICS.name, {"dagster/partition_row_count": rows}


def _observe_coverage(context: dg.AssetExecutionContext, etl: Etl) -> None:
    """Attach the picture of the last days to the view `coverage`, if the run was about any."""
    today = utc_day(etl.clock.now())
    first = today - timedelta(days=coverage_map.DAYS - 1)
    if max(days_of(context)) < first:
        return
    days = [day for day in etl.ledger.days() if first <= day <= today]
    picture = coverage_map.coverage_map(etl.ledger.coverage(days), today)
    prefix = next(iter(context.assets_def.keys)).path[:-1]
    context.log_event(
        dg.AssetObservation(
            dg.AssetKey([*prefix, "coverage"]),
            metadata={"last_30_days": dg.MetadataValue.md(picture)},
        )
    )


def _metadata(
    report: "DayReport", folded: "FoldReport | None", specs: Sequence["FetchSpec"]
) -> Iterator[TableMetadata]:
    """The metadata of the tables of a day; what concerns the whole day is that of `meetings`."""
    tables = {spec.table.name: spec.table for spec in specs}
    of_day = day_metadata(report, folded)
    for table in tables.values():
        metadata = table_metadata(report, table, folded)
        if table is schemas.MEETINGS or len(tables) == 1:
            metadata |= of_day
        yield report.day, table.name, metadata


def _fetch_context(
    context: dg.AssetExecutionContext, etl: Etl, log: RunLog, at_once: int | None = None
) -> "FetchContext":
    """The fetch context, whose progress is logged as well as shown."""
    fetch_context = etl.fetch_context(context.run.run_id, at_once)
    shown = fetch_context.progress

    def progress(what: str, done: int, total: int) -> None:
        shown(what, done, total)
        log.progress(what, done, total)

    return replace(fetch_context, progress=progress)


def _downloaded(context: dg.AssetExecutionContext, etl: Etl) -> Iterator[TableMetadata]:
    from meeting_etl.pipeline.days.download_days import download_days
    from meeting_etl.pipeline.ledger.newly_enabled import open_newly_enabled
    from meeting_etl.pipeline.resources.partial_files import remove_abandoned
    from meeting_etl.pipeline.resources.recording_files import recording_files as spec_of

    days, name = days_of(context), schemas.RECORDING_FILES.name
    # A working folder has nothing but unfinished files; a data folder has all that are finished.
    is_shared = etl.storage is etl.files
    remove_abandoned(etl.files, etl.lake, etl.ledger, days if is_shared else None)
    open_newly_enabled(etl.lake, etl.ledger, days, [name], etl.clock.now())
    spec = spec_of(etl.download_context(), etl.settings.downloads)
    log = RunLog(context.log, etl.clock, len(days))
    fetch_context = _fetch_context(context, etl, log, etl.settings.downloads.at_once)
    for report in download_days(fetch_context, spec, days):
        log.day(report, None)
        yield report.day, name, table_metadata(report, spec.table, None)
    log.end()
