"""Days of which nothing is known are not shown as days on which nobody met."""

from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.run_tags import span_tags
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
# All meetings ended on this day, and their events were received then.
DAY = date(2026, 3, 11)


def test_days_before_the_first_event_are_not_materialized(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=2, participants=2, snippets=2)
    with (
        Sandbox(world, ManualClock(NOW)) as webex,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        product = Product(tmp_path, webex, "user", clock=webex.clock)
        (tmp_path / "webhook_logs").mkdir()
        product.write_logs()
        for log in (tmp_path / "webhook_logs").iterdir():
            if str(DAY) not in log.name:
                log.unlink()
        product.run()
        defs = build_defs(product.etl(), first_day=date(2026, 3, 9))
        job = defs.resolve_job_def("days")
        span = Span(date(2026, 3, 9), date(2026, 3, 12))
        result = job.execute_in_process(instance=instance, tags=span_tags(span))
        assert result.success
        # Nobody met on the 12th: webhook logs began before.
        for name in ("meetings", "speaker_metrics"):
            days = instance.get_materialized_partitions(dg.AssetKey(name))
            assert days == {"2026-03-11", "2026-03-12"}, name
        said = [entry.user_message for entry in instance.all_logs(result.run_id)]
        (line,) = (text for text in said if "not materialized: no" in text)
        assert line.startswith("2 days before 2026-03-11 are not materialized")
