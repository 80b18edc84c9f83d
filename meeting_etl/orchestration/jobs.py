"""The jobs: which assets each of them materializes.

Belongs here: their names, selections and tags. Does not: when they start (launching/, schedules.py,
run_now.py).
"""

from typing import Any

import dagster as dg

from meeting_etl.orchestration.assets.day_assets import DAY_ASSETS, FILE_ASSETS
from meeting_etl.orchestration.assets.ingest_assets import INGEST_ASSETS
from meeting_etl.orchestration.assets.reconciled_meetings import reconciled_meetings
from meeting_etl.orchestration.checks.metrics_check import metrics_current
from meeting_etl.orchestration.checks.webhook_checks import webhooks_registered
from meeting_etl.orchestration.instance.run_retention import purge_old_runs

INGEST_JOB = dg.define_asset_job(
    "ingest",
    # Without checks: reading logs needs no request to Webex, the checks do.
    selection=dg.AssetSelection.assets(*INGEST_ASSETS).without_checks(),
    description="Ingest new lines of the webhook logs; switch recording on as the policy says.",
)
DAYS_JOB = dg.define_asset_job(
    "days",
    # Without checks: that of the metrics reads all days of the lake.
    selection=dg.AssetSelection.assets(*DAY_ASSETS).without_checks(),
    description="Fold webhook events into meetings and fetch what is due, for some days.",
)

INGEST_AND_DAYS_JOB = dg.define_asset_job(
    "ingest_and_days",
    selection=dg.AssetSelection.assets(*INGEST_ASSETS, *DAY_ASSETS).without_checks(),
    description="Ingest new lines of the webhook logs, then do the due work of some days.",
)

FILES_JOB = dg.define_asset_job(
    "files",
    selection=FILE_ASSETS,
    # dagster.yaml runs one at a time, so that downloads leave room for all other runs.
    tags={"meeting_etl/downloads": "true"},
    description="Download the recordings of some days, if downloads are switched on.",
)

RECONCILE_JOB = dg.define_asset_job(
    "reconcile",
    selection=dg.AssetSelection.assets(reconciled_meetings),
    description="Add the meetings of some days for which no webhook event arrived.",
)

WEBHOOKS_JOB = dg.define_asset_job(
    "webhooks",
    selection=dg.AssetSelection.checks(webhooks_registered),
    description="Check that the expected webhooks exist and are active; changes nothing.",
)

METRICS_JOB = dg.define_asset_job(
    "metrics",
    selection=dg.AssetSelection.checks(metrics_current),
    description="Check that the speaker metrics of all days are current; changes nothing.",
)


@dg.job(
    name="purge_runs",
    description="Remove old runs from the Dagster instance; tables and files are not touched.",
)
def PURGE_JOB() -> None:  # noqa: N802 - a job, named as the others
    """One step."""
    purge_old_runs()


JOBS: list[Any] = [
    INGEST_JOB,
    DAYS_JOB,
    INGEST_AND_DAYS_JOB,
    FILES_JOB,
    WEBHOOKS_JOB,
    METRICS_JOB,
    RECONCILE_JOB,
    PURGE_JOB,
]
