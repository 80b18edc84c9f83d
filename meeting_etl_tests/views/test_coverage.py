from pathlib import Path
from typing import Any

import pytest

from meeting_etl_tests.views.lakes import DAY, ask, clock, files_read

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


def test_words_from_a_file_are_here_and_the_reason_says_so(tmp_path: Path) -> None:
    """Of a they are here, of b not yet, of c there are none; of d both kinds are refused."""
    refused = ("forbidden", "token_kind")
    rows = ask(
        tmp_path,
        {
            "fetch_ledger": [
                pair("a", "transcript_snippets", *refused, resource_id="a1"),
                pair("a", "vtt_snippets", "ready", "complete", resource_id="a1"),
                pair("b", "transcript_snippets", "gone", "not_found", resource_id="b1"),
                pair("b", "vtt_snippets", "waiting", "not_found_yet", "12:15", resource_id="b1"),
                pair("c", "transcript_snippets", "absent", "deadline_passed", resource_id="c1"),
                pair("d", "transcript_snippets", *refused, resource_id="d1"),
                pair("d", "vtt_snippets", "forbidden", "refused", resource_id="d1"),
            ],
            "transcripts": [{"meeting_id": "a", "transcript_id": "a1", "status": "available"}],
        },
        f"SELECT resource, {COUNTS}, open, reasons FROM coverage",
    )
    reasons = ("from_vtt", "not_found_yet", "deadline_passed", "refused")
    (row,) = rows
    assert row[:-1] == ("transcript_snippets", 4, 1, 0, 1, 0, 1, 1, 0, 1)
    assert row[-1] == dict.fromkeys(sorted(reasons), 1)


def test_words_from_a_file_are_not_missing_in_the_overview(tmp_path: Path) -> None:
    """Both transcripts of m have words, of the two of n one has none of either kind."""
    rows = ask(
        tmp_path,
        {
            "meetings": [{"meeting_id": "m"}, {"meeting_id": "n"}],
            "fetch_ledger": [
                pair("m", "transcript_snippets", "forbidden", "token_kind", resource_id="1"),
                pair("m", "vtt_snippets", "ready", "complete", resource_id="1"),
                pair("m", "transcript_snippets", "ready", "complete", resource_id="2"),
                pair("n", "transcript_snippets", "forbidden", "token_kind", resource_id="3"),
                pair("n", "vtt_snippets", "ready", "complete", resource_id="3"),
                pair("n", "transcript_snippets", "gone", "not_found", resource_id="4"),
                pair("n", "vtt_snippets", "gone", "not_found", resource_id="4"),
            ],
        },
        "SELECT missing FROM meeting_overview ORDER BY meeting_id",
    )
    assert rows == [(None,), ({"transcript_snippets": "not_found"},)]


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


def test_words_and_files_go_with_what_they_are_of(tmp_path: Path) -> None:
    """Rows of what is deleted are not here.

    a has words of a deleted transcript alone, b of a deleted and another one, which is waited for,
    c of both. Of d's recordings one is deleted, of the other the status is not known; its summary
    is deleted. Of e one of two files was removed, of f the only one.
    """
    ready = ("ready", "complete")
    transcripts = [
        {"meeting_id": key[0], "transcript_id": key, "status": status}
        for key, status in (
            ("a1", "deleted"),
            ("a2", "available"),
            ("b1", "deleted"),
            ("b2", "available"),
            ("c1", "deleted"),
            ("c2", "available"),
        )
    ]
    pairs = [
        pair("a", "transcript_snippets", *ready, resource_id="a1"),
        pair("a", "transcript_snippets", "absent", "deadline_passed", resource_id="a2"),
        pair("b", "transcript_snippets", *ready, resource_id="b1"),
        pair("b", "transcript_snippets", "waiting", "nothing_yet", "12:15", resource_id="b2"),
        pair("c", "transcript_snippets", *ready, resource_id="c1"),
        pair("c", "transcript_snippets", *ready, resource_id="c2"),
        pair("d", "recordings", *ready),
        pair("d", "meeting_summaries", *ready),
        pair("e", "recording_files", *ready, resource_id="e1"),
        pair("e", "recording_files", *ready, resource_id="e2"),
        pair("f", "transcript_files", *ready, resource_id="f1"),
    ]
    removed = {"removed_at": clock("12:00")}
    rows = ask(
        tmp_path,
        {
            "fetch_ledger": pairs,
            "transcripts": transcripts,
            "recordings": [
                {"meeting_id": "d", "recording_id": "d1", "status": "deleted"},
                {"meeting_id": "d", "recording_id": "d2", "status": None},
            ],
            "meeting_summaries": [{"meeting_id": "d", "summary_id": "d1", "status": "deleted"}],
            "recording_files": [
                {"meeting_id": "e", "recording_id": "e1", "kind": "video"} | removed,
                {"meeting_id": "e", "recording_id": "e2", "kind": "video"},
            ],
            "transcript_files": [
                {"meeting_id": "f", "transcript_id": "f1", "format": "vtt"} | removed,
            ],
        },
        "SELECT resource, expected, here, deleted FROM coverage ORDER BY resource",
    )
    assert rows == [
        ("meeting_summaries", 1, 0, 1),
        ("recording_files", 1, 1, 0),
        ("recordings", 1, 1, 0),
        ("transcript_files", 1, 0, 1),
        ("transcript_snippets", 3, 1, 2),
    ]


def test_invitees_of_a_personal_room_are_not_expected(tmp_path: Path) -> None:
    pairs = [
        pair("a", "invitees", "ready", "complete"),
        pair("b", "invitees", "absent", "personal_room"),
    ]
    sql = "SELECT expected, here, not_expected, share_here FROM coverage"
    assert ask(tmp_path, {"fetch_ledger": pairs}, sql) == [(2, 1, 1, 1.0)]


@pytest.mark.parametrize("ids", [("t1", "t2"), ("t2", "t1")])
def test_of_several_reasons_the_first_in_order_counts(tmp_path: Path, ids: tuple[str, str]) -> None:
    """Whatever the order of rows, which is that of ids; what is here has no reason for words."""
    pairs = [
        pair("a", "transcripts", "ready", "complete"),
        pair("a", "transcript_snippets", "absent", "deadline_passed", resource_id=ids[0]),
        pair("a", "transcript_snippets", "gone", "removed", resource_id=ids[1]),
        pair("b", "transcripts", "ready", "complete"),
    ]
    sql = "SELECT reasons FROM coverage WHERE resource = 'transcript_snippets'"
    assert ask(tmp_path, {"fetch_ledger": pairs}, sql) == [({"deadline_passed": 1},)]


@pytest.mark.slow
def test_naming_a_day_reads_its_files_alone(tmp_path: Path) -> None:
    # The ledger, also for meetings without transcripts; no other table has files here.
    assert files_read(tmp_path, "coverage") == 2
