from datetime import date
from pathlib import Path
from typing import Any

import pytest

from meeting_etl_tests.views.attending import person
from meeting_etl_tests.views.lakes import ask, clock, files_read

MEETING = {
    "meeting_id": "m",
    "started_at": clock("10:00"),
    "ended_at": clock("11:00"),
    "duration_seconds": 3600,
    "host_email_domain": "sales.example",
    "timezone": "UTC",
    "scheduled_type": "meeting",
}


def test_who_came_and_what_is_missing(tmp_path: Path) -> None:
    """Inside were one of the company, two of a customer and a guest: 600 + 2 x 300 + 60 s."""
    people = (
        person("a", ("10:00", "10:10"), email="ana@sales.example"),
        person("b", ("10:00", "10:05"), email="bo@customer.example"),
        person("c", ("10:00", "10:05"), email="cy@customer.example"),
        person("d", ("10:00", "10:01")),
        person("e", ("10:00", "10:30"), email="eve@customer.example", state="lobby"),
    )
    pairs = [
        {"meeting_id": "m", "resource": name, "resource_id": "", "status": status, "reason": reason}
        for name, status, reason in (
            ("recordings", "absent", "not_recorded"),
            ("transcripts", "ready", "complete"),
            ("participants", "failed", "fault"),
        )
    ]
    rows = ask(
        tmp_path,
        {
            "meetings": [MEETING],
            "participants": people,
            "fetch_ledger": pairs,
            "transcripts": [{"meeting_id": "m", "transcript_id": "t", "status": "available"}],
            "recordings": [{"meeting_id": "m", "recording_id": "r", "status": "deleted"}],
        },
        "SELECT attendees, internal_attendees, external_attendees, unknown_attendees, "
        "attended_seconds, recorded, transcribed, missing, is_webinar FROM meeting_overview",
    )
    missing = {"participants": "fault", "recordings": "not_recorded"}
    assert rows == [(4, 1, 2, 1, 1260, False, True, missing, False)]


def test_what_is_not_known_of_people_is_null(tmp_path: Path) -> None:
    rows = ask(
        tmp_path,
        {"meetings": [MEETING]},
        "SELECT attendees, attended_seconds, missing FROM meeting_overview",
    )
    assert rows == [(None, None, None)]


def test_of_people_without_times_it_is_not_known_whether_they_came(tmp_path: Path) -> None:
    """Nobody's times are known in m; in n one of two was inside."""
    people = (
        person("a"),
        person("b") | {"meeting_id": "n"},
        person("c", ("10:00", "10:10")) | {"meeting_id": "n"},
    )
    rows = ask(
        tmp_path,
        {"meetings": [MEETING, MEETING | {"meeting_id": "n"}], "participants": people},
        "SELECT attendees, unknown_attendees FROM meeting_overview ORDER BY meeting_id",
    )
    assert rows == [(None, None), (1, 1)]


def local(folder: Path, **zones: str | None) -> dict[str, tuple[Any, ...]]:
    """Local start, day and week of meetings at 2026-03-02 01:00 UTC, a Monday, by id."""
    meetings = [
        MEETING | {"meeting_id": key, "started_at": clock("1:00"), "timezone": zone}
        for key, zone in zones.items()
    ]
    sql = "SELECT meeting_id, local_started_at::VARCHAR, local_date, iso_week FROM meeting_overview"
    return {row[0]: row[1:] for row in ask(folder, {"meetings": meetings}, sql)}


def test_days_and_weeks_are_those_of_the_meetings_clock(tmp_path: Path) -> None:
    """W12. In Los Angeles it was Sunday 17:00, a day of the week before; Tokyo is 9 h ahead.

    What is no zone of DuckDB's has no local time, and ends no query.
    """
    found = local(
        tmp_path,
        utc="UTC",
        west="America/Los_Angeles",
        east="Asia/Tokyo",
        odd="Mars/Olympus",
        none=None,
    )
    assert found == {
        "utc": ("2026-03-02 01:00:00", date(2026, 3, 2), "2026-W10"),
        "west": ("2026-03-01 17:00:00", date(2026, 3, 1), "2026-W09"),
        "east": ("2026-03-02 10:00:00", date(2026, 3, 2), "2026-W10"),
        "odd": (None, None, None),
        "none": (None, None, None),
    }


