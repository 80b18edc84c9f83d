"""The jobs: which assets a run of each works on.

Belongs here: their names, selections and tags. Does not: when they start (sensors.py, run_now.py),
the jobs beside the tables (reconcile_job.py, checks.py, run_retention.py).
"""

import dagster as dg

from meeting_etl.orchestration.assets import DAY_ASSETS, FILE_ASSETS, INGEST_ASSETS

INGEST_JOB = dg.define_asset_job(
    "ingest",
    # Reading logs needs no Webex; the checks of the asset do.
    selection=dg.AssetSelection.assets(*INGEST_ASSETS).without_checks(),
    description="Read what the webhook logs have new; switch recording on where that is wanted.",
)
DAYS_JOB = dg.define_asset_job(
    "days",
    # The check of the metrics looks at all days there are.
    selection=dg.AssetSelection.assets(*DAY_ASSETS).without_checks(),
    description="Fold and fetch what is due of some days.",
)

INGEST_AND_DAYS_JOB = dg.define_asset_job(
    "ingest_and_days",
    selection=dg.AssetSelection.assets(*INGEST_ASSETS, *DAY_ASSETS).without_checks(),
    description="Read what the webhook logs have new, then do what is due of some days.",
)

FILES_JOB = dg.define_asset_job(
    "files",
    selection=FILE_ASSETS,
    # One at a time (dagster.yaml): downloads are not to take the places of all other runs.
    tags={"meeting_etl/downloads": "true"},
    description="Download recordings of some days, where that is switched on.",
)
