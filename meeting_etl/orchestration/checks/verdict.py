"""class Verdict: what a check found, as the pages of Dagster show it.

Belongs here: its parts, and becoming a result of Dagster's. Does not: any check (the other modules
of this folder).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as Materialization,
)


@dataclass(frozen=True)
class Verdict:
    """A sentence, and counts that Dagster plots: they are there whether the check passes or not.

    A check that does not pass is a warning, unless it `is_error`.
    """

    sentence: str
    counts: Mapping[str, Any] = field(default_factory=dict)
    passed: bool = True
    is_error: bool = False

    def result(self) -> dg.AssetCheckResult:
        """The result of a check that is about no single day."""
        return dg.AssetCheckResult(
            passed=self.passed,
            severity=self._severity,
            description=self.sentence,
            metadata=dict(self.counts),
        )

    def of_day(
        self, key: dg.AssetCheckKey, day: str, checked: Materialization | None
    ) -> dg.AssetCheckEvaluation:
        """The result of a check for one day; a run of many days has one for each.

        Dagster shows it until the day is materialized again after the one that was `checked`.
        """
        return dg.AssetCheckEvaluation(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=self.passed,
            severity=self._severity,
            description=self.sentence,
            metadata=dict(self.counts),
            partition=day,
            target_materialization_data=checked,
        )

    @property
    def urgency(self) -> int:
        """0 for a check that passes, 1 for a warning, 2 for an error."""
        return 0 if self.passed else 1 + self.is_error

    @property
    def _severity(self) -> dg.AssetCheckSeverity:
        return dg.AssetCheckSeverity.ERROR if self.is_error else dg.AssetCheckSeverity.WARN


def latest_materialization(
    instance: dg.DagsterInstance, asset: dg.AssetKey, day: str
) -> Materialization | None:
    """What a check of the day checks now; None for a day that was never materialized."""
    of_day = dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[day])
    records = instance.fetch_materializations(of_day, limit=1).records
    if not records:
        return None
    (record,) = records
    return Materialization(
        storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
    )
