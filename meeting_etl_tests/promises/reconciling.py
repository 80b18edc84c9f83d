"""Worlds, lines and questions that the tests of reconcile share."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.run_tags import span_tags
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind, Meeting, World
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl.schemas import FIRST_DAY
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, tables

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
DAYS = Span(date(2026, 3, 8), date(2026, 3, 16))
SIZED = Span(date(2026, 3, 7), date(2026, 3, 11))
OF_THE_WEBHOOK = ("origin", "first_received_at", "delivery_count")
HOUR = timedelta(hours=1)


def own_world(seed: int) -> World:
    """A lively world of meetings that the owner of the user token hosts.

    Without those that ended within the hour: of them a webhook tells before a listing does.
    """
    world = demo_world(seed, NOW, days=4, meetings=40)
    listed = (meeting for meeting in world.meetings if not NOW - HOUR < meeting.ended_at <= NOW)
    return replace(world, meetings=tuple(replace(meeting, host=world.owner) for meeting in listed))


def found(product: Product) -> dict[str, Any]:
    """All tables but those of the logs, without what only a webhook tells."""
    shown = tables(product.folder)
    for name in ("webhook_events", "rejected_lines"):
        del shown[name]
    for row in shown["meetings"]:
        for column in OF_THE_WEBHOOK:
            del row[column]
    for row in shown["fetch_ledger"]:
        # An event without a moment is dated by the lines before it, which may be lost.
        del row["opened_at"], row["opened_by"]
        # Places in the logs, where lines may be lost.
        del row["events_seen"]
    return shown


def whole(world: World, folder: Path, kind: Kind, clock: ManualClock) -> dict[str, Any]:
    """What a run with all webhooks gives."""
    with Sandbox(world, clock) as webex:
        product = Product(folder, webex, kind, clock=clock)
        product.write_logs()
        assert product.run().failures == []
        return found(product)


def origins(product: Product) -> Counter[str]:
    return Counter(row["origin"] for row in product.rows("meetings"))


def listings(urls: list[str]) -> list[str]:
    return [url for url in urls if url.startswith("/v1/meetings?")]


def ended_line(meeting: Meeting, ended: datetime, received: datetime) -> str:
    """A line that tells of the end of a meeting."""
    data = {
        "id": meeting.id,
        "start": (ended - timedelta(minutes=30)).isoformat(),
        "end": ended.isoformat(),
        "hostEmail": meeting.host.email,
        "siteUrl": meeting.site_url,
        "state": "ended",
        "meetingType": "meeting",
    }
    body = {"resource": "meetings", "event": "ended", "data": data}
    return json.dumps({"received_at": received.isoformat(), "headers": {}, "body": body}) + "\n"


def tell(product: Product, *lines: str) -> None:
    folder = product.folder / "webhook_logs"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "later.jsonl").open("a") as file:
        file.writelines(lines)


def asset_line(meeting: Meeting, resource: str, key: str, received: datetime) -> str:
    body = {"resource": resource, "event": "created", "data": {"id": key, "meetingId": meeting.id}}
    return json.dumps({"received_at": received.isoformat(), "body": body}) + "\n"


def reconcile_alone(product: Product, days: Span) -> None:
    """The asset for a range of days in one run, as a backfill does it."""
    with dg.DagsterInstance.ephemeral() as instance:
        job = build_defs(product.etl(), first_day=FIRST_DAY).resolve_job_def("reconcile")
        assert job.execute_in_process(instance=instance, tags=span_tags(days)).success
        shown = instance.get_materialized_partitions(dg.AssetKey("reconciled_meetings"))
        assert shown == {str(day) for day in days}
