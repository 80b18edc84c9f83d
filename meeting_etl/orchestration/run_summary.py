"""What came of runs in this process, as their events and metadata tell it.

Belongs here: Outcome, and reading it from the results of jobs. Does not: running them
(run_now.py), showing it (cli/run_report.py).
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

import dagster as dg

from meeting_etl.orchestration.reconcile_job import UNUSABLE
from meeting_etl.pipeline.auto_record.results import NOT_FINAL

# Kind of the failure of a run that was asked to stop.
INTERRUPTED = "Interrupted"


@dataclass
class RunSummary:
    """What run_now did.

    `failures` are kind of error and sentence of each failed step, `notices` what there is to know
    about the logs and auto-record, `failed_items` answers that could not be had.
    """

    days: list[date] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    failed_items: int = 0
    notices: list[str] = field(default_factory=list)


def collect_failures(result: dg.ExecuteInProcessResult, outcome: RunSummary) -> None:
    """Gather what the failed steps of a run say."""
    for event in result.filter_events(lambda one: one.is_step_failure):
        data: Any = event.event_specific_data
        failure = data.user_failure_data
        if failure is not None:
            kind = failure.metadata.get("kind")
            outcome.failures.append((str(kind.value) if kind else "", failure.description or ""))
        else:
            text = data.error.to_string() if data.error else "A step failed."
            interrupted = "DagsterExecutionInterruptedError" in text
            outcome.failures.append((INTERRUPTED, "") if interrupted else ("", text))


def ingest_notices(result: dg.ExecuteInProcessResult) -> list[str]:
    """What ingest noticed about the logs: replaced ones, unreadable ones."""
    found: list[str] = []
    for event in result.get_asset_materialization_events():
        metadata = event.materialization.metadata
        if "skipped" in metadata and metadata["skipped"].value not in found:
            found.append(cast(str, metadata["skipped"].value))
        if "problems" in metadata:
            found += cast(list[str], metadata["notices"].value)
            found += cast(list[str], metadata["problems"].value)
            rejected = cast(dict[str, int], metadata["rejected"].value)
            if rejected:
                reasons = ", ".join(f"{count} {reason}" for reason, count in rejected.items())
                found.append(f"Rejected lines ({reasons}): see `meeting-etl rejected`.")
    return found


def discovery_notices(result: dg.ExecuteInProcessResult) -> list[str]:
    """How many meetings were found that no webhook told of."""
    days = [event.materialization.metadata for event in result.get_asset_materialization_events()]
    if not days or "run_listed" not in days[0]:
        return []
    added = sum(cast(int, day["added"].value) for day in days if "added" in day)
    found = cast(int, days[0]["run_orphans_found"].value)
    known = sum(cast(int, day["known"].value) for day in days if "known" in day)
    told = (
        f"Discovered {added + found:,} meetings of which no webhook told: {added:,} in Webex's "
        f"listing, which has {known:,} known ones beside, {found:,} asked for by id."
    )
    notices = [told]
    if unusable := cast(int, days[0]["run_unusable_items"].value):
        notices.append(f"{unusable:,} {UNUSABLE}")
    checks = result.get_asset_check_evaluations()
    return notices + [one.description for one in checks if not one.passed and one.description]


def undecided_count(result: dg.ExecuteInProcessResult) -> int:
    """How many meetings could not be decided on and are tried again."""
    return sum(
        cast(int, event.materialization.metadata[name].value)
        for event in result.get_asset_materialization_events()
        for name in NOT_FINAL & set(event.materialization.metadata)
    )
