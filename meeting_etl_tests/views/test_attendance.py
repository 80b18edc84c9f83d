from pathlib import Path
from typing import Any

from meeting_etl_tests.views.lakes import ask, clock, files_read

MEETING = {"meeting_id": "m", "started_at": clock("10:00"), "ended_at": clock("11:00")}


def person(name: str, *joins: tuple[str | None, str | None], **more: Any) -> dict[str, Any]:
    """A participant with a device for each (join, leave)."""
    devices = [
        {"joined_at": clock(j) if j else None, "left_at": clock(le) if le else None}
        for j, le in joins
    ]
    return {
        "meeting_id": "m",
        "participant_id": name,
        "display_name": name,
        "devices": devices,
    } | more


def seconds(folder: Path, *people: dict[str, Any]) -> dict[str, Any]:
    rows = ask(
        folder,
        {"meetings": [MEETING], "participants": people},
        "SELECT person, attended_seconds FROM attendance ORDER BY person",
    )
    return dict(rows)


def test_two_devices_at_once_are_one_presence(tmp_path: Path) -> None:
    # 10:00-10:30 and 10:20-10:40 overlap: 40 minutes, not 50.
    overlapping = person("p", ("10:00", "10:30"), ("10:20", "10:40"))
    assert seconds(tmp_path, overlapping) == {"p": 2400}


def test_a_rejoin_adds_up_without_the_gap(tmp_path: Path) -> None:
    # 10:00-10:10 and 10:30-10:35: 15 minutes.
    assert seconds(tmp_path, person("p", ("10:30", "10:35"), ("10:00", "10:10"))) == {"p": 900}


def test_an_interval_within_another_adds_nothing(tmp_path: Path) -> None:
    nested = person("p", ("10:00", "10:50"), ("10:10", "10:20"), ("10:40", "10:55"))
    assert seconds(tmp_path, nested) == {"p": 3300}


def test_presence_is_clipped_to_the_meeting(tmp_path: Path) -> None:
    # In the lobby from 09:50, line open until 11:05: the meeting's hour counts.
    assert seconds(tmp_path, person("p", ("9:50", "11:05"))) == {"p": 3600}


def test_participants_with_one_address_are_one_person(tmp_path: Path) -> None:
    office = person("p1", ("10:00", "10:10"), email="Ana@sales.example")
    phone = person("p2", ("10:05", "10:20"), email="ana@sales.example")
    guest = person("p3", ("10:00", "10:01"))
    assert seconds(tmp_path, office, phone, guest) == {"ana@sales.example": 1200, "p3": 60}


def test_a_participant_without_devices_counts_by_its_own_times(tmp_path: Path) -> None:
    plain = person("p") | {"joined_at": clock("10:00"), "left_at": clock("10:02")}
    assert seconds(tmp_path, plain) == {"p": 120}


def test_an_unknown_leave_is_counted_apart_and_no_zero_fact(tmp_path: Path) -> None:
    rows = ask(
        tmp_path,
        {"meetings": [MEETING], "participants": [person("p", ("10:00", "10:10"), ("10:30", None))]},
        "SELECT attended_seconds, intervals, open_intervals FROM attendance",
    )
    assert rows == [(600, 2, 1)]


def test_naming_a_day_reads_its_files_alone(tmp_path: Path) -> None:
    assert files_read(tmp_path, "attendance") <= 2
