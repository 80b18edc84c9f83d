from pathlib import Path
from typing import Any

from meeting_etl_tests.views.lakes import DAY, ask, clock

COUNTS = "expected, here, deleted, waiting, failed, forbidden, lost, not_expected"


def pair(
    meeting_id: str,
    resource: str,
    status: str,
    reason: str,
    next_at: str | None = None,
    resource_id: str = "",
) -> dict[str, Any]:
    return {
        "meeting_id": meeting_id,
        "resource": resource,
        "resource_id": resource_id,
        "status": status,
        "reason": reason,
        "settled": next_at is None,
        "next_attempt_at": clock(next_at) if next_at else None,
    }


def test_each_day_and_resource_counts_its_meetings(tmp_path: Path) -> None:
    """Seven meetings, one in each state: 1 here of the 7 less the one that was not recorded."""
    rows = ask(
        tmp_path,
        {
            "fetch_ledger": [
                pair("a", "recordings", "ready", "complete"),
                pair("b", "recordings", "waiting", "nothing_yet", "12:15"),
                pair("c", "recordings", "failed", "fault", "11:30"),
                pair("d", "recordings", "absent", "deadline_passed"),
                pair("e", "recordings", "absent", "not_recorded"),
                pair("f", "recordings", "forbidden", "scope"),
                pair("g", "recordings", "gone", "removed"),
            ]
        },
        f"SELECT date, {COUNTS}, share_here, open, next_attempt_at, reasons FROM coverage",
    )
    reasons = ("complete", "deadline_passed", "fault", "not_recorded", "nothing_yet", "removed")
    assert rows == [
        (
            *(DAY, 7, 1, 0, 1, 1, 1, 2, 1, 1 / 6, 2, clock("11:30")),
            dict.fromkeys((*reasons, "scope"), 1),
        )
    ]


def test_a_meeting_without_transcripts_counts_among_those_without_words(tmp_path: Path) -> None:
    """W11: of a, with words, b, not recorded, c, too late, and d, just listed, 1 of 3 is here."""
    rows = ask(
        tmp_path,
        {
            "fetch_ledger": [
                pair("a", "transcripts", "ready", "complete"),
                pair("a", "transcript_snippets", "ready", "complete", resource_id="t1"),
                pair("a", "transcript_snippets", "absent", "deadline_passed", resource_id="t2"),
                pair("b", "transcripts", "absent", "not_recorded"),
                pair("c", "transcripts", "absent", "deadline_passed"),
                pair("d", "transcripts", "ready", "complete"),
            ]
        },
        f"SELECT {COUNTS}, share_here FROM coverage WHERE resource = 'transcript_snippets'",
    )
    assert rows == [(4, 1, 0, 1, 0, 0, 1, 1, 1 / 3)]


def test_what_is_deleted_at_webex_is_not_here(tmp_path: Path) -> None:
    """Of meeting a one of two recordings is deleted, of b the only one."""
    recording = {"recording_id": "1", "meeting_id": "a", "status": "available"}
    rows = ask(
        tmp_path,
        {
            "fetch_ledger": [
                pair("a", "recordings", "ready", "complete"),
                pair("b", "recordings", "ready", "complete"),
            ],
            "recordings": [
                recording,
                recording | {"recording_id": "2", "status": "deleted"},
                recording | {"recording_id": "3", "meeting_id": "b", "status": "purged"},
            ],
        },
        f"SELECT {COUNTS}, share_here FROM coverage",
    )
    assert rows == [(2, 1, 1, 0, 0, 0, 0, 0, 0.5)]
