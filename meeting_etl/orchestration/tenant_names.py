"""Definitions of a tenant, whose names and resource differ from those of any other tenant.

Belongs here: renaming jobs, schedules, steps, groups and the resource. Does not: asset keys
(key_prefix.py), the names of sensors (launching/, alerts/), what a name is (ownership.py).
"""

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
from dagster import BetaWarning, PreviewWarning
from dagster._core.definitions.decorators.op_decorator import DecoratedOpFunction
from dagster._record import replace

from meeting_etl.orchestration.ownership import named
from meeting_etl.orchestration.run_tags import DOWNLOADS_TAG, TENANT_TAG
from meeting_etl.settings import Etl

_RESOURCE = "etl"


def with_tenant_names(definitions: dg.Definitions, etl: Etl) -> dg.Definitions:
    """The same definitions with the tenant in their names; they get the resource of that name."""
    with warnings.catch_warnings():
        # Copying a definition passes on each of its parameters, those in beta included.
        warnings.simplefilter("ignore", BetaWarning)
        warnings.simplefilter("ignore", PreviewWarning)
        return _with_tenant_names(definitions, etl)


def _with_tenant_names(definitions: dg.Definitions, etl: Etl) -> dg.Definitions:
    jobs = {job.name: _job(job, etl) for job in definitions.jobs or ()}
    return replace(
        definitions,
        assets=[_asset(each, etl) for each in definitions.assets or ()],
        asset_checks=[_asset(each, etl) for each in definitions.asset_checks or ()],
        jobs=list(jobs.values()),
        schedules=[_schedule(each, jobs, etl) for each in definitions.schedules or ()],
        sensors=[_sensor(each, jobs) for each in definitions.sensors or ()],
        resources={named(etl, _RESOURCE): etl},
    )


def _asset(asset: Any, etl: Etl) -> Any:
    if isinstance(asset, dg.AssetSpec):
        return _in_group(asset, etl)
    attributes = asset.get_attributes_dict()
    return type(asset)(
        **attributes
        | {
            "node_def": _step(asset.op, etl),
            "specs": [_in_group(spec, etl) for spec in attributes["specs"]],
        }
    )


def _in_group(spec: dg.AssetSpec, etl: Etl) -> dg.AssetSpec:
    return spec.replace_attributes(group_name=named(etl, spec.group_name or ""))


def _step(op: dg.OpDefinition, etl: Etl) -> dg.OpDefinition:
    function: Any = op.compute_fn
    return dg.OpDefinition(
        DecoratedOpFunction(_with_resource(function.decorated_fn, etl)),
        name=named(etl, op.name),
        ins=op.ins,
        outs=op.outs,
        description=op.description,
        config_schema=op.config_schema,
        required_resource_keys={named(etl, key) for key in op.required_resource_keys},
        tags=op.tags,
    )


def _job(job: Any, etl: Etl) -> Any:
    name, tags = named(etl, job.name), {**(job.tags or {}), TENANT_TAG: etl.tenant}
    if DOWNLOADS_TAG in tags:
        tags[DOWNLOADS_TAG] = etl.tenant  # each has a limit of its own
    if not isinstance(job, dg.JobDefinition):
        return replace(job, name=name, tags=tags, run_tags=tags)
    steps = [_step(op, etl) for op in job.graph.node_defs if isinstance(op, dg.OpDefinition)]
    graph = dg.GraphDefinition(name, node_defs=steps, description=job.description)
    return graph.to_job(tags=tags)


def _schedule(schedule: Any, jobs: Mapping[str, Any], etl: Etl) -> dg.ScheduleDefinition:
    return dg.schedule(
        name=named(etl, schedule.name),
        job=jobs[schedule.job_name],
        cron_schedule=schedule.cron_schedule,
        execution_timezone=schedule.execution_timezone,
        default_status=schedule.default_status,
        description=schedule.description,
    )(_with_resource(schedule._execution_fn.decorated_fn, etl))


def _sensor(sensor: Any, jobs: Mapping[str, Any]) -> Any:
    return (
        sensor.with_updated_jobs([jobs[job.name] for job in sensor.jobs])
        if sensor.has_jobs
        else sensor
    )


def _with_resource(function: Callable[..., Any], etl: Etl) -> Callable[..., Any]:
    """The function, which gets the tenant's resource as its parameter `etl`, if it has that one.

    Dagster takes the name of a parameter for that of the resource.
    """
    signature, key = inspect.signature(function), named(etl, _RESOURCE)
    if _RESOURCE not in signature.parameters:
        return function

    @functools.wraps(function)
    def renamed(*arguments: Any, **resources: Any) -> Any:
        return function(*arguments, **{_RESOURCE: resources.pop(key)}, **resources)

    parameters = [
        each.replace(name=key) if each.name == _RESOURCE else each
        for each in signature.parameters.values()
    ]
    # What it returns is known from the outputs of the step; of a generator, it would be wrong here.
    renamed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return renamed
