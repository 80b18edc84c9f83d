"""What Dagster loads: build_defs(etl), and `defs` built from the environment.

Only this module and cli/main.py read os.environ. Loading needs no setting.
"""

import os

import dagster as dg

from meeting_etl.orchestration.checks import (
    CHECKS,
    METRICS_JOB,
    WEBHOOKS_JOB,
    metrics_nightly,
    webhooks_hourly,
)
from meeting_etl.orchestration.day_assets import DAY_ASSETS, FILE_ASSETS
from meeting_etl.orchestration.ingest_assets import INGEST_ASSETS
from meeting_etl.orchestration.jobs import DAYS_JOB, FILES_JOB, INGEST_AND_DAYS_JOB, INGEST_JOB
from meeting_etl.orchestration.reconcile_job import (
    RECONCILE_JOB,
    reconcile_nightly,
    reconciled_meetings,
)
from meeting_etl.orchestration.run_retention import PURGE_JOB, purge_nightly
from meeting_etl.orchestration.sensors import due_files, due_work, every_quarter_hour
from meeting_etl.settings import Etl


def build_defs(etl: Etl) -> dg.Definitions:
    """Fresh definitions whose assets work with `etl`."""
    return dg.Definitions(
        assets=[*INGEST_ASSETS, *DAY_ASSETS, *FILE_ASSETS, reconciled_meetings],
        asset_checks=CHECKS,
        jobs=[
            INGEST_JOB,
            DAYS_JOB,
            INGEST_AND_DAYS_JOB,
            FILES_JOB,
            WEBHOOKS_JOB,
            METRICS_JOB,
            RECONCILE_JOB,
            PURGE_JOB,
        ],
        schedules=[
            every_quarter_hour,
            reconcile_nightly,
            webhooks_hourly,
            purge_nightly,
            metrics_nightly,
        ],
        sensors=[due_work, due_files],
        resources={"etl": etl},
        # Threads do the waiting; a process for each step would only add seconds.
        executor=dg.in_process_executor,
    )


defs = build_defs(Etl(os.environ))
