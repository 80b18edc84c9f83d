"""Definitions whose asset keys have a prefix, so that they can join those of another project.

Belongs here: renaming assets, and everything that refers to them. Does not: which definitions there
are (build_defs.py).
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster import BetaWarning
from dagster._record import replace

Keys = Mapping[dg.AssetKey, dg.AssetKey]


def with_key_prefix(definitions: dg.Definitions, prefix: Sequence[str]) -> dg.Definitions:
    """The same definitions, with `prefix` in front of each asset key.

    Names of jobs, schedules and sensors stay. Dagster has this for assets loaded from modules only.
    """
    with warnings.catch_warnings():
        # Copying a definition passes on each of its parameters, those in beta included.
        warnings.simplefilter("ignore", BetaWarning)
        return _with_key_prefix(definitions, prefix)


def _with_key_prefix(definitions: dg.Definitions, prefix: Sequence[str]) -> dg.Definitions:
    graph = definitions.resolve_asset_graph()
    keys = {key: key.with_prefix(prefix) for key in graph.get_all_asset_keys()}
    jobs = {job.name: _job(job, graph, keys) for job in definitions.jobs or ()}
    return replace(
        definitions,
        assets=[_asset(each, keys) for each in definitions.assets or ()],
        asset_checks=[_asset(each, keys) for each in definitions.asset_checks or ()],
        jobs=list(jobs.values()),
        schedules=[_schedule(each, jobs) for each in definitions.schedules or ()],
        sensors=[_sensor(each, jobs) for each in definitions.sensors or ()],
    )


def _asset(asset: Any, keys: Keys) -> Any:
    if isinstance(asset, dg.AssetSpec):
        deps = [
            dg.AssetDep(
                keys.get(dep.asset_key, dep.asset_key), partition_mapping=dep.partition_mapping
            )
            for dep in asset.deps
        ]
        renamed = asset.replace_attributes(key=keys[asset.key], deps=deps)
        return renamed.merge_attributes(metadata=_lineage(asset.metadata, keys))
    renamed = asset.with_attributes(asset_key_replacements=keys)
    if isinstance(asset, dg.AssetChecksDefinition):
        return dg.AssetChecksDefinition(**renamed.get_attributes_dict())
    return renamed


def _lineage(metadata: Mapping[str, Any], keys: Keys) -> Mapping[str, Any]:
    """The lineage of columns, which names assets, too."""
    if (lineage := metadata.get("dagster/column_lineage")) is None:
        return {}
    renamed = {
        column: [dg.TableColumnDep(keys[dep.asset_key], dep.column_name) for dep in deps]
        for column, deps in lineage.deps_by_column.items()
    }
    return {"dagster/column_lineage": dg.TableColumnLineage(renamed)}


def _job(job: Any, graph: Any, keys: Keys) -> Any:
    """A job of ops as it is; of an asset job, the selection by renamed keys."""
    if isinstance(job, dg.JobDefinition):
        return job
    checks = [
        dg.AssetCheckKey(keys[check.asset_key], check.name)
        for check in job.selection.resolve_checks(graph)
    ]
    assets = [keys[key] for key in job.selection.resolve(graph)]
    selection = dg.AssetSelection.assets(*assets).without_checks()
    return replace(job, selection=selection | dg.AssetSelection.checks(*checks))


def _schedule(schedule: Any, jobs: Mapping[str, Any]) -> Any:
    return schedule.with_updated_job(jobs[schedule.job_name])


def _sensor(sensor: Any, jobs: Mapping[str, Any]) -> Any:
    if not sensor.has_jobs:
        return sensor
    return sensor.with_updated_jobs([jobs[job.name] for job in sensor.jobs])
