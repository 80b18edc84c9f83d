from datetime import date
from pathlib import Path
from typing import Any

from meeting_etl_tests.views.lakes import DAY, ask, clock


def pair(
    meeting_id: str, resource: str, status: str, reason: str, next_at: str | None = None
) -> dict[str, Any]:
    return {
        "meeting_id": meeting_id,
        "resource": resource,
        "resource_id": "",
        "status": status,
        "reason": reason,
        "settled": next_at is None,
        "next_attempt_at": clock(next_at) if next_at else None,
    }


def test_each_day_and_resource_has_its_counts_and_reasons(tmp_path: Path) -> None:
    rows = ask(
        tmp_path,
        {
            "fetch_ledger": [
                pair("a", "recordings", "ready", "complete"),
                pair("b", "recordings", "waiting", "nothing_yet", "12:15"),
                pair("c", "recordings", "waiting", "nothing_yet", "11:30"),
                pair("d", "recordings", "absent", "deadline_passed"),
                pair("a", "participants", "failed", "fault", "13:00"),
            ]
        },
        "SELECT date, resource, expected, ready, waiting, absent, forbidden, gone, failed, open, "
        "next_attempt_at, reasons FROM coverage ORDER BY resource",
    )
    day: date = DAY
    assert rows == [
        (day, "participants", 1, 0, 0, 0, 0, 0, 1, 1, clock("13:00"), {"fault": 1}),
        (
            *(day, "recordings", 4, 1, 2, 1, 0, 0, 0, 2, clock("11:30")),
            {"complete": 1, "deadline_passed": 1, "nothing_yet": 2},
        ),
    ]
