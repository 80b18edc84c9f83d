"""An API that cannot be reached leaves no table green, however few requests there were."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from meeting_etl.definitions import build_defs
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.orchestration.checks.checking import verdict
from meeting_etl_tests.product import Product

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
NOWHERE = {"WEBEX_BASE_URL": "http://127.0.0.1:9/v1"}


def test_tables_of_which_all_requests_failed_are_red(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=1, participants=1, snippets=1)
    with Sandbox(world, ManualClock(NOW)) as webex:
        product = Product(tmp_path, webex, "user", webex.clock, NOWHERE)
        product.write_logs()
        etl = product.etl()
        ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
        (day, *_) = etl.ledger.due_days()
        with dg.DagsterInstance.ephemeral() as instance:
            job = build_defs(etl).resolve_job_def("days")
            result = job.execute_in_process(
                instance=instance, partition_key=str(day), raise_on_error=False
            )
    assert result.success
    found = {
        check.asset_key.path[-1]: verdict(check) for check in result.get_asset_check_evaluations()
    }
    assert found == {
        "meetings": "error",
        "recordings": "error",
        "participants": "error",
        "transcripts": "error",
        "transcript_snippets": "passed",
    }
