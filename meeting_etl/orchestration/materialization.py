"""What all day assets share: partitions, metadata a day, known errors as dg.Failure.

Belongs here: how the outcome of a day reaches Dagster. Does not: the assets (assets.py,
reconcile_job.py), when runs start (sensors.py).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import dagster as dg

from meeting_etl.errors import AuthError, MeetingEtlError
from meeting_etl.lake import catalog
from meeting_etl.lake.host_domains import add_host_domains
from meeting_etl.orchestration.refused_token import refused_token_tag
from meeting_etl.schemas import FIRST_DAY
from meeting_etl.settings import Etl

# One object for all day assets: Dagster compares partitions by it.
DAYS = dg.DailyPartitionsDefinition(start_date=str(FIRST_DAY), timezone="UTC", end_offset=1)

Result = dg.MaterializeResult[None]
Metadata = dict[str, Any]
Described = Iterator[tuple[date, Metadata]]


@contextmanager
def without_beta_warnings() -> Iterator[None]:
    """No warning of backfill_policy, which is beta, and indispensable.

    Without it `dg launch --partition-range` refuses, for the unpartitioned asset too.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        yield


def materialize_days(context: dg.AssetExecutionContext, etl: Etl, described: Described) -> Result:
    """Metadata for each day as it is done, and the catalog when all are.

    When a day fails, those before it are committed and are logged as materialized.
    """
    done: dict[date, Metadata] = {}
    try:
        for day, metadata in described:
            done[day] = metadata
            _tell_drift(context, day, metadata)
    except BaseException:
        for day, metadata in done.items():
            context.log_event(
                dg.AssetMaterialization(context.asset_key, metadata=metadata, partition=str(day))
            )
        # What came before can be queried even when the API cannot be reached.
        add_host_domains(etl.lake, done)
        publish_catalog(context, etl)
        raise
    add_host_domains(etl.lake, done)
    trouble = publish_catalog(context, etl)
    for day, metadata in done.items():
        context.add_asset_metadata(metadata | trouble, partition_key=str(day))
    return dg.MaterializeResult()


def publish_catalog(context: dg.AssetExecutionContext, etl: Etl) -> Metadata:
    """Publish it, last of all; what hinders is a warning and metadata, and fails no run."""
    sentence = catalog.try_publish(etl.files, etl.lake, etl.settings.analytics)
    if sentence is None:
        return {}
    context.log.warning(sentence)
    return {"catalog_not_published": sentence}


def _tell_drift(context: dg.AssetExecutionContext, day: date, metadata: Metadata) -> None:
    """Say which fields the API sends that we do not know, or sends as something else."""
    if unknown := metadata.get("unknown_fields"):
        context.log.info(f"{day}: fields without a column went to extra: {unknown}")
    if changed := metadata.get("unreadable_values"):
        context.log.warning(f"{day}: unreadable values went to extra: {changed}")
    if other := metadata.get("files_of_another_size_than_told"):
        context.log.warning(f"{day}: {other} files have another size than Webex told")


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The days of the run, one or many."""
    return [date.fromisoformat(key) for key in context.partition_keys]


@contextmanager
def report_failures(context: dg.AssetExecutionContext, etl: Etl) -> Iterator[None]:
    """Turn an error of ours into a failed step with one sentence and no stack trace.

    The step is not retried: what may come later is due later, by the ledger.
    """
    try:
        yield
    except MeetingEtlError as error:
        if isinstance(error, AuthError):
            context.op_execution_context.instance.add_run_tags(
                context.run.run_id, refused_token_tag(etl)
            )
        raise dg.Failure(
            str(error), metadata={"kind": type(error).__name__}, allow_retries=False
        ) from None
