"""How long the Dagster instance keeps its runs: purge_runs() and the nightly job that calls it.

Belongs here: which runs go, what of them stays, the job and its schedule. Does not: ticks, which
Dagster removes by itself (dagster.yaml), nor the retention of tables
(pipeline/prune.py).
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage

from meeting_etl.orchestration.run_tags import SCHEDULE_TAG, SENSOR_TAG
from meeting_etl.settings import Etl

_ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]
# SQLite takes 32,766 parameters in a statement, older ones 999.
_AT_ONCE = 500


def ended_runs(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """Ids of ended runs that were created before a moment, newest first; none under way."""
    return list(instance.get_run_ids(dg.RunsFilter(statuses=_ENDED, created_before=before)))


def routine_runs(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """Ids of runs that a sensor or schedule launched before a moment and that succeeded."""
    succeeded = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS], created_before=before)
    return [
        run.run_id
        for run in instance.get_runs(succeeded)
        if SENSOR_TAG in run.tags or SCHEDULE_TAG in run.tags
    ]


def purge_runs(
    instance: dg.DagsterInstance, run_ids: Iterable[str], progress: Callable[[str, int, int], None]
) -> int:
    """Remove what the instance holds of ended runs; returns how many there were.

    A partition whose newest materialization is of such a run stays materialized: Dagster shows it
    by that event alone, which is therefore recorded again, without a run and with its metadata.
    `progress` is called with what is worked on, runs done and runs in all.
    """
    doomed = sorted(set(run_ids))
    # All before the first run goes, so that one that is interrupted shows no day as missing.
    for materialization in list(_newest_of(instance, set(doomed))):
        instance.report_runless_asset_event(materialization)
    for done, run_id in enumerate(doomed, start=1):
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        instance.delete_run(run_id)
        _remove_event_file(instance, run_id)
        progress("old runs", done, len(doomed))
    return len(doomed)


def _newest_of(
    instance: dg.DagsterInstance, run_ids: set[str]
) -> Iterator[dg.AssetMaterialization]:
    """The newest materialization of each asset and partition, where it is of one of these runs."""
    for key in instance.get_asset_keys():
        newest = instance.fetch_materializations(key, limit=1).records
        by_partition = instance.get_latest_storage_id_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        ids = sorted({*by_partition.values(), *(record.storage_id for record in newest)})
        for start in range(0, len(ids), _AT_ONCE):
            found = instance.fetch_materializations(
                dg.AssetRecordsFilter(asset_key=key, storage_ids=ids[start : start + _AT_ONCE]),
                limit=_AT_ONCE,
                ascending=True,
            )
            for record in found.records:
                if record.run_id in run_ids and record.asset_materialization is not None:
                    yield record.asset_materialization


def _remove_event_file(instance: dg.DagsterInstance, run_id: str) -> None:
    """Dagster empties the SQLite file that it made for the run's events, and leaves it there."""
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(storage.path_for_shard(run_id) + suffix).unlink(missing_ok=True)


@dg.op(name="purge_old_runs", description="Remove ended runs that are older than [retention] says.")
def _purge_old_runs(context: dg.OpExecutionContext, etl: dg.ResourceParam[Etl]) -> None:
    now, settings = etl.clock.now(), etl.settings
    old = ended_runs(context.instance, now - timedelta(days=settings.dagster_runs_days))
    routine = routine_runs(context.instance, now - timedelta(days=settings.routine_runs_days))
    count = purge_runs(context.instance, [*old, *routine], etl.progress)
    context.log.info(f"{count:,} ended runs were removed.")


@dg.job(
    name="purge_runs",
    description="Remove the instance's old runs; tables and files are not touched.",
)
def PURGE_JOB() -> None:  # noqa: N802 - a job, named as the others
    """One step."""
    _purge_old_runs()


@dg.schedule(
    job=PURGE_JOB,
    cron_schedule="15 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Removes every night the runs that are older than [retention] dagster_runs, and "
    "those that a sensor or schedule launched and that succeeded after [retention] routine_runs.",
)
def purge_nightly() -> dg.RunRequest:
    """One run of the purge."""
    return dg.RunRequest()
