"""The ops of the job `maintenance`: what grows or is left behind, and is removed every night.

Belongs here: which old runs, rows, files and leftovers go. Does not: how a run is removed
(orchestration/instance/run_retention.py), how rows and files are (pipeline/prune.py).
"""

from datetime import timedelta

import dagster as dg
from pydantic import Field

from meeting_etl.orchestration.failures import report_errors
from meeting_etl.orchestration.instance.run_retention import ended_runs, purge_runs, routine_runs
from meeting_etl.settings import Etl


class PurgeConfig(dg.Config):
    """The form of the op `purge_old_runs`."""

    older_than_days: int = Field(
        default=0,
        ge=0,
        description="Remove all ended runs that are older than so many days. By default, 0, as "
        "[retention] dagster_runs and routine_runs say.",
    )


@dg.op(description="Remove ended runs and their logs from the Dagster instance; days stay green.")
def purge_old_runs(
    context: dg.OpExecutionContext, config: PurgeConfig, etl: dg.ResourceParam[Etl]
) -> None:
    """Remove what is older than the form or the settings allow."""
    with report_errors():
        now, settings = etl.clock.now(), etl.settings
        keep_days = config.older_than_days or settings.dagster_runs_days
        routine_days = settings.routine_runs_days
        old = ended_runs(context.instance, etl, now - timedelta(days=keep_days))
        routine = routine_runs(context.instance, etl, now - timedelta(days=routine_days))
        count = purge_runs(context.instance, etl, [*old, *routine], etl.progress)
    context.add_output_metadata({"runs_removed": count})
    context.log.info(f"Removed {count:,} ended runs.")


@dg.op(description="Remove rows and files that are older than [retention] of the settings says.")
def apply_retention(context: dg.OpExecutionContext, etl: dg.ResourceParam[Etl]) -> None:
    """Remove them, as `meeting-etl prune` does; nothing where the settings have no age."""
    from meeting_etl.pipeline.prune import first_days, prune

    with report_errors():
        now = etl.clock.now()
        first = first_days(etl.settings.retention_days, now)
        pruned = prune(etl.lake, etl.ledger, first, now, dry_run=False, progress=etl.progress)
    context.add_output_metadata(
        {
            "kept_since": {group: str(day) for group, day in first.items()},
            "rows_removed": {report.what: report.rows for report in pruned if report.rows},
            "files_removed": {report.what: report.files for report in pruned if report.files},
            "bytes_removed": sum(report.size_bytes for report in pruned),
        }
    )
    for report in pruned:
        context.log.info(
            f"{report.what}: removed {report.rows:,} rows and {report.files:,} files of "
            f"{report.days:,} days before {report.before}."
        )


@dg.op(
    description="Remove temporary files that killed processes left, unfinished downloads that "
    "nobody needs, and old versions of tables in a bucket."
)
def remove_leftovers(etl: dg.ResourceParam[Etl]) -> None:
    """Remove those that are abandoned; rows are never touched."""
    from meeting_etl.lake.leftovers import sweep_leftovers, vacuum_tables
    from meeting_etl.pipeline.resources.partial_files import remove_abandoned

    with report_errors():
        sweep_leftovers(etl.lake, etl.files)
        remove_abandoned(etl.files, etl.lake, etl.ledger)
        vacuum_tables(etl.lake)
