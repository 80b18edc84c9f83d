from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl_tests.views.attending import MEETING, all_of, person, seconds
from meeting_etl_tests.views.lakes import ask, clock, files_read


def test_two_devices_at_once_are_one_presence(tmp_path: Path) -> None:
    # 10:00-10:30 and 10:20-10:40 overlap: 40 minutes, not 50.
    overlapping = person("p", ("10:00", "10:30"), ("10:20", "10:40"))
    assert seconds(tmp_path, overlapping) == {"guest:p": 2400}


def test_a_rejoin_adds_up_without_the_gap(tmp_path: Path) -> None:
    # 10:00-10:10 and 10:30-10:35: 15 minutes.
    assert seconds(tmp_path, person("p", ("10:30", "10:35"), ("10:00", "10:10"))) == {
        "guest:p": 900
    }


def test_an_interval_within_another_adds_nothing(tmp_path: Path) -> None:
    nested = person("p", ("10:00", "10:50"), ("10:10", "10:20"), ("10:40", "10:55"))
    assert seconds(tmp_path, nested) == {"guest:p": 3300}


def test_presence_is_clipped_to_the_meeting(tmp_path: Path) -> None:
    # In the lobby from 09:50, line open until 11:05: the meeting's hour counts.
    assert seconds(tmp_path, person("p", ("9:50", "11:05"))) == {"guest:p": 3600}


def test_a_participant_without_devices_counts_by_its_own_times(tmp_path: Path) -> None:
    plain = person("p") | {"joined_at": clock("10:00"), "left_at": clock("10:02")}
    assert seconds(tmp_path, plain) == {"guest:p": 120}


def device(join: str | None, leave: str | None, seconds: int | None = None) -> dict[str, Any]:
    return {
        "joined_at": clock(join) if join else None,
        "left_at": clock(leave) if leave else None,
        "duration_seconds": seconds,
    }


def with_devices(
    name: str, join: str | None, leave: str | None, *devices: dict[str, Any]
) -> dict[str, Any]:
    """A participant with times of its own and these devices."""
    times = {key: device(join, leave)[key] for key in ("joined_at", "left_at")}
    return person(name, devices=list(devices), **times)


def test_what_is_not_known_is_null_and_counted(tmp_path: Path) -> None:
    """W4: a leave that nobody knows adds no time and is no zero.

    Of `some` 10:00-10:10 is known (600 s) and a join at 10:30 without a leave; of `none` a join
    alone; of `nothing` neither: it is not even known whether that person was inside.
    """
    found = all_of(
        tmp_path,
        "attended_seconds, present, first_joined_at, last_left_at, intervals, open_intervals",
        person("some", ("10:00", "10:10"), ("10:30", None)),
        person("none", ("10:05", None)),
        person("nothing", (None, None)),
    )
    assert found == {
        "some": (600, True, clock("10:00"), None, 2, 1),
        "none": (None, True, clock("10:05"), None, 1, 1),
        "nothing": (None, None, None, None, 1, 1),
    }


def test_an_end_that_a_device_does_not_tell_is_taken_from_the_next_best(tmp_path: Path) -> None:
    """W5: device, else its length, else, of a single device, the participant; method says which.

    a: 10:00-10:50 by the participant, whose device knows nothing: 3,000 s. b: 10:00 and 1,200 s.
    c: the participant left at 10:50: 3,000 s. d: joined by the participant at 10:10, left the
    device at 10:30: 1,200 s. e: two devices, so the participant's leave may be the other's: NULL.
    f: left at 10:30 after 600 s: 600 s. g: its device has both times.
    """
    found = all_of(
        tmp_path,
        "attended_seconds, method",
        with_devices("a", "10:00", "10:50", device(None, None, 3600)),
        with_devices("b", "10:00", None, device("10:00", None, 1200)),
        with_devices("c", "10:00", "10:50", device("10:00", None)),
        with_devices("d", "10:10", "10:30", device(None, "10:30")),
        with_devices("e", "10:00", "10:50", device("10:00", None), device("10:20", None)),
        with_devices("f", None, None, device(None, "10:30", 600)),
        with_devices("g", None, None, device("10:00", "10:01")),
    )
    assert found == {
        "a": (3000, "participant"),
        "b": (1200, "duration"),
        "c": (3000, "participant"),
        "d": (1200, "participant"),
        "e": (None, "unknown"),
        "f": (600, "duration"),
        "g": (60, "device"),
    }


