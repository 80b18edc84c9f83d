"""How long the Dagster instance keeps its runs.

Belongs here: which runs are removed, and what is kept of them. Does not: the job
(orchestration/ops/maintenance.py), ticks, which Dagster removes itself (dagster.yaml), and the
retention of tables (pipeline/prune.py).
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import dagster as dg

from meeting_etl.orchestration.ownership import is_ours, own_assets
from meeting_etl.orchestration.run_tags import SCHEDULE_TAG, SENSOR_TAG
from meeting_etl.settings import Etl

_ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]
# SQLite accepts 32,766 parameters in a statement, older versions 999.
_IDS_PER_QUERY = 500


def ended_runs(instance: dg.DagsterInstance, etl: Etl, before: datetime) -> list[dg.DagsterRun]:
    """Ended runs of the tenant that were created before a moment, newest first."""
    ended = dg.RunsFilter(statuses=_ENDED, created_before=before)
    return [run for run in instance.get_runs(ended) if is_ours(run, etl)]


def routine_runs(instance: dg.DagsterInstance, etl: Etl, before: datetime) -> list[dg.DagsterRun]:
    """Those that a sensor or schedule launched and that succeeded."""
    return [
        run
        for run in ended_runs(instance, etl, before)
        if run.status is dg.DagsterRunStatus.SUCCESS
        and (SENSOR_TAG in run.tags or SCHEDULE_TAG in run.tags)
    ]


def purge_runs(
    instance: dg.DagsterInstance,
    etl: Etl,
    runs: Iterable[dg.DagsterRun],
    progress: Callable[[str, int, int], None],
) -> int:
    """Remove ended runs and their events from the instance; returns how many there were.

    Partitions whose newest materialization belongs to such a run stay materialized: that event,
    which is all Dagster has to show it, is first recorded again with its metadata and without a
    run. `progress` is called with a label, the number of runs done and the number of all.
    """
    by_id = {run.run_id: run for run in runs}
    # Assets of other tenants are left out, unless somebody selected them together with ours.
    selected = {key for run in by_id.values() for key in run.asset_selection or ()}
    keys = selected.union(own_assets(instance.get_asset_keys(), etl))
    to_remove = sorted(by_id)
    # All of them before the first run is removed: an interruption then leaves no day missing.
    for materialization in list(_newest_materializations(instance, keys, set(to_remove))):
        instance.report_runless_asset_event(materialization)
    for done, run_id in enumerate(to_remove, start=1):
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        instance.delete_run(run_id)
        _remove_event_file(instance, run_id)
        progress("old runs", done, len(to_remove))
    return len(to_remove)


def _newest_materializations(
    instance: dg.DagsterInstance, keys: Iterable[dg.AssetKey], run_ids: set[str]
) -> Iterator[dg.AssetMaterialization]:
    """The newest materialization of each asset and partition, if one of these runs made it."""
    for key in keys:
        newest = instance.fetch_materializations(key, limit=1).records
        by_partition = instance.get_latest_storage_id_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        ids = sorted({*by_partition.values(), *(record.storage_id for record in newest)})
        for start in range(0, len(ids), _IDS_PER_QUERY):
            found = instance.fetch_materializations(
                dg.AssetRecordsFilter(
                    asset_key=key, storage_ids=ids[start : start + _IDS_PER_QUERY]
                ),
                limit=_IDS_PER_QUERY,
                ascending=True,
            )
            for record in found.records:
                if record.run_id in run_ids and record.asset_materialization is not None:
                    yield record.asset_materialization


def _remove_event_file(instance: dg.DagsterInstance, run_id: str) -> None:
    """Remove the SQLite file of the run's events: Dagster empties it, but does not remove it."""
    # Here, because it loads sqlalchemy, which is a third of what loading the definitions takes.
    from dagster._core.storage.event_log import SqliteEventLogStorage

    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(storage.path_for_shard(run_id) + suffix).unlink(missing_ok=True)
