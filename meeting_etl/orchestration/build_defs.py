"""build_defs(): the definitions of one data folder, or of several tenants.

Belongs here: putting assets, checks, jobs, schedules and sensors together. Does not: what they do,
and reading the environment (definitions.py). Loading needs no pyarrow: the functions of steps,
checks and ticks import what they call.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date

import dagster as dg

from meeting_etl.errors import SettingsError
from meeting_etl.orchestration.alerts.alert_sensor import alert_sensor
from meeting_etl.orchestration.assets.all_assets import all_assets, loadable
from meeting_etl.orchestration.assets.partitions import days_since, first_partition
from meeting_etl.orchestration.checks.all_checks import build_checks
from meeting_etl.orchestration.jobs import FILES_JOB, JOBS, REPORT_JOB
from meeting_etl.orchestration.key_prefix import with_key_prefix
from meeting_etl.orchestration.launching.ingest_launches import every_quarter_hour
from meeting_etl.orchestration.launching.lost_runs import lost_runs_sensor
from meeting_etl.orchestration.launching.sensors import due_files_sensor, due_work_sensor
from meeting_etl.orchestration.run_lock import locking_executor
from meeting_etl.orchestration.schedules import SCHEDULES
from meeting_etl.orchestration.tenant_names import with_tenant_names
from meeting_etl.report.drawing import can_draw
from meeting_etl.schemas import RECORDING_FILES
from meeting_etl.settings import Etl
from meeting_etl.settings.tenants import check_folders


def build_defs(
    etl: Etl | Sequence[Etl],
    *,
    first_day: date | None = None,
    key_prefix: Sequence[str] = (),
    automation: bool = True,
    # Threads do the waiting; a process for each step would only add seconds.
    executor: dg.ExecutorDefinition | None = dg.in_process_executor,
) -> dg.Definitions:
    """Fresh definitions whose assets work with `etl`; see docs/deployment.md.

    Several, each of a tenant, are in one code location, with the tenant in all names and asset
    keys; see docs/tenants.md. Without a `first_day` the partitions begin where the settings or the
    data begin. `key_prefix` is put in front of each asset key. Without `automation` there are no
    sensors and schedules. With `executor=None` steps run as the code location says that these
    definitions are merged into.
    """
    etls = [etl] if isinstance(etl, Etl) else etl
    _check_distinct(etls)
    # On one machine, Dagster itself knows the processes of its runs.
    is_ours = executor is dg.in_process_executor
    locking = [each for each in etls if is_ours and loadable(each).settings.state_url is not None]
    return dg.Definitions.merge(
        *(
            _of_one(each, first_day, key_prefix, automation=automation, is_locking=each in locking)
            for each in etls
        ),
        dg.Definitions(executor=locking_executor(locking) if locking else executor),
    )


def _check_distinct(etls: Sequence[Etl]) -> None:
    """Raise SettingsError where two tenants have one name or data folder."""
    names = Counter(each.tenant for each in etls)
    if twice := [name for name, count in names.items() if count > 1]:
        raise SettingsError(
            f"build_defs() has two of the tenant {twice[0]!r}: give each a name of its own, as in "
            "Etl(…, tenant='acme')."
        )
    # What is wrong with the settings of one is reported by its own runs and sensors.
    readable = [each for each in etls if loadable(each) is each]
    check_folders(
        {each.tenant: [each.settings.location, each.settings.data_dir] for each in readable}
    )


def _of_one(
    etl: Etl,
    first_day: date | None,
    key_prefix: Sequence[str],
    *,
    automation: bool,
    is_locking: bool,
) -> dg.Definitions:
    """Those of one tenant, without executor."""
    first = first_day or first_partition(etl)
    has_files = RECORDING_FILES.name in loadable(etl).switched_on
    definitions = dg.Definitions(
        assets=all_assets(etl, first),
        asset_checks=build_checks(days_since(first)),
        jobs=[*JOBS, *([FILES_JOB] if has_files else []), *([REPORT_JOB] if can_draw() else [])],
        schedules=[every_quarter_hour, *SCHEDULES] if automation else [],
        sensors=_sensors(etl, has_files=has_files, is_locking=is_locking) if automation else [],
        resources={"etl": etl},
    )
    prefix = [*key_prefix, etl.tenant] if etl.tenant else key_prefix
    if prefix:
        definitions = with_key_prefix(definitions, prefix)
    return with_tenant_names(definitions, etl) if etl.tenant else definitions


def _sensors(etl: Etl, *, has_files: bool, is_locking: bool) -> list[dg.SensorDefinition]:
    """The sensors; those of downloads and alerts only if the settings switch them on."""
    found = [due_work_sensor(etl), *([lost_runs_sensor(etl)] if is_locking else [])]
    if has_files:
        found.append(due_files_sensor(etl))
    if loadable(etl).settings.alerts.is_on:
        found.append(alert_sensor(etl))
    return found
