"""The asset `reconciled_meetings`: meetings whose webhook never came, added to `meetings`.

Belongs here: the asset, its metadata, its job and its nightly schedule. Does not: what is red about
it (checks.py), how meetings are found (pipeline/reconcile/reconcile.py,
pipeline/reconcile/events_without_meeting.py).
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, timedelta

import dagster as dg

from meeting_etl.orchestration.materialization import (
    DAYS,
    Metadata,
    Result,
    days_of,
    materialize_days,
    report_failures,
    without_beta_warnings,
)
from meeting_etl.orchestration.run_tags import span_tags
from meeting_etl.pipeline.reconcile.events_without_meeting import look_up_meetings
from meeting_etl.pipeline.reconcile.listing import ListingWindows, OwnMeetings
from meeting_etl.pipeline.reconcile.reconcile import can_list, reconcile
from meeting_etl.settings import Etl
from meeting_etl.times import Span, utc_day

CANNOT_LIST = (
    "A compliance officer's token cannot list ended meetings: those whose webhook never came are "
    "found only where a recording, a transcript or a participant tells of them. The token of an "
    "administrator can list them."
)
UNUSABLE = (
    "items of Webex's listing could not be used: they have errors instead of data, or no end that "
    "can be. Discover these days again."
)

with without_beta_warnings():

    @dg.asset(
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="meetings",
        kinds={"parquet"},
        description="Meetings that Webex lists and no webhook told of, added to `meetings` with "
        "origin `reconciled`. Depends on no other asset; writes no table of its own.",
    )
    def reconciled_meetings(
        context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]
    ) -> Result:
        """Hold Webex's listing of each day against the lake, then ask for orphans by id."""
        with report_failures(context, etl):
            return materialize_days(context, etl, _described(context, etl))


def _described(context: dg.AssetExecutionContext, etl: Etl) -> Iterator[tuple[date, Metadata]]:
    """Counts of each day, with what the whole run cost beside; complete at the end."""
    days, before = days_of(context), etl.requests_sent
    fetch_context, run = etl.fetch_context(context.run.run_id), dict[str, object]()
    ours = OwnMeetings(fetch_context.webex)
    windows = ListingWindows(fetch_context.webex, etl.clock, fetch_context.run_id)
    told: dict[date, Metadata] = {}
    if not can_list(fetch_context):
        run["skipped"] = CANNOT_LIST
        context.log.warning(CANNOT_LIST)
        told = {day: {} for day in days}
        yield from told.items()
    else:
        for one in reconcile(fetch_context, windows, ours, days):
            told[one.day] = {name: count for name, count in asdict(one).items() if name != "day"}
            yield one.day, told[one.day]
    orphans = look_up_meetings(fetch_context, ours, days)
    unusable = windows.broken + orphans.unusable
    if unusable:
        context.log.warning(f"{unusable:,} {UNUSABLE}")
    run |= {
        "run_windows": windows.windows,
        "run_listed": windows.listed,
        "run_unusable_items": unusable,
        "run_orphans_asked": orphans.asked,
        "run_orphans_found": orphans.found,
        "run_requests": etl.requests_sent - before,
    }
    if windows.drift.unknown:
        run["unknown_fields"] = dict(windows.drift.unknown)
    for metadata in told.values():
        metadata.update(run)


RECONCILE_JOB = dg.define_asset_job(
    "reconcile",
    selection=dg.AssetSelection.assets(reconciled_meetings),
    description="Add the meetings of some days whose webhook never came.",
)


@dg.schedule(
    job=RECONCILE_JOB,
    cron_schedule="30 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Looks every night for meetings of the two last days whose webhook never came.",
)
def reconcile_nightly(etl: dg.ResourceParam[Etl]) -> dg.RunRequest:
    """The two days that are over, in one run: what is listed late is found the night after."""
    return dg.RunRequest(tags=span_tags(last_days(etl)))


def last_days(etl: Etl) -> Span:
    """Yesterday and the day before, UTC."""
    today = utc_day(etl.clock.now())
    return Span(today - timedelta(days=2), today - timedelta(days=1))
