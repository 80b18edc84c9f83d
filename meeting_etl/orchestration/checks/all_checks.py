"""The list of all asset checks, and which of them run together.

Belongs here: which there are. Does not: what they check (the other modules of this folder), when
they run (orchestration/jobs.py, orchestration/schedules.py).
"""

import dagster as dg

from meeting_etl.orchestration.checks.day_checks import (
    DAY_CHECKS,
    LEDGER_COMPLETE,
    build_day_checks,
    keys_of,
)
from meeting_etl.orchestration.checks.log_checks import NIGHTLY_CHECKS
from meeting_etl.orchestration.checks.webhook_checks import webhooks_complete, webhooks_registered
from meeting_etl.pipeline.ledger.work_item import OPTIONAL

# What a run of days checks of the days that it worked on: a few milliseconds for a day. Not what
# can be switched off: steps of these would be skipped in most runs.
WITH_DAYS = dg.AssetSelection.checks(
    *(key for key in keys_of(LEDGER_COMPLETE) if key.asset_key.path[-1] not in OPTIONAL)
)
NIGHTLY = dg.AssetSelection.checks(*NIGHTLY_CHECKS, *keys_of(*DAY_CHECKS))


def build_checks(days: dg.PartitionsDefinition[str]) -> list[dg.AssetChecksDefinition]:
    """All checks; those of day assets have their partitions."""
    return [webhooks_registered, webhooks_complete, *NIGHTLY_CHECKS, *build_day_checks(days)]
