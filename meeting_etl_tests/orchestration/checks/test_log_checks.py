"""The checks of no single day: they pass with what is usual, and warn of what is not."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.orchestration.schedules import checks_nightly
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.schemas import (
    MEETINGS,
    REJECTED_LINES,
    TRANSCRIPT_SNIPPETS,
    WEBHOOK_EVENTS,
    Table,
)
from meeting_etl_tests.orchestration.checks.checking import (
    DAY,
    NOW,
    checked,
    counts,
    lake_of,
    meetings,
    verdict,
)

# Thursday 2026-03-05 is today.
YESTERDAY = date(2026, 3, 4)


def lines(lake: Lake, table: Table, day: date, number: int, **more: Any) -> None:
    received = {"received_at": datetime(day.year, day.month, day.day, 9, tzinfo=UTC)}
    rows = [
        {"log_id": "l", "byte_offset": offset, **(received if table is WEBHOOK_EVENTS else {})}
        | more
        for offset in range(number)
    ]
    lake.merge(table, day, rows)


@pytest.mark.parametrize(
    ("rejected", "most", "expected"),
    [(1, None, "passed"), (2, None, "warning"), (2, "0.05", "passed")],
)
def test_many_rejected_lines_are_a_warning(
    tmp_path: Path, rejected: int, most: str | None, expected: str
) -> None:
    """Of 100 lines; 1 % is allowed unless the settings say otherwise."""
    settings = tmp_path / "etl.toml"
    settings.write_text(f"[checks]\nmost_rejected_share = {most}\n" if most else "")
    etl = lake_of(tmp_path, MEETING_ETL_SETTINGS=str(settings))
    lines(etl.lake, WEBHOOK_EVENTS, YESTERDAY, 100 - rejected)
    lines(etl.lake, REJECTED_LINES, YESTERDAY, rejected)
    lines(etl.lake, REJECTED_LINES, YESTERDAY - timedelta(days=7), 50)
    found = checked(etl, "webhook_events", "few_rejected", day=None)
    assert verdict(found) == expected
    share = rejected / 100
    assert counts(found) == {"lines": 100, "rejected_lines": rejected, "rejected_share": share}


@pytest.mark.parametrize(
    ("weeks", "newest", "expected"),
    [
        # Lines in 4 of the 4 weeks before, none yesterday.
        ((1, 2, 3, 4), None, "warning"),
        ((1, 2, 3, 4), YESTERDAY, "passed"),
        ((1, 2, 3, 4), YESTERDAY + timedelta(days=1), "passed"),
        ((1, 2, 4), None, "passed"),
    ],
)
def test_silence_on_a_day_that_is_never_silent_is_a_warning(
    tmp_path: Path, weeks: tuple[int, ...], newest: date | None, expected: str
) -> None:
    etl = lake_of(tmp_path)
    for week in weeks:
        lines(etl.lake, WEBHOOK_EVENTS, YESTERDAY - timedelta(weeks=week), 3)
    if newest:
        lines(etl.lake, WEBHOOK_EVENTS, newest, 1)
    found = checked(etl, "webhook_events", "lines_arrive", day=None)
    assert verdict(found) == expected
    # Until 12:07 of 2026-03-05, from 09:00 of the newest day.
    hours = {None: 195.1, date(2026, 3, 4): 27.1, date(2026, 3, 5): 3.1}[newest]
    assert counts(found)["hours_since_the_newest_line"] == hours


def test_without_any_line_nothing_is_known(tmp_path: Path) -> None:
    found = checked(lake_of(tmp_path), "webhook_events", "lines_arrive", day=None)
    assert (verdict(found), str(found.description)[:13]) == ("passed", "Not known yet")


@pytest.mark.parametrize(("minutes", "expected"), [(119, "passed"), (121, "warning")])
def test_work_that_is_due_for_hours_is_a_warning(
    tmp_path: Path, minutes: int, expected: str
) -> None:
    etl = lake_of(tmp_path)
    due_at = NOW - timedelta(minutes=minutes)
    etl.ledger.record(DAY, [WorkItem("a", "recordings", next_attempt_at=due_at)])
    etl.ledger.refresh(DAY)
    found = checked(etl, "meetings", "work_in_time", day=None)
    assert verdict(found) == expected
    overdue = int(expected == "warning")
    assert counts(found) == {"open_days": 1, "overdue_days": overdue}
    assert ("2026-03-02" in str(found.description)) is bool(overdue)


def test_a_secret_in_a_stored_event_is_an_error(tmp_path: Path) -> None:
    etl = lake_of(tmp_path)
    lines(etl.lake, WEBHOOK_EVENTS, YESTERDAY, 3, body='{"data": {"title": "password: none"}}')
    found = checked(etl, "webhook_events", "rows_sound", day=None)
    assert (verdict(found), counts(found)["rows"]) == ("passed", 3)
    lines(etl.lake, WEBHOOK_EVENTS, YESTERDAY, 1, body='{"data": {"Password": "hunter2"}}')
    found = checked(etl, "webhook_events", "rows_sound", day=None)
    assert verdict(found) == "error"
    assert found.description == "2026-03-04: A secret is in the columns body."


@pytest.mark.slow
def test_days_with_outdated_metrics_are_named(tmp_path: Path) -> None:
    etl = lake_of(tmp_path)

    def evaluated() -> dg.AssetCheckEvaluation:
        return checked(etl, "speaker_metrics", "metrics_current", day=None)

    assert verdict(evaluated()) == "passed"
    etl.lake.merge(TRANSCRIPT_SNIPPETS, DAY, [{"snippet_id": "s", "meeting_id": "m"}])
    old = evaluated()
    assert verdict(old) == "warning"
    assert counts(old) == {"days": ["2026-03-02"], "outdated_days": 1}
    refresh_metrics(etl.lake, DAY)
    assert verdict(evaluated()) == "passed"


def test_files_of_an_earlier_version_are_counted(tmp_path: Path) -> None:
    etl = lake_of(tmp_path)
    etl.lake.merge(MEETINGS, DAY, meetings("a"))
    assert verdict(checked(etl, "meetings", "files_current", day=None)) == "passed"
    (part,) = tmp_path.glob("lake/meetings/date=2026-03-02/*.parquet")
    pq.write_table(pq.read_table(part).drop_columns(["origin"]), part)
    (tmp_path / "state" / "lake_schemas.json").unlink(missing_ok=True)
    found = checked(lake_of(tmp_path), "meetings", "files_current", day=None)
    assert (verdict(found), counts(found)) == ("warning", {"outdated_files": 1})


def test_the_last_seven_days_are_checked_every_night(tmp_path: Path) -> None:
    assert checks_nightly.cron_schedule == "45 4 * * *"
    assert checks_nightly.default_status == dg.DefaultScheduleStatus.RUNNING
    with dg.build_schedule_context(resources={"etl": lake_of(tmp_path)}) as context:
        (request,) = checks_nightly.evaluate_tick(context).run_requests or ()
    assert request.tags["dagster/asset_partition_range_start"] == "2026-02-26"
    assert request.tags["dagster/asset_partition_range_end"] == "2026-03-04"
