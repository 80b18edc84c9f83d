"""The asset `reconciled_meetings`: adds meetings without a webhook event to `meetings`.

Belongs here: the asset and its metadata. Does not: when it runs (orchestration/schedules.py), its
check (orchestration/checks/webhook_checks.py), how meetings are found
(pipeline/reconcile/reconcile.py, pipeline/reconcile/events_without_meeting.py).
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date

import dagster as dg

from meeting_etl.orchestration.assets.day_metadata import Metadata
from meeting_etl.orchestration.assets.descriptions import CODE, DESCRIPTIONS
from meeting_etl.orchestration.assets.materialization import (
    Result,
    TableMetadata,
    days_of,
    materialize,
    report_failures,
)
from meeting_etl.orchestration.assets.partitions import DAYS
from meeting_etl.orchestration.assets.table_asset import WEBEX
from meeting_etl.settings import Etl

_NAME = "reconciled_meetings"
CANNOT_LIST = (
    "A compliance officer's token cannot list ended meetings. Meetings without a webhook event are "
    "found only if a recording, transcript or participant event mentions them. An administrator's "
    "token can list them."
)
UNUSABLE = (
    "items of Webex's listing could not be used: they have errors instead of data, or an "
    "implausible end. Reconcile these days again."
)


@dg.multi_asset(
    name=_NAME,
    specs=[
        dg.AssetSpec(
            _NAME,
            # It compares `meetings` with the listing. It adds to `meetings`, too, but an edge from
            # here would have the UI warn whoever materializes `meetings` without it.
            deps=["meetings"],
            group_name=WEBEX,
            kinds={"webex"},
            description=DESCRIPTIONS[_NAME],
            metadata={"code": f"meeting_etl/{CODE[_NAME]}"},
        )
    ],
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def reconciled_meetings(context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]) -> Result:
    """Reconcile each day with Webex's listing, then look up events without meeting by id."""
    with report_failures(context, etl):
        materialize(context, etl, _reconciled_days(context, etl), knows_all=True)
    return dg.MaterializeResult()


def _reconciled_days(context: dg.AssetExecutionContext, etl: Etl) -> Iterator[TableMetadata]:
    """The counts of each day. Those of the whole run are added to every day at the end."""
    from meeting_etl.pipeline.reconcile.events_without_meeting import look_up_meetings
    from meeting_etl.pipeline.reconcile.listing import ListingWindows
    from meeting_etl.pipeline.reconcile.own_meetings import OwnMeetings
    from meeting_etl.pipeline.reconcile.reconcile import can_list, reconcile

    days, requests_before = days_of(context), etl.requests_sent
    fetch_context = etl.fetch_context(context.run.run_id)
    run: Metadata = {}
    own = OwnMeetings()
    windows = ListingWindows(fetch_context.accounts, etl.clock, fetch_context.run_id)
    by_day: dict[date, Metadata] = {}
    if not can_list(fetch_context):
        run["skipped"] = CANNOT_LIST
        context.log.warning(CANNOT_LIST)
        by_day = {day: {} for day in days}
        yield from ((day, _NAME, metadata) for day, metadata in by_day.items())
    else:
        for report in reconcile(fetch_context, windows, own, days):
            by_day[report.day] = asdict(report)
            del by_day[report.day]["day"]
            yield report.day, _NAME, by_day[report.day]
    lookup = look_up_meetings(fetch_context, own, days)
    unusable = windows.broken + lookup.unusable
    if unusable:
        context.log.warning(f"{unusable:,} {UNUSABLE}")
    run |= {
        "run_windows": windows.windows,
        "run_listed": windows.listed,
        "run_unusable_items": unusable,
        "run_orphans_looked_up": lookup.requested,
        "run_orphans_found": lookup.found,
        "run_requests": etl.requests_sent - requests_before,
    }
    if etl.set_aside:
        run["not_listed_by"] = ", ".join(etl.set_aside)
    if windows.drift.unknown:
        run["unknown_fields"] = dict(windows.drift.unknown)
    for metadata in by_day.values():
        metadata.update(run)
