"""The asset check `metrics_current`: whether the metrics of all days are current.

Belongs here: the verdict and its sentence. Does not: what is compared (lake/metrics.py), when it
runs by itself (orchestration/schedules.py).
"""

import dagster as dg

from meeting_etl.lake.metrics import has_current_metrics
from meeting_etl.schemas import SPEAKER_METRICS, TRANSCRIPT_SNIPPETS
from meeting_etl.settings import Etl
from meeting_etl.times import parse_day


@dg.asset_check(
    asset=SPEAKER_METRICS.name,
    description="The speaker metrics of all days follow the current definition and are not older "
    "than their snippets.",
)
def metrics_current(etl: dg.ResourceParam[Etl]) -> dg.AssetCheckResult:
    """Checks every day that has snippets; sends no request."""
    days = filter(None, map(parse_day, etl.lake.partitions(TRANSCRIPT_SNIPPETS)))
    outdated = [str(day) for day in days if not has_current_metrics(etl.lake, day)]
    if not outdated:
        return dg.AssetCheckResult(passed=True, description="The metrics of all days are current.")
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"The metrics of {len(outdated):,} days follow an older definition or are "
        "older than their snippets: materialize speaker_metrics for these days, or run "
        "`meeting-etl migrate`.",
        metadata={"days": outdated},
    )
