"""Rules 6 and 7: one meeting that is locked for hours stops no other, and is left alone so long."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, work_off
from meeting_etl_tests.webex.servers import Act, Reply, Seen, cutting, running

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
LOCKED_SECONDS = 3600


@pytest.mark.slow
def test_a_meeting_that_is_locked_for_an_hour_stops_nothing_else(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(demo_world(3, NOW, days=2, meetings=12), clock) as webex:
        passing_on = cutting(webex.base_url, cuts=lambda status: False)
        locked_id, is_locked, asked_at = "", True, list[datetime]()

        def answer(seen: Seen) -> Act:
            if locked_id and locked_id in (unquote(seen.path) + seen.params.get("meetingId", "")):
                asked_at.append(clock.now())
                if is_locked:
                    headers = {"Retry-After": str(LOCKED_SECONDS)}
                    return Reply({"message": "locked", "trackingId": "T"}, 423, headers)
            return passing_on(seen)

        with running(answer) as gateway:
            product = Product(tmp_path, webex, clock=clock, more={"WEBEX_BASE_URL": gateway.url})
            product.write_logs()
            locked_id = next(
                meeting.id
                for meeting in webex.world.meetings
                if meeting.ended_at < NOW - timedelta(hours=1)
            )
            outcome = product.run()
            assert asked_at
            assert set(asked_at) == {NOW}
            assert clock.now() == NOW  # nobody waited for it
            ledger = product.etl().ledger
            items = [item for day in ledger.days() for item in ledger.items(day)]
            failed = [item for item in items if item.status == "failed"]
            assert {item.meeting_id for item in failed} == {locked_id}
            assert {item.http_status for item in failed} == {423}
            until = NOW + timedelta(seconds=LOCKED_SECONDS)
            assert {item.next_attempt_at for item in failed} == {until}
            # The run itself went through; what it could not have is counted, for exit status 1.
            assert (outcome.failures, outcome.failed_items) == ([], len(failed))
            others = [item for item in items if item.meeting_id != locked_id]
            assert all(item.attempts or (item.next_attempt_at or NOW) > NOW for item in others)
            with_participants = {row["meeting_id"] for row in product.rows("participants")}
            assert len(with_participants) > 1
            assert locked_id not in with_participants

            before = len(asked_at)
            for minutes in (15, 44):
                clock.advance(minutes=minutes)
                work_off(product.etl())
            assert len(asked_at) == before
            is_locked = False
            clock.advance(minutes=1)
            work_off(product.etl())
            assert len(asked_at) > before
            assert locked_id in {row["meeting_id"] for row in product.rows("participants")}