def test_an_account_is_met_in_meetings_and_not_in_webinars(tmp_path: Path) -> None:
    """Customers: 2 persons for 900 s in a meeting, one in a webinar; the company is no account."""
    webinar = MEETING | {"meeting_id": "w", "scheduled_type": "webinar"}
    people = (
        person("a", ("10:00", "10:10"), email="ana@sales.example"),
        person("b", ("10:00", "10:05"), email="bo@customer.example"),
        person("c", ("10:00", "10:10"), email="cy@customer.example"),
        person("d", ("10:00", "10:10"), email="cy@customer.example") | {"meeting_id": "w"},
        person("e", ("9:00", "9:10"), email="eve@other.example"),
    )
    said = {
        "snippet_id": "s",
        "transcript_id": "t",
        "meeting_id": "m",
        "person_email": "bo@customer.example",
        "started_at": clock("10:00"),
        "duration_ms": 5_000,
    }
    rows = ask(
        tmp_path,
        {"meetings": [MEETING, webinar], "participants": people, "transcript_snippets": [said]},
        "SELECT domain, meetings, webinars, persons, attended_seconds, talk_seconds "
        "FROM account_activity",
    )
    assert rows == [("customer.example", 1, 1, 2, 900, 5)]


def test_an_occurrence_that_was_begun_twice_counts_once(tmp_path: Path) -> None:
    """A series on two days, the first in two instances; another one that took place once.

    On the first day 2 persons at most, on the second 1: 1.5; of 4 attendances one was late.
    """
    series = MEETING | {"meeting_series_id": "s"}
    first = {"scheduled_meeting_id": "o1", "title": "Old"}
    meetings = [
        series | first | {"meeting_id": "1"},
        series | first | {"meeting_id": "2"},
        series
        | {"meeting_id": "3", "scheduled_meeting_id": "o2", "title": "New"}
        | {"started_at": clock("12:00"), "ended_at": clock("13:00")},
        MEETING | {"meeting_id": "4", "meeting_series_id": "once"},
    ]
    people = (
        person("a", ("10:00", "11:00")) | {"meeting_id": "1"},
        person("a", ("10:00", "11:00")) | {"meeting_id": "2"},
        person("b", ("10:06", "11:00")) | {"meeting_id": "2"},
        person("a", ("12:00", "13:00")) | {"meeting_id": "3"},
    )
    rows = ask(
        tmp_path,
        {"meetings": meetings, "participants": people},
        "SELECT meeting_series_id, occurrences, instances, attendees, late_share "
        "FROM series_health",
    )
    assert rows == [("s", 2, 3, 1.5, 0.25)]


def test_parallel_meetings_of_a_week_count_once(tmp_path: Path) -> None:
    """10:00-10:30 in one and 10:20-10:50 in the other: 50 minutes on the clock, 60 in all."""
    people = (
        person("a", ("10:00", "10:30"), email="ana@sales.example"),
        person("a", ("10:20", "10:50"), email="ana@sales.example") | {"meeting_id": "n"},
    )
    rows = ask(
        tmp_path,
        {"meetings": [MEETING, MEETING | {"meeting_id": "n"}], "participants": people},
        "SELECT person, iso_week, meetings, in_meetings_seconds, attended_seconds FROM person_week",
    )
    assert rows == [("ana@sales.example", "2026-W10", 2, 3000, 3600)]


def test_a_persons_share_is_the_mean_over_meetings_and_beside_it_that_of_all_time(
    tmp_path: Path,
) -> None:
    """Ana 10 of 10 s in one meeting and 10 of 40 s in the other: 0.625, and 20 of 50 s are 0.4."""
    people = [
        person("a", ("10:00", "10:30"), email="ana@sales.example") | {"meeting_id": key}
        for key in ("m", "n")
    ]
    spoken = (("m", "ana", 0, 10), ("n", "ana", 0, 10), ("n", "bo", 10, 30))
    snippets = [
        {
            "snippet_id": f"{number}",
            "transcript_id": meeting,
            "meeting_id": meeting,
            "person_email": f"{who}@sales.example",
            "offset_ms": 1000 * start,
            "duration_ms": 1000 * seconds,
        }
        for number, (meeting, who, start, seconds) in enumerate(spoken)
    ]
    rows = ask(
        tmp_path,
        {
            "meetings": [MEETING, MEETING | {"meeting_id": "n"}],
            "participants": people,
            "transcript_snippets": snippets,
        },
        "SELECT talk_seconds, share_of_speech, weighted_share_of_speech FROM person_week",
    )
    assert rows == [(20, 0.625, 0.4)]


