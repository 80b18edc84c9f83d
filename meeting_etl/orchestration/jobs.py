"""The jobs: which assets each of them materializes.

Belongs here: their names, selections and tags. Does not: when they start (sensors.py, run_now.py),
the jobs of a single asset, check or op (reconcile_job.py, checks.py, run_retention.py).
"""

import dagster as dg

from meeting_etl.orchestration.day_assets import DAY_ASSETS, FILE_ASSETS
from meeting_etl.orchestration.ingest_assets import INGEST_ASSETS

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
