"""What all day assets share: metadata for each day, known errors as sentences.

Belongs here: how the result of a day reaches Dagster. Does not: the assets (day_assets.py,
reconciled_meetings.py), when runs start (orchestration/launching/sensors.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError

from meeting_etl.errors import AuthError, MeetingEtlError
from meeting_etl.lake import catalog
from meeting_etl.lake.host_domains import add_host_domains
from meeting_etl.orchestration.failures import StepCanceled, StepFailure
from meeting_etl.orchestration.refused_token import refused_token_tag
from meeting_etl.settings import Etl

Result = dg.MaterializeResult[None]
Metadata = dict[str, Any]
# A day, the table (the last part of its asset key), and what the page of the asset shows.
TableMetadata = tuple[date, str, Metadata]


def materialize(
    context: dg.AssetExecutionContext, etl: Etl, worked_off: Iterator[TableMetadata]
) -> None:
    """Work through days and tables, attach the metadata of each, and publish the catalog.

    When a day fails, the days before it are committed, so they are logged as materialized.
    """
    keys = asset_keys(context)
    done: list[TableMetadata] = []
    try:
        for day, table, metadata in worked_off:
            done.append((day, table, metadata))
            _log_drift(context, day, metadata)
    except BaseException:
        for day, table, metadata in done:
            context.log_event(
                dg.AssetMaterialization(keys[table], metadata=metadata, partition=str(day))
            )
        # What was fetched before an outage of the API can be queried.
        _publish(context, etl, done)
        raise
    problem = _publish(context, etl, done)
    for day, table, metadata in done:
        context.add_asset_metadata(
            metadata | problem, asset_key=keys[table], partition_key=str(day)
        )


def _publish(context: dg.AssetExecutionContext, etl: Etl, done: list[TableMetadata]) -> Metadata:
    add_host_domains(etl.lake, {day for day, _, _ in done})
    return publish_catalog(context, etl)


def publish_catalog(context: dg.AssetExecutionContext, etl: Etl) -> Metadata:
    """Publish the catalog. A problem is logged and returned as metadata; it never fails the run."""
    problem = catalog.try_publish(etl.files, etl.lake, etl.settings.analytics)
    if problem is None:
        return {}
    context.log.warning(problem)
    return {"catalog_not_published": problem}


def _log_drift(context: dg.AssetExecutionContext, day: date, metadata: Metadata) -> None:
    """Log fields of the API that have no column, and values that could not be read."""
    if unknown := metadata.get("unknown_fields"):
        context.log.info(f"{day}: fields without a column, kept in extra: {unknown}")
    if changed := metadata.get("unreadable_values"):
        context.log.warning(f"{day}: unreadable values, kept in extra: {changed}")
    if other := metadata.get("files_of_unexpected_size"):
        context.log.warning(f"{day}: {other} files differ in size from what Webex reported")


def asset_keys(context: dg.AssetExecutionContext) -> dict[str, dg.AssetKey]:
    """The keys of this step's assets by name: in other deployments they may have a prefix."""
    return {key.path[-1]: key for key in context.assets_def.keys}


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The partitions of the run: one day or many."""
    return [date.fromisoformat(key) for key in context.partition_keys]


@contextmanager
def report_failures(context: dg.AssetExecutionContext, etl: Etl) -> Iterator[None]:
    """Turn a MeetingEtlError into a failed step with its sentence and no stack trace.

    Dagster does not retry the step: the ledger knows what is still due.
    """
    try:
        yield
    except MeetingEtlError as error:
        if isinstance(error, AuthError):
            context.op_execution_context.instance.add_run_tags(
                context.run.run_id, refused_token_tag(etl)
            )
        raise StepFailure(error) from None
    except (KeyboardInterrupt, DagsterExecutionInterruptedError):
        raise StepCanceled from None
