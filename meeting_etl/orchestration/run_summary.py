"""What runs in this process did, read from their Dagster events and metadata.

Belongs here: RunSummary, and filling it from the results of jobs. Does not: executing jobs
(run_now.py), showing the summary (cli/run_report.py).
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

import dagster as dg
from dagster._core.execution.plan.objects import ErrorSource

from meeting_etl.orchestration.assets.reconciled_meetings import UNUSABLE
from meeting_etl.pipeline.auto_record.results import NOT_FINAL

# The kind of failure of a run that was interrupted.
INTERRUPTED = "Interrupted"


@dataclass
class RunSummary:
    """What run_now() did.

    `failures` are the kind of error and the message of each failed step. `notices` are sentences
    about the logs, auto-record and discovered meetings. `failed_items` counts the work items whose
    requests failed and will be retried. `set_aside` are sentences about accounts that could not be
    used; the others went on.
    """

    days: list[date] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    failed_items: int = 0
    set_aside: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def collect_failures(result: dg.ExecuteInProcessResult, summary: RunSummary) -> None:
    """Add the failed steps of a run to the summary."""
    for event in result.filter_events(lambda event: event.is_step_failure):
        data: Any = event.event_specific_data
        failure = data.user_failure_data
        if failure is not None:
            kind = failure.metadata.get("kind")
            summary.failures.append((str(kind.value) if kind else "", failure.description or ""))
        else:
            text = data.error.to_string() if data.error else "A step failed."
            interrupted = data.error_source == ErrorSource.INTERRUPT
            summary.failures.append((INTERRUPTED, "") if interrupted else ("", text))


def ingest_notices(result: dg.ExecuteInProcessResult) -> list[str]:
    """Sentences about the logs: which were replaced, unreadable, or have rejected lines."""
    notices: list[str] = []
    for event in result.get_asset_materialization_events():
        metadata = event.materialization.metadata
        if "skipped" in metadata and metadata["skipped"].value not in notices:
            notices.append(cast(str, metadata["skipped"].value))
        if "problems" in metadata:
            notices += cast(list[str], metadata["notices"].value)
            notices += cast(list[str], metadata["problems"].value)
            rejected = cast(dict[str, int], metadata["rejected"].value)
            if rejected:
                reasons = ", ".join(f"{count} {reason}" for reason, count in rejected.items())
                notices.append(f"Rejected lines ({reasons}): run `meeting-etl rejected`.")
    return notices


def discovery_notices(result: dg.ExecuteInProcessResult) -> list[str]:
    """How many meetings without a webhook event were found, and what is wrong with the others."""
    days = [event.materialization.metadata for event in result.get_asset_materialization_events()]
    if not days or "run_listed" not in days[0]:
        return []
    added = sum(cast(int, day["added"].value) for day in days if "added" in day)
    known = sum(cast(int, day["known"].value) for day in days if "known" in day)
    by_id = cast(int, days[0]["run_orphans_found"].value)
    discovered = (
        f"Discovered {added + by_id:,} meetings without a webhook event: {added:,} in Webex's "
        f"listing, which has {known:,} known meetings as well, and {by_id:,} by their ids."
    )
    notices = [discovered]
    if unusable := cast(int, days[0]["run_unusable_items"].value):
        notices.append(f"{unusable:,} {UNUSABLE}")
    notices += [
        check.description
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR and check.description
    ]
    return notices


def undecided_count(result: dg.ExecuteInProcessResult) -> int:
    """How many meetings auto-record could not decide on; they are tried again."""
    return sum(
        cast(int, event.materialization.metadata[name].value)
        for event in result.get_asset_materialization_events()
        for name in NOT_FINAL & set(event.materialization.metadata)
    )
