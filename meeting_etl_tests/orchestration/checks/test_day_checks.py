"""Each check of a day passes with sound data, and names what is wrong with others."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.checks.day_checks import DAY_CHECKS, LEDGER_COMPLETE, keys_of
from meeting_etl.pipeline.prune import prune
from meeting_etl.schemas import (
    FETCH_LEDGER,
    MEETINGS,
    PARTICIPANTS,
)
from meeting_etl.settings import Etl
from meeting_etl.times import Span
from meeting_etl_tests.orchestration.checks.checking import (
    DAY,
    NOW,
    checked,
    counts,
    evaluations,
    lake_of,
    meetings,
    verdict,
)

JOINED = {"joined_at": datetime(2026, 3, 2, 9, tzinfo=UTC)}
SWITCHED_OFF = {"invitees", "transcript_files", "meeting_summaries", "recording_files"}
TIMES = {**JOINED, "left_at": datetime(2026, 3, 2, 10, tzinfo=UTC)}


def item(meeting: str, resource: str, status: str, **more: Any) -> dict[str, Any]:
    attempted = {"last_attempt_at": NOW - timedelta(hours=1), "run_id": "r1", "attempts": 1}
    settled = status in ("ready", "absent")
    return attempted | {
        "meeting_id": meeting,
        "resource": resource,
        "resource_id": "",
        "status": status,
        "settled": settled,
        "opened_by": "end",
        "row_count": 0,
        "failures": 0,
        **more,
    }


# ledger_complete


def test_a_settled_day_is_complete(tmp_path: Path) -> None:
    etl = lake_of(tmp_path)
    later = {"settled": False, "next_attempt_at": NOW + timedelta(hours=3)}
    etl.lake.merge(
        FETCH_LEDGER,
        DAY,
        [
            item("a", "participants", "ready"),
            item("b", "participants", "absent"),
            item("c", "participants", "waiting", **later),
            item("a", "recordings", "failed"),
        ],
    )
    found = checked(etl, "participants", "ledger_complete")
    assert verdict(found) == "passed"
    assert found.description == "What is due of 3 work items was fetched; 1 are waiting."
    assert counts(found) == {
        "work_items": 3,
        "ready": 1,
        "waiting": 1,
        "absent": 1,
        "forbidden": 0,
        "gone": 0,
        "failed": 0,
        "overdue": 0,
    }


def test_failed_and_overdue_work_items_are_warnings_with_their_ids(tmp_path: Path) -> None:
    etl = lake_of(tmp_path)
    overdue = {"settled": False, "next_attempt_at": NOW - timedelta(minutes=61)}
    etl.lake.merge(
        FETCH_LEDGER,
        DAY,
        [
            item("a", "meeting", "ready"),
            item("b", "meeting", "failed"),
            item("c", "meeting", "waiting", **overdue),
            item("d", "meeting", "failed", settled=True),
        ],
    )
    found = checked(etl, "meetings", "ledger_complete")
    assert verdict(found) == "warning"
    assert found.description is not None
    assert "1 failed and are repeated: b." in found.description
    assert "1 failed for 7 days and were given up" in found.description
    assert "1 meetings are overdue" in found.description
    assert (counts(found)["failed"], counts(found)["overdue"]) == (2, 1)


def test_at_most_twenty_ids_are_named(tmp_path: Path) -> None:
    etl = lake_of(tmp_path)
    failed = [item(f"m{number:02}", "recordings", "failed") for number in range(23)]
    etl.lake.merge(FETCH_LEDGER, DAY, [item("ready", "recordings", "ready"), *failed])
    found = checked(etl, "recordings", "ledger_complete")
    assert str(found.description).endswith("m18, m19 and 3 more.")


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        # Of three requests of the latest run, two or three failed.
        (("failed", "failed", "ready"), "warning"),
        (("failed", "failed", "failed"), "error"),
        (("failed",), "error"),
    ],
)
def test_a_table_of_which_all_requests_failed_is_red(
    tmp_path: Path, statuses: tuple[str, ...], expected: str
) -> None:
    etl = lake_of(tmp_path)
    rows = [item(str(number), "participants", status) for number, status in enumerate(statuses)]
    etl.lake.merge(FETCH_LEDGER, DAY, rows)
    found = checked(etl, "participants", "ledger_complete")
    assert verdict(found) == expected
    is_told = f"All {len(statuses)} requests of the latest run failed" in str(found.description)
    assert is_told is (expected == "error")


def test_one_meeting_that_always_fails_is_no_outage(tmp_path: Path) -> None:
    etl = lake_of(tmp_path)
    earlier = {"run_id": "r0", "last_attempt_at": NOW - timedelta(hours=9)}
    rows = [item("a", "participants", "failed"), item("b", "participants", "ready", **earlier)]
    etl.lake.merge(FETCH_LEDGER, DAY, rows)
    assert verdict(checked(etl, "participants", "ledger_complete")) == "warning"


# usual_count


@pytest.mark.parametrize(
    ("today", "expected"), [(20, "passed"), (14, "passed"), (13, "warning"), (27, "warning")]
)
def test_an_unusual_number_of_meetings_is_a_warning(
    tmp_path: Path, today: int, expected: str
) -> None:
    """Mondays have 20 meetings in the median; they deviate by 1, so 10 % of 20 counts: ± 6."""
    etl = lake_of(tmp_path)
    for week, number in enumerate((20, 19, 21, 20, 40), 1):
        ids = (f"{week}-{index}" for index in range(number))
        etl.lake.merge(MEETINGS, DAY - timedelta(weeks=week), meetings(*ids))
    etl.lake.merge(MEETINGS, DAY, meetings(*map(str, range(today))))
    found = checked(etl, "meetings", "usual_count")
    assert verdict(found) == expected
    assert counts(found) == {
        "meetings": today,
        "weeks_compared": 5,
        "usual_meetings": 20,
        "tolerance": 6,
    }


def test_three_earlier_weeks_are_too_few_to_know(tmp_path: Path) -> None:
    etl = lake_of(tmp_path)
    for week in range(4):
        etl.lake.merge(MEETINGS, DAY - timedelta(weeks=week), meetings(str(week)))
    found = checked(etl, "meetings", "usual_count")
    assert verdict(found) == "passed"
    assert found.description == "Not known yet: 3 earlier weeks of 4. 1 meetings."


def test_weeks_that_were_pruned_are_not_compared(tmp_path: Path) -> None:
    etl = lake_of(tmp_path)
    for week in range(1, 8):
        etl.lake.merge(MEETINGS, DAY - timedelta(weeks=week), meetings(*"abcdefghij"))
    since = {"meetings": DAY - timedelta(weeks=4)}
    prune(etl.lake, etl.ledger, since, etl.clock.now(), dry_run=False)
    found = counts(checked(etl, "meetings", "usual_count"))
    assert (found["weeks_compared"], found["usual_meetings"]) == (4, 10)


def test_a_day_that_is_not_over_is_not_compared(tmp_path: Path) -> None:
    etl = lake_of(tmp_path, now=datetime(2026, 3, 2, 23, 59, tzinfo=UTC))
    for week in range(1, 6):
        etl.lake.merge(MEETINGS, DAY - timedelta(weeks=week), meetings(*"abcdefghij"))
    found = checked(etl, "meetings", "usual_count")
    assert (verdict(found), "not over" in str(found.description)) == ("passed", True)


# times_known


@pytest.mark.parametrize(
    ("person", "now", "expected"),
    [
        (TIMES, NOW, "passed"),
        (JOINED, NOW, "warning"),
        (JOINED | {"state": "lobby"}, NOW, "passed"),
        # 23 and 24 hours after the end.
        (JOINED, datetime(2026, 3, 3, 9, tzinfo=UTC), "passed"),
        (JOINED, datetime(2026, 3, 3, 10, tzinfo=UTC), "warning"),
    ],
)
def test_participants_without_times_a_day_after_the_end_are_a_warning(
    tmp_path: Path, person: dict[str, Any], now: datetime, expected: str
) -> None:
    etl = lake_of(tmp_path, now=now)
    etl.lake.merge(MEETINGS, DAY, meetings("a"))
    etl.lake.merge(PARTICIPANTS, DAY, [{"meeting_id": "a", "participant_id": "p", **person}])
    found = checked(etl, "participants", "times_known")
    assert verdict(found) == expected
    assert counts(found)["without_times"] == (expected == "warning")


# Runs


def test_a_run_of_some_days_has_a_result_for_each_day(tmp_path: Path) -> None:
    etl = lake_of(tmp_path)
    etl.lake.merge(FETCH_LEDGER, DAY, [item("a", "meeting", "failed")])
    found = evaluations(etl, Span(DAY - timedelta(days=1), DAY + timedelta(days=1)))
    by_day = {
        day: verdict(one)
        for (asset, name, day), one in found.items()
        if (asset, name) == ("meetings", "ledger_complete")
    }
    assert by_day == {"2026-03-01": "passed", "2026-03-02": "error", "2026-03-03": "passed"}
    # The worst day is the latest result, which the page of the check shows.
    assert list(by_day) == ["2026-03-01", "2026-03-03", "2026-03-02"]
    checks = {(asset, name) for asset, name, day in found if day}
    expected = {(key.asset_key.path[-1], key.name) for key in keys_of(*DAY_CHECKS)}
    assert checks == {(asset, name) for asset, name in expected if asset not in SWITCHED_OFF}


def test_the_job_checks_the_last_seven_days_if_nobody_says_which(tmp_path: Path) -> None:
    found = evaluations(lake_of(tmp_path), None)
    days = {day for asset, name, day in found if (asset, name) == ("meetings", "usual_count")}
    assert days == {
        "2026-02-26",
        "2026-02-27",
        "2026-02-28",
        *(f"2026-03-0{n}" for n in range(1, 5)),
    }


def lake_since_2025(folder: Path) -> Etl:
    """A lake with one meeting of 2025: later days are known, and nobody met."""
    etl = lake_of(folder, WEBEX_ACCESS_TOKEN="never-sent")
    day = date(2025, 12, 31)
    etl.lake.merge(MEETINGS, day, meetings("first", day=day))
    return etl


def test_a_run_of_days_checks_what_it_fetched_and_nothing_costly(tmp_path: Path) -> None:
    found = evaluations(lake_since_2025(tmp_path), Span(DAY, DAY), "days")
    assert {name for _, name, _ in found} == {"ledger_complete"}
    # Not of what can be switched off.
    tables = {"meetings", "recordings", "participants", "transcripts", "transcript_snippets"}
    assert {asset for asset, _, _ in found} == tables


@pytest.mark.slow
def test_a_long_run_has_a_result_for_each_of_its_days(tmp_path: Path) -> None:
    """A day that was to be checked and was not is drawn in red."""
    span = Span(date(2026, 1, 1), date(2026, 1, 31))
    etl = lake_of(tmp_path, WEBEX_ACCESS_TOKEN="never-sent")
    etl.lake.merge(MEETINGS, span.first, meetings("a", day=span.first))
    found = evaluations(etl, span, "days")
    assert len(found) == 31 * 5


def test_results_of_a_run_are_about_what_it_materialized(tmp_path: Path) -> None:
    """Without that, the bar of the check's partitions stays empty."""
    etl = lake_of(tmp_path, WEBEX_ACCESS_TOKEN="never-sent")
    keys = keys_of(LEDGER_COMPLETE)[:1]
    span = Span(DAY - timedelta(days=2), DAY)
    for day in span:
        etl.lake.merge(MEETINGS, day, meetings(f"of {day}", day=day))
    with dg.DagsterInstance.ephemeral() as instance:
        evaluations(etl, span, "days", instance)
        found = instance.event_log_storage.get_asset_check_partition_info(keys)
    by_day = {info.partition_key: info.latest_materialization_storage_id for info in found}
    assert set(by_day) == {"2026-02-28", "2026-03-01", "2026-03-02"}
    assert None not in by_day.values()
    assert all(info.is_current for info in found)


def test_checks_go_with_assets_whose_keys_have_a_prefix(tmp_path: Path) -> None:
    etl = lake_of(tmp_path)
    etl.lake.merge(FETCH_LEDGER, DAY, [item("a", "meeting", "failed")])
    job = build_defs(etl, first_day=DAY, key_prefix=["webex"]).resolve_job_def("check_days")
    days = {f"dagster/asset_partition_range_{end}": str(DAY) for end in ("start", "end")}
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, tags=days)
    failed = [found for found in result.get_asset_check_evaluations() if not found.passed]
    assert [found.asset_key.path for found in failed] == [["webex", "meetings"]]
