"""What all day assets share: metadata for each day, known errors as sentences.

Belongs here: how the result of a day reaches Dagster. Does not: the assets (day_assets.py,
reconciled_meetings.py), when runs start (orchestration/launching/sensors.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError

from meeting_etl.errors import AuthError
from meeting_etl.lake.host_domains import add_host_domains
from meeting_etl.orchestration.assets.day_metadata import Metadata
from meeting_etl.orchestration.assets.run_log import DriftLog
from meeting_etl.orchestration.failures import StepCanceled, report_errors
from meeting_etl.orchestration.refused_token import refused_token_tag
from meeting_etl.schemas import MEETINGS, WEBHOOK_EVENTS
from meeting_etl.settings import Etl

Result = dg.MaterializeResult[None]
# A day, the table (the last part of its asset key), and what the page of the asset shows.
TableMetadata = tuple[date, str, Metadata]


def materialize(
    context: dg.AssetExecutionContext,
    etl: Etl,
    worked_off: Iterator[TableMetadata],
    *,
    knows_all: bool = False,
) -> bool:
    """Work through days and tables, attach the metadata of each, and publish the catalog.

    Returns whether the whole range is materialized, so that results may be yielded. Else the days
    that are have been logged: when a day fails, those before it, which are committed; and where
    nothing is known of some days, all others. With `knows_all` something is known of each.
    """
    keys = asset_keys(context)
    done: list[TableMetadata] = []
    drift = DriftLog()
    try:
        for day, table, metadata in worked_off:
            done.append((day, table, metadata))
            drift.add(table, metadata)
    except BaseException:
        _log_materialized(context, done)
        # What was fetched before an outage of the API can be queried.
        _publish(context, etl, done)
        raise
    finally:
        drift.log(context.log)
    problem = _publish(context, etl, done)
    done = [(day, table, metadata | problem) for day, table, metadata in done]
    first = date.min if knows_all else _first_known_day(etl)
    unknown = {day for day, _, _ in done if day < first}
    if unknown:
        context.log.info(
            f"{len(unknown):,} days before {first} are not materialized: no webhook log is as old, "
            "so that no rows would not mean that nobody met."
        )
        _log_materialized(context, [entry for entry in done if entry[0] not in unknown])
        return False
    for day, table, metadata in done:
        context.add_asset_metadata(metadata, asset_key=keys[table], partition_key=str(day))
    return True


def _log_materialized(context: dg.AssetExecutionContext, done: list[TableMetadata]) -> None:
    keys = asset_keys(context)
    for day, table, metadata in done:
        context.log_event(
            dg.AssetMaterialization(keys[table], metadata=metadata, partition=str(day))
        )


def _first_known_day(etl: Etl) -> date:
    """The first day with an event or a meeting: of earlier ones nothing is known."""
    days = (*etl.lake.days(WEBHOOK_EVENTS), *etl.lake.days(MEETINGS))
    return min(days, default=date.max)


def _publish(context: dg.AssetExecutionContext, etl: Etl, done: list[TableMetadata]) -> Metadata:
    add_host_domains(etl.lake, {day for day, _, _ in done})
    return publish_catalog(context, etl)


def publish_catalog(context: dg.AssetExecutionContext, etl: Etl) -> Metadata:
    """Publish the catalog. A problem is logged and returned as metadata; it never fails the run."""
    from meeting_etl.lake import catalog  # it loads DuckDB, which the definitions do not need

    problem = catalog.try_publish(etl.files, etl.lake, etl.settings.analytics)
    if problem is None:
        return {}
    context.log.warning(problem)
    return {"catalog_not_published": problem}


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
    with report_errors():
        try:
            yield
        except AuthError:
            context.op_execution_context.instance.add_run_tags(
                context.run.run_id, refused_token_tag(etl)
            )
            raise
        except (KeyboardInterrupt, DagsterExecutionInterruptedError):
            raise StepCanceled from None
        finally:
            for name, why in etl.set_aside.items():
                context.log.warning(f"Account {name} is set aside for this run: {why}")
