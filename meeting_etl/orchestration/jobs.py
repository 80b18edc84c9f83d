"""The jobs: which assets each of them materializes.

Belongs here: their names, selections and tags. Does not: when they start (launching/, schedules.py,
run_now.py).
"""

from typing import Any

import dagster as dg

from meeting_etl.orchestration.assets.day_assets import DAY_TABLES
from meeting_etl.orchestration.assets.ingest_assets import INGEST_ASSETS
from meeting_etl.orchestration.assets.reconciled_meetings import reconciled_meetings
from meeting_etl.orchestration.assets.report_asset import report
from meeting_etl.orchestration.checks.all_checks import NIGHTLY, WITH_DAYS
from meeting_etl.orchestration.checks.webhook_checks import webhooks_registered
from meeting_etl.orchestration.ops.maintenance import (
    apply_retention,
    purge_old_runs,
    remove_leftovers,
)
from meeting_etl.orchestration.ops.reopen import reopen_work_items
from meeting_etl.orchestration.run_tags import DOWNLOADS_QUEUE, DOWNLOADS_TAG, QUEUE_TAG
from meeting_etl.schemas import RECORDING_FILES

# Without those that are switched off.
_DAY_TABLES = dg.AssetSelection.assets(*DAY_TABLES).materializable().without_checks()

INGEST_JOB = dg.define_asset_job(
    "ingest",
    # Without checks: reading logs needs no request to Webex, the checks do.
    selection=dg.AssetSelection.assets(*INGEST_ASSETS).without_checks(),
    description="Ingest new lines of the webhook logs; switch recording on as the policy says.",
)
DAYS_JOB = dg.define_asset_job(
    "days",
    # Of the checks only those that cost milliseconds; check_days has all.
    selection=_DAY_TABLES | WITH_DAYS,
    description="Fold webhook events into meetings and fetch what is due, for some days.",
)

INGEST_AND_DAYS_JOB = dg.define_asset_job(
    "ingest_and_days",
    selection=dg.AssetSelection.assets(*INGEST_ASSETS).without_checks() | _DAY_TABLES | WITH_DAYS,
    description="Ingest new lines of the webhook logs, then do the due work of some days.",
)

FILES_JOB = dg.define_asset_job(
    "files",
    selection=dg.AssetSelection.assets(RECORDING_FILES.name).materializable(),
    # dagster.yaml limits them, so that downloads leave room for all other runs. Workers may be for
    # downloads alone, or for all else.
    tags={DOWNLOADS_TAG: "true", QUEUE_TAG: DOWNLOADS_QUEUE},
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


REPORT_JOB = dg.define_asset_job(
    "report",
    selection=dg.AssetSelection.assets(report),
    description="Write charts of the last 31 days into one HTML file; sends no request.",
)

CHECKS_JOB = dg.define_asset_job(
    "check_days",
    selection=NIGHTLY,
    description="Check the tables of the last 7 days, or of the partitions of the run's tags, and "
    "what is checked of the lake as a whole; sends no request and changes nothing.",
)


@dg.job(
    name="reopen",
    description="Fetch work items again that are settled, given up or refused: fill in the days in "
    "the launchpad. The job makes them due and requests nothing; the sensors launch the runs.",
)
def REOPEN_JOB() -> None:  # noqa: N802 - a job, named as the others
    """One step."""
    reopen_work_items()


@dg.job(
    name="maintenance",
    description="Remove old runs from the Dagster instance, temporary files that killed processes "
    "left, and rows and files that are older than [retention] of the settings says: none by "
    "default.",
)
def MAINTENANCE_JOB() -> None:  # noqa: N802 - a job, named as the others
    """Three steps that do not depend on each other."""
    apply_retention()
    purge_old_runs()
    remove_leftovers()


# Without FILES_JOB and REPORT_JOB, which are there with downloads and with the extra `report`.
JOBS: list[Any] = [
    INGEST_JOB,
    DAYS_JOB,
    INGEST_AND_DAYS_JOB,
    WEBHOOKS_JOB,
    RECONCILE_JOB,
    CHECKS_JOB,
    REOPEN_JOB,
    MAINTENANCE_JOB,
]
