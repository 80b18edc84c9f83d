"""A recording whose event names no meeting still belongs to its meeting."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.promises.reconciling import ended_line, tell

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
WORLD = sized_world(1, NOW, meetings=1, participants=2, snippets=2)
(MEETING,) = WORLD.meetings
(RECORDING,) = MEETING.recordings


def created_line(recording_id: str, received_at: datetime, **data: str) -> str:
    payload = {
        "resource": "recordings",
        "event": "created",
        "orgId": "ORG",
        "data": {"id": recording_id, "siteUrl": MEETING.site_url, **data},
    }
    return json.dumps({"received_at": received_at.isoformat(), "body": payload}) + "\n"


def looked_up(product: Product, recording_id: str = RECORDING.id) -> int:
    paths = [url.partition("?")[0] for url in product.requests()]
    return paths.count(f"/v1/recordings/{recording_id}")


def item(product: Product) -> dict[str, Any]:
    (row,) = (row for row in product.rows("fetch_ledger") if row["resource"] == "recordings")
    return row


@pytest.mark.parametrize(
    "kind",
    ["user", pytest.param("admin", marks=pytest.mark.slow), "compliance"],
)
def test_a_meeting_of_which_nothing_else_told_is_found_by_its_recording(
    tmp_path: Path, kind: Kind
) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = Product(tmp_path, webex, kind, clock=clock)
        host = MEETING.host.email
        tell(product, created_line(RECORDING.id, NOW - timedelta(hours=1), hostEmail=host))
        assert product.run().failures == []
        (meeting,) = product.rows("meetings")
        assert (meeting["meeting_id"], meeting["origin"]) == (MEETING.id, "reconciled")
        (recording,) = product.rows("recordings")
        assert (recording["recording_id"], recording["meeting_id"]) == (RECORDING.id, MEETING.id)
        assert looked_up(product) == 1
        product.run()
        assert looked_up(product) == 1, "once it is known it is not looked up again"


@pytest.mark.slow
def test_it_opens_the_recordings_of_its_meeting_again(tmp_path: Path) -> None:
    """The meeting was settled long ago; the event still announces a recording."""
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = Product(tmp_path, webex, clock=clock)
        ended = MEETING.ended_at
        tell(product, ended_line(MEETING, ended, ended + timedelta(seconds=5)))
        product.run()
        clock.advance(days=9)
        product.run()
        assert item(product)["settled"]
        later = clock.now() - timedelta(minutes=5)
        tell(product, created_line(RECORDING.id, later))
        seen = webex.counters.total
        assert product.run().failures == []
        requested = product.requests(seen)
        assert [url for url in requested if "/recordings?" in url and MEETING.id in url]
        row = item(product)
        assert (row["opened_by"], row["settled"]) == ("event", False)


@pytest.mark.slow
def test_one_that_is_not_found_is_looked_up_four_times(tmp_path: Path) -> None:
    clock, unknown = ManualClock(NOW), "0" * 32
    with Sandbox(WORLD, clock) as webex:
        product = Product(tmp_path, webex, clock=clock)
        tell(product, created_line(unknown, NOW))
        for _ in range(8):
            assert product.run().failures == []
            clock.advance(hours=12)
        assert looked_up(product, unknown) == 4


@pytest.mark.slow
def test_while_the_token_is_refused_logs_are_read_and_it_is_looked_up_later(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        wrong = Product(tmp_path, webex, clock=clock, more={"WEBEX_ACCESS_TOKEN": "void"})
        tell(wrong, created_line(RECORDING.id, NOW))
        outcome = wrong.run()
        assert any("looked up by a later run" in notice for notice in outcome.notices)
        assert len(wrong.rows("webhook_events")) == 1
        product = Product(tmp_path, webex, clock=clock)
        product.run()
        assert len(product.rows("recordings")) == 1
