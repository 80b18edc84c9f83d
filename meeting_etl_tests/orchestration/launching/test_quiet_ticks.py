"""Ticks that launch nothing: what they say, what they cost, and an error of a tick."""

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._utils.error import serializable_error_info_from_exc_info

from meeting_etl.definitions import build_defs
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)


@pytest.fixture
def etl(tmp_path: Path) -> Etl:
    return Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)}, ManualClock(NOW))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def test_a_tick_without_news_says_what_is_due_next_and_does_not_open_the_instance(etl: Etl) -> None:
    """Two of the three work items of the 10th are due at 15:30; a download is due now."""
    day, at = date(2026, 3, 10), datetime(2026, 3, 16, 15, 30, tzinfo=UTC)
    items = [
        WorkItem("m", "recordings", next_attempt_at=at),
        WorkItem("n", "recordings", next_attempt_at=at),
        WorkItem("n", "transcripts", next_attempt_at=at + timedelta(hours=1)),
        WorkItem("n", "recording_files", "r", next_attempt_at=NOW),
    ]
    etl.ledger.record(day, items)
    etl.ledger.refresh(day)
    defs = build_defs(etl)
    with dg.build_sensor_context(definitions=defs) as context:
        found = defs.resolve_sensor_def("due_work").evaluate_tick(context).skip_message
    assert found == (
        "No log has new lines. The next work is due at 2026-03-16T15:30:00Z: 2 work items."
    )


def test_an_error_is_a_red_tick_with_its_sentence_four_times_an_hour(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    """A broken setting, which somebody repairs later."""
    settings = tmp_path / "settings.toml"
    settings.write_text("[ingest]\nat_most_every_seconds = 0\n")
    variables = {"MEETING_ETL_DATA_DIR": str(tmp_path), "MEETING_ETL_SETTINGS": str(settings)}
    clock = ManualClock(NOW)
    defs = build_defs(Etl(variables, clock))

    def shown() -> str:
        """What the page of the sensor shows of a tick: red if it begins with !."""
        with dg.build_sensor_context(instance=instance, definitions=defs) as context:
            try:
                return str(defs.resolve_sensor_def("due_work").evaluate_tick(context).skip_message)
            except dg.Failure:
                error = serializable_error_info_from_exc_info(sys.exc_info())
                assert error.stack == []
                return f"!{error.message.strip()}"

    sentence = shown()
    assert sentence.startswith(f"!{settings}: [ingest] at_most_every_seconds")
    clock.advance(minutes=14)
    assert shown() == sentence[1:]
    clock.advance(minutes=1)
    assert shown() == sentence
    settings.write_text("")
    assert shown() == "No log has new lines. No day has open work."


@pytest.mark.parametrize("key", ["north", "2026-03", "2026-03-10-14:00", "2026-03-10|north"])
def test_running_jobs_of_others_may_have_any_partitions(
    etl: Etl, instance: dg.DagsterInstance, key: str
) -> None:
    tags = {"dagster/partition": key}
    instance.add_run(dg.DagsterRun("theirs", status=dg.DagsterRunStatus.STARTED, tags=tags))
    day = date(2026, 3, 10)
    etl.ledger.record(day, [WorkItem("m", "recordings", next_attempt_at=NOW)])
    etl.ledger.refresh(day)
    defs = build_defs(etl)
    with dg.build_sensor_context(instance=instance, definitions=defs) as context:
        (request,) = defs.resolve_sensor_def("due_work").evaluate_tick(context).run_requests or []
    assert request.tags["dagster/partition"] == "2026-03-10"
