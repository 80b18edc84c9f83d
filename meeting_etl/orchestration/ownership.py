"""What is a tenant's on an instance that serves several: names, assets and runs.

Belongs here: telling them apart. Does not: giving definitions these names (tenant_names.py), which
tenants there are (settings/tenants.py).
"""

from collections.abc import Iterable, Iterator

import dagster as dg

from meeting_etl.orchestration.run_tags import TENANT_TAG
from meeting_etl.settings import Etl


def named(etl: Etl, name: str) -> str:
    """What a job, schedule, sensor, step, group or resource of the tenant is called.

    The only tenant has no name, and the names stay as they are.
    """
    return f"{etl.tenant}__{name}" if etl.tenant else name


def is_ours(run: dg.DagsterRun, etl: Etl) -> bool:
    """Whether a run works for the tenant; without tenants, all runs of the instance count."""
    return not etl.tenant or etl.tenant in set(_tenants_of(run))


def own_assets(keys: Iterable[dg.AssetKey], etl: Etl) -> list[dg.AssetKey]:
    """Those of the tenant: its name is the part of the key before that of the table."""
    return [key for key in keys if not etl.tenant or key.path[-2:-1] == [etl.tenant]]


def _tenants_of(run: dg.DagsterRun) -> Iterator[str]:
    """By the tag of its job, or else by the assets that somebody selected, maybe of several."""
    if (tenant := run.tags.get(TENANT_TAG)) is not None:
        yield tenant
        return
    for key in (
        *(run.asset_selection or ()),
        *(check.asset_key for check in run.asset_check_selection or ()),
    ):
        yield from key.path[-2:-1]