def test_who_never_was_inside_is_not_present_and_a_reason_says_why(tmp_path: Path) -> None:
    """W6 and W7; `late` came after the end once and was inside before, which is what counts."""
    found = all_of(
        tmp_path,
        "present, reason, attended_seconds, first_joined_at, last_left_at, open_intervals",
        person("lobby", ("10:00", "10:40"), state="lobby"),
        person("early", ("9:30", "9:50")),
        person("late", ("10:50", "10:55"), ("11:05", "11:10")),
        person("after", ("11:05", "11:10")),
        person("back", ("10:30", "10:10")),
        person("at once", ("10:00", "10:00")),
    )
    assert found == {
        "lobby": (False, "lobby", 0, None, None, 0),
        "early": (False, "before_start", 0, None, None, 0),
        "late": (True, None, 300, clock("10:50"), clock("10:55"), 0),
        "after": (False, "after_end", 0, None, None, 0),
        "back": (False, "leave_before_join", 0, None, None, 0),
        "at once": (False, "no_time", 0, None, None, 0),
    }


def test_share_late_and_early(tmp_path: Path) -> None:
    """Of one hour: 10:05 is in time and 10:55 the end; 45 minutes from 10:06 to 10:51 are 0.75."""
    found = all_of(
        tmp_path,
        "share_of_meeting, late, left_early",
        person("whole", ("10:05", "10:55")),
        person("part", ("10:06", "10:51")),
        person("open", ("10:06", None)),
    )
    assert found["whole"][1:] == (False, False)
    assert found["part"] == (0.75, True, True)
    assert found["open"] == (None, True, None)


def test_a_join_without_any_time_leaves_the_first_and_the_last_open(tmp_path: Path) -> None:
    """10:20-10:30 is known of one device, of the other nothing: it may have come at 10:00."""
    found = all_of(
        tmp_path,
        "attended_seconds, first_joined_at, last_left_at, late, left_early, open_intervals",
        person("p", ("10:20", "10:30"), (None, None)),
    )
    assert found == {"p": (600, None, None, None, None, 1)}


def test_lengths_that_cannot_be_are_not_known(tmp_path: Path) -> None:
    """Neither less than nothing nor longer than decades; one such row stops no query."""
    found = all_of(
        tmp_path,
        "attended_seconds, method",
        *(
            with_devices(f"{length}", None, None, device("10:00", None, length))
            for length in (-(2**63), -1, 2**63 - 1)
        ),
        with_devices("half", None, None, device("10:00", "10:10"), device(None, None, 600)),
    )
    assert found == {
        f"{-(2**63)}": (None, "unknown"),
        "-1": (None, "unknown"),
        f"{2**63 - 1}": (None, "unknown"),
        "half": (600, "device"),
    }


def test_a_start_after_the_end_is_none(tmp_path: Path) -> None:
    """10:20-10:30 of a meeting that is said to last from 12:00 to 11:00: 600 s, share unknown."""
    meeting = MEETING | {"started_at": clock("12:00")}
    rows = ask(
        tmp_path,
        {"meetings": [meeting], "participants": [person("p", ("10:20", "10:30"))]},
        "SELECT present, attended_seconds, share_of_meeting, late FROM attendance",
    )
    assert rows == [(True, 600, None, None)]


def test_over_midnight_and_without_a_meetings_row(tmp_path: Path) -> None:
    """23:50 to 00:20 of the next day are 1,800 s; without a row nothing is clipped."""
    meeting = {
        "meeting_id": "m",
        "started_at": clock("23:50"),
        "ended_at": clock("23:50") + timedelta(minutes=30),
    }
    night = person("p")
    night["devices"] = [{"joined_at": meeting["started_at"], "left_at": meeting["ended_at"]}]
    alone = night | {"meeting_id": "other"}
    rows = ask(
        tmp_path,
        {"meetings": [meeting], "participants": [night, alone]},
        "SELECT meeting_id, attended_seconds, share_of_meeting FROM attendance ORDER BY ALL",
    )
    assert rows == [("m", 1800, 1), ("other", 1800, None)]


@pytest.mark.slow
def test_naming_a_day_reads_its_files_alone(tmp_path: Path) -> None:
    assert files_read(tmp_path, "attendance") <= 2
