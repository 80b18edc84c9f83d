"""A lake that is filled by hand, and its checks by the job that runs them every night."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from meeting_etl.definitions import build_defs
from meeting_etl.settings import Etl
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock

# A Monday.
DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 5, 12, 7, tzinfo=UTC)


def lake_of(folder: Path, *, now: datetime = NOW, **environ: str) -> Etl:
    return Etl({"MEETING_ETL_DATA_DIR": str(folder), **environ}, ManualClock(now))


def meetings(*ids: str, day: date = DAY, hour: int = 10) -> list[dict[str, Any]]:
    ended_at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    return [{"meeting_id": meeting, "ended_at": ended_at} for meeting in ids]


def evaluations(
    etl: Etl,
    span: Span | None,
    job: str = "check_days",
    instance: dg.DagsterInstance | None = None,
) -> dict[tuple[str, str, str | None], dg.AssetCheckEvaluation]:
    """What a run of the job found, by asset, check and partition."""
    first_and_last = (
        {
            "dagster/asset_partition_range_start": str(span.first),
            "dagster/asset_partition_range_end": str(span.last),
        }
        if span
        else {}
    )
    with dg.DagsterInstance.ephemeral() as own:
        definition = build_defs(etl, first_day=date(2026, 1, 1)).resolve_job_def(job)
        result = definition.execute_in_process(instance=instance or own, tags=first_and_last)
    assert result.success
    found = result.get_asset_check_evaluations()
    return {(each.asset_key.path[-1], each.check_name, each.partition): each for each in found}


def checked(etl: Etl, asset: str, name: str, *, day: date | None = DAY) -> dg.AssetCheckEvaluation:
    """The result of one check; with None for the day, of one that is about no single day."""
    found = evaluations(etl, Span(DAY, DAY))
    return found[asset, name, str(day) if day else None]


def verdict(found: dg.AssetCheckEvaluation) -> str:
    """passed, warning or error."""
    if found.passed:
        return "passed"
    return "warning" if found.severity is dg.AssetCheckSeverity.WARN else "error"


def counts(found: dg.AssetCheckEvaluation) -> dict[str, Any]:
    return {name: value.value for name, value in found.metadata.items()}
