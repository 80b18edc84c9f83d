"""Rule 2 for reconcile: after a failure at any single write, repeating it loses nothing."""

import json
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.lake import catalog
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.pipeline.reconcile.events_without_meeting import look_up_meetings
from meeting_etl.pipeline.reconcile.listing import ListingWindows
from meeting_etl.pipeline.reconcile.own_meetings import OwnMeetings
from meeting_etl.pipeline.reconcile.reconcile import reconcile
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.settings import Etl
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.product import Product, tables, work_off

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
DAYS = Span(date(2026, 3, 11), date(2026, 3, 12))
# Side by side, on as many cores as there are.
SHARDS = 4


def discover(etl: Etl) -> None:
    fetch_context = etl.fetch_context("run")
    ours = OwnMeetings()
    windows = ListingWindows(fetch_context.accounts, etl.clock, "run")
    list(reconcile(fetch_context, windows, ours, [*DAYS]))
    look_up_meetings(fetch_context, ours, [*DAYS])
    catalog.publish(etl.files, etl.lake)


def both(etl: Etl) -> None:
    ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    discover(etl)
    work_off(etl)


def line(resource: str, event: str, data: dict[str, Any], received: datetime) -> str:
    body = {"resource": resource, "event": event, "data": data}
    return json.dumps({"received_at": received.isoformat(), "body": body}) + "\n"


def outcome(folder: Path, fails_at: int) -> tuple[dict[str, Any], int]:
    """Found by listing and as an orphan; then the webhook comes, with an end of another day."""
    world = sized_world(1, NOW, meetings=4, participants=2, snippets=2, days=2)
    orphan, *_, last = world.meetings
    clock = ManualClock(NOW)
    with Sandbox(world, clock) as webex:
        product = Product(folder, webex, "admin", clock=clock)
        files = FaultyFiles(folder, fails_at)

        logs = folder / "webhook_logs"
        logs.mkdir(parents=True)
        received = datetime(2026, 3, 12, 9, tzinfo=UTC)
        data = {"id": orphan.recordings[0].id, "meetingId": orphan.id}
        (logs / "a.jsonl").write_text(line("recordings", "created", data, received))
        files.twice_if_it_fails(product.etl, both)
        clock.advance(hours=1)
        ended = last.ended_at - timedelta(days=1)
        told = {"id": last.id, "end": ended.isoformat(), "hostEmail": last.host.email}
        (logs / "b.jsonl").write_text(line("meetings", "ended", told, clock.now()))
        files.twice_if_it_fails(product.etl, both)
    found = tables(folder)
    # Killed after the meeting was added, nothing is left to be remembered of the orphan.
    assert {row["outcome"] for row in product.rows("orphans")} <= {"found"}
    for row in found["meetings"]:
        # Killed before the ledger knows that the details are here, they are asked for once more,
        # by the listing, which has other flags than the answer by id.
        row["extra"] = None
    for row in found["fetch_ledger"]:
        row["attempts"] = None
    open_days = product.etl().ledger.open_days().items()
    return {**found, "open": [(day, due.due_at, due.news) for day, due in open_days]}, files.writes


@pytest.mark.slow
def test_all_are_found_and_the_webhook_wins(tmp_path: Path) -> None:
    found, writes = outcome(tmp_path, -1)
    assert writes > 30
    origins = [(row["date"], row["origin"]) for row in found["meetings"]]
    assert sorted(origins) == [
        (date(2026, 3, 10), "reconciled"),
        (date(2026, 3, 10), "webhook"),
        (date(2026, 3, 11), "reconciled"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_each_single_write_fails_once(tmp_path: Path, shard: int) -> None:
    expected, writes = outcome(tmp_path / "whole", -1)
    for fails_at in range(shard, writes, SHARDS):
        found, _ = outcome(tmp_path / str(fails_at), fails_at)
        assert found == expected, f"after a failure of write {fails_at}"


def test_no_day_is_held_while_ingest_is_waited_for(tmp_path: Path) -> None:
    """A first import takes hours; a reconcile that waited for it would keep the day's runs out."""
    world = sized_world(1, NOW, meetings=1, participants=1, snippets=1)
    with Sandbox(world, ManualClock(NOW)) as webex:
        product = Product(tmp_path, webex, "admin", clock=webex.clock)
        etl = product.etl()
        with etl.state.lock("ingest"):
            thread = threading.Thread(target=discover, args=[etl], daemon=True)
            thread.start()
            thread.join(30)
            assert not thread.is_alive()
        assert len(product.rows("meetings")) == 1