def test_who_speaks_after_whom(tmp_path: Path) -> None:
    """Ana 0-10, Bo 12-20, Ana 18-30, Bo 34-40 s: Bo after Ana twice, 2 and 4 s; Ana at once."""
    spoken = [("Ana", 0, 10), ("Bo", 12, 8), ("Ana", 18, 12), ("Bo", 34, 6), (None, 50, 1)]
    snippets = [
        {
            "snippet_id": f"{meeting}{number}",
            "transcript_id": meeting,
            "meeting_id": meeting,
            "snippet_index": number,
            "person_name": who,
            "offset_ms": 1000 * start,
            "duration_ms": 1000 * seconds,
        }
        for meeting in ("m", "w")
        for number, (who, start, seconds) in enumerate(spoken)
    ]
    webinar = MEETING | {"meeting_id": "w", "scheduled_type": "webinar"}
    rows = ask(
        tmp_path,
        {"meetings": [MEETING, webinar], "transcript_snippets": snippets},
        "SELECT meeting_id, person_before, person, switches, gap_seconds FROM turn_pairs "
        "ORDER BY person",
    )
    assert rows == [("m", "name:Bo", "name:Ana", 1, 0), ("m", "name:Ana", "name:Bo", 2, 3)]


def test_silence_is_counted_from_the_latest_end_of_the_one_before(tmp_path: Path) -> None:
    """Ana 0-60 s, and 10-12 s in it; Bo at 63 s: 3 s and not 51."""
    snippets = [
        {
            "snippet_id": f"s{number}",
            "transcript_id": "t",
            "meeting_id": "m",
            "snippet_index": number,
            "person_name": who,
            "offset_ms": 1000 * start,
            "duration_ms": 1000 * seconds,
        }
        for number, (who, start, seconds) in enumerate(
            [("Ana", 0, 60), ("Ana", 10, 2), ("Bo", 63, 1), ("Cy", 3600, 1), ("Dee", 0, -1)]
        )
    ]
    rows = ask(
        tmp_path,
        {"meetings": [MEETING], "transcript_snippets": snippets},
        "SELECT person_before, person, switches, gap_seconds FROM turn_pairs",
    )
    # Cy spoke after the end of the meeting; Dee's length cannot be.
    assert rows == [("name:Ana", "name:Bo", 1, 3)]


@pytest.mark.parametrize("order", [1, -1])
def test_occurrences_of_one_day_are_in_the_order_of_their_starts(
    tmp_path: Path, order: int
) -> None:
    """At 10:00 nobody is known, at 12:00 one came, and in the second half, begun at 12:30, two.

    The order of rows, which is that of ids, does not matter.
    """
    series = MEETING | {"meeting_series_id": "s"}
    ids = ["1", "2", "3"][::order]
    starts = ("10:00", "12:00", "12:30")
    meetings = [
        series
        | {"meeting_id": key, "title": start, "scheduled_meeting_id": start[:2]}
        | {"started_at": clock(start), "ended_at": clock("13:00")}
        for key, start in zip(ids, starts, strict=True)
    ]
    people = (
        person("a", ("12:00", "12:20")) | {"meeting_id": ids[1]},
        person("a", ("12:30", "12:50")) | {"meeting_id": ids[2]},
        person("b", ("12:30", "12:50")) | {"meeting_id": ids[2]},
    )
    rows = ask(
        tmp_path,
        {"meetings": meetings, "participants": people},
        "SELECT title, occurrences, attendees, first_attendees, last_attendees FROM series_health",
    )
    assert rows == [("12:30", 2, 2, None, 2)]


@pytest.mark.slow
def test_naming_a_day_reads_its_files_alone(tmp_path: Path) -> None:
    # Meetings twice, participants, snippets; of twenty days.
    assert files_read(tmp_path, "meeting_overview") <= 5
    assert files_read(tmp_path, "account_activity") <= 6
    assert files_read(tmp_path, "turn_pairs") <= 6
