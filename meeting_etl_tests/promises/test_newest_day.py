"""The newest day comes first: its requests do not wait until all other days are opened."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from meeting_etl.pipeline.fetch.fetch_days import fetch_days
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.pipeline.meetings.fold import fold
from meeting_etl.pipeline.resources.all_resources import day_specs
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.served_ui import wait_until

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
DAYS = 5


@pytest.mark.slow
def test_what_follows_its_details_is_sent_before_further_days_are_opened(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=2 * DAYS, participants=1, snippets=1, days=DAYS)
    with Sandbox(world, ManualClock(NOW)) as webex:
        product = Product(tmp_path, webex, "user", clock=webex.clock)
        product.write_logs()
        etl = product.etl()
        ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
        days = etl.ledger.due_days()
        assert len(list(fold(etl.lake, etl.ledger, days))) == DAYS
        newest = {meeting.id for meeting in world.meetings if meeting.ended_at.date() == days[0]}
        sent_before: dict[date, int] = {}

        def sent() -> int:
            of_newest = [url for url in product.requests() if any(i in url for i in newest)]
            return sum("meetingParticipants" in url for url in of_newest)

        def slowly(day: date, may_wait: bool) -> bool:
            """As folding a large day: while the last one is folded, answers arrive."""
            del may_wait
            if day == days[-1]:
                wait_until(lambda: sent() == len(newest))
            sent_before[day] = sent()
            return True

        specs = [spec for spec in day_specs(etl.files, ()) if etl.ledger.wants(spec.resource)]
        reports = list(fetch_days(etl.fetch_context("run"), specs, days, slowly))
        assert sorted(report.day for report in reports) == sorted(days)
        assert sent_before[days[0]] == 0
        assert sent_before[days[-1]] == len(newest)


@pytest.mark.slow
def test_few_days_are_locked_while_only_details_are_awaited(tmp_path: Path) -> None:
    """Details take a third of a second, preparing a day none."""
    world = sized_world(1, NOW, meetings=2 * DAYS, participants=1, snippets=1, days=DAYS)
    with Sandbox(world, ManualClock(NOW), Faults(latency_ms=300)) as webex:
        product = Product(tmp_path, webex, "user", clock=webex.clock)
        product.write_logs()
        etl = product.etl()
        ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
        days = etl.ledger.due_days()
        list(fold(etl.lake, etl.ledger, days))
        locked: list[int] = []

        def count_locked(day: date, may_wait: bool) -> bool:
            del day, may_wait
            if not any("meetingParticipants" in url for url in product.requests()):
                locked.append(sum(etl.state.is_locked(f"day-{day}") for day in days))
            return True

        specs = [spec for spec in day_specs(etl.files, ()) if etl.ledger.wants(spec.resource)]
        reports = list(fetch_days(etl.fetch_context("run"), specs, days, count_locked))
        assert len(reports) == DAYS
        assert 1 <= max(locked) <= 3
