"""What Dagster loads: build_defs(etl), and `defs` built from the environment.

Only this module and cli/main.py read os.environ. Loading needs no setting.
"""

import os
from datetime import date

import dagster as dg

from meeting_etl.orchestration.assets.all_assets import all_assets
from meeting_etl.orchestration.assets.partitions import first_partition
from meeting_etl.orchestration.checks.all_checks import CHECKS
from meeting_etl.orchestration.jobs import JOBS
from meeting_etl.orchestration.launching.sensors import due_files, due_work, every_quarter_hour
from meeting_etl.orchestration.schedules import SCHEDULES
from meeting_etl.settings import Etl


def build_defs(etl: Etl, *, first_day: date | None = None) -> dg.Definitions:
    """Fresh definitions whose assets work with `etl`.

    Without a `first_day` the partitions begin where the settings or the data begin.
    """
    return dg.Definitions(
        assets=all_assets(etl, first_day or first_partition(etl)),
        asset_checks=CHECKS,
        jobs=JOBS,
        schedules=[every_quarter_hour, *SCHEDULES],
        sensors=[due_work, due_files],
        resources={"etl": etl},
        # Threads do the waiting; a process for each step would only add seconds.
        executor=dg.in_process_executor,
    )


defs = build_defs(Etl(os.environ))
