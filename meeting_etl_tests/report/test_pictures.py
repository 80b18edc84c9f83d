"""What the pictures of a report show, whatever is in the tables."""

import re
from pathlib import Path

from meeting_etl_tests.report.reported import MEETING, participant, report_of_march
from meeting_etl_tests.views.lakes import clock


def test_what_cannot_be_there_is_a_grey_field_and_a_date_is_said_once(tmp_path: Path) -> None:
    """Nobody recorded the meeting: of no meeting a recording is expected."""
    ledger = {"meeting_id": "m", "resource": "recordings", "resource_id": "", "status": "absent"}
    page = report_of_march(
        tmp_path, {"meetings": [MEETING], "fetch_ledger": [ledger | {"reason": "not_recorded"}]}
    )
    assert [row["share_here"] for row in page.data["coverage"]] == [None]
    [field] = re.findall(
        r'<path aria-label="[^"]*resource: recordings[^>]*>', page.path.read_text()
    )
    assert 'fill="#8a919c"' in field
    dates = re.findall(r"Mar 0\d, 2026(?=</text>)", page.path.read_text())
    assert dates == ["Mar 02, 2026", "Mar 03, 2026"] * 2  # of two charts


def test_series_are_in_order_where_of_some_the_first_attendees_are_unknown(tmp_path: Path) -> None:
    occurrences = [
        MEETING
        | {
            "meeting_id": f"{series}{number}",
            "meeting_series_id": series,
            "scheduled_meeting_id": f"{series}{number}",
            "title": series,
            "started_at": clock(f"1{number}:00"),
            "ended_at": clock(f"1{number}:30"),
        }
        for series in "abc"
        for number in range(2)
    ]
    there = [
        participant("Ana", "ana@own.example", "10:00", "12:00") | {"meeting_id": meeting_id}
        for meeting_id in ("a1", "b0", "b1", "c1")
    ]
    page = report_of_march(tmp_path, {"meetings": occurrences, "participants": there})
    first = [row["first_attendees"] for row in page.data["series"]]
    labels = re.findall(
        r'translate\(-\d+,([\d.]+)\)"[^>]*>(\d\. [abc])</text>', page.path.read_text()
    )
    assert first == [None, 1, None]
    assert [label for _, label in sorted(labels, key=lambda found: float(found[0]))] == [
        "1. a",
        "2. b",
        "3. c",
    ]


# Vega would cut an emoji in halves, and a control character would end the process.
ODD_TITLES = [
    "Weekly\x07 sync \x00\x1b\ufffe\uffff",
    "review EMEA retrospective planning 👍🏽 customer 🚀 and update quarterly",
    "review EMEA retrospective planning 👍🏽 customer 🚀 and update yearly",
]


def test_whatever_names_are_made_of_they_can_be_drawn(tmp_path: Path) -> None:
    series = [
        {
            "meeting_id": f"{number}_{occurrence}",
            "meeting_series_id": str(number),
            "scheduled_meeting_id": f"{number}_{occurrence}",
            "title": title,
            "started_at": clock(f"1{occurrence}:00"),
            "ended_at": clock(f"1{occurrence}:30"),
        }
        for number, title in enumerate(ODD_TITLES)
        for occurrence in range(2)
    ]
    page = report_of_march(tmp_path, {"meetings": series})
    assert [row["series"] for row in page.data["series"]] == [
        "1. Weekly\ufffd sync \ufffd\ufffd\ufffd\ufffd",
        "2. review EMEA retrospective planning 👍…",
        "3. review EMEA retrospective planning 👍…",
    ]
    assert f"2. {ODD_TITLES[1]}" in page.text
