"""The guide's own meeting, from its webhook payload to the tables: every field of every row.

All values are typed from the guide. Invented, as in guide.json: the host's address, the site, and
the two participants, for the guide's participants example is a copy of a meetings response.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from meeting_etl_tests.product import command, rows

SERIES = "501e995485e2460bb129410116757b13"
MEETING = "501e995485e2460bb129410116757b13_I_194316955237236650"
HOST = "Y2lzY29zcGFyazovL3VzL1BFT1BMRS9hYzAxZjUzMi1kMDIyLTRmOGUtYTQ5NC1mMGE0ZDc5ZTUyMjc"
HOST_EMAIL = "dana.poole@guide-host.example"
SITE = "guide-test.webex.example"
RECORDING = "724a81a697201039a976005056819cde"
TRANSCRIPT = "a5038f0b-320a-456f-a51f-7541eeb0eae5_M_501e995485e2460bb129410116757b13"
DAY = date(2021, 5, 14)


def at(hour: int, minute: int, second: int) -> datetime:
    return datetime(2021, 5, 14, hour, minute, second, tzinfo=UTC)


STARTED, ENDED = at(20, 25, 19), at(20, 26, 54)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A demo of the guide's world."""
    place = tmp_path_factory.mktemp("guide") / "data"
    done = command("demo", "--world", "guide", "--data-dir", str(place))
    assert done.returncode == 0, done.stderr
    yield place
    shutil.rmtree(place)


def test_the_meeting(folder: Path) -> None:
    (row,) = rows(folder, "meetings")
    received = row.pop("first_received_at")
    assert received is None or received >= ENDED
    assert row == {
        "meeting_id": MEETING,
        "meeting_series_id": SERIES,
        "scheduled_meeting_id": None,
        "meeting_number": None,
        "title": None,
        "meeting_type": "meeting",
        "scheduled_type": None,
        "state": "ended",
        "timezone": "UTC",
        "started_at": STARTED,
        "ended_at": ENDED,
        "duration_seconds": 95,
        "host_user_id": HOST,
        "host_email": HOST_EMAIL,
        "host_email_domain": "guide-host.example",
        "host_display_name": None,
        "site_url": SITE,
        "org_id": "55c5ae3f-8d7f-427b-a4f9-5e3cb3dddf7b",
        "has_recording": None,
        "has_transcription": None,
        "delivery_count": 1,
        "origin": "webhook",
        "extra": None,
        "date": DAY,
    }


def test_the_recording(folder: Path) -> None:
    assert rows(folder, "recordings") == [
        {
            "recording_id": RECORDING,
            "meeting_id": MEETING,
            "scheduled_meeting_id": f"{SERIES}_20210514T203000Z",
            "meeting_series_id": SERIES,
            "topic": "Test meeting-20210514 2025-1",
            "created_at": at(20, 28, 53),
            "recorded_at": None,
            "site_url": SITE,
            "format": "MP4",
            "service_type": None,
            "duration_seconds": 85,
            "size_bytes": 4982263,
            "share_to_me": False,
            "integration_tags": None,
            "status": None,
            "deleted_at": None,
            "host_email": HOST_EMAIL,
            "host_email_domain": "guide-host.example",
            "playback_url": None,
            "download_url": None,
            "extra": None,
            "date": DAY,
        }
    ]


def test_the_transcript(folder: Path) -> None:
    assert rows(folder, "transcripts") == [
        {
            "transcript_id": TRANSCRIPT,
            "meeting_id": MEETING,
            "scheduled_meeting_id": None,
            "meeting_series_id": None,
            "meeting_topic": None,
            "host_user_id": None,
            "site_url": None,
            "started_at": at(20, 25, 22),
            "status": None,
            "deleted_at": None,
            "snippet_count": 1,
            "extra": None,
            "date": DAY,
        }
    ]


def test_the_snippet(folder: Path) -> None:
    assert rows(folder, "transcript_snippets") == [
        {
            "snippet_id": "195d64646ad14be2924ea50f541fd91d_00001",
            "transcript_id": TRANSCRIPT,
            "meeting_id": MEETING,
            "snippet_index": 0,
            "text": "Hello everyone",
            "person_name": "John Andersen",
            "person_email": "john.andersen@example.com",
            "person_email_domain": "example.com",
            "offset_ms": 1000,
            "duration_ms": 1500,
            "started_at": at(20, 25, 23),
            "source": "snippets",
            "extra": None,
            "date": DAY,
        }
    ]


def test_the_participants_who_are_made_up(folder: Path) -> None:
    host, guest = sorted(rows(folder, "participants"), key=lambda row: not row["host"])
    assert (host["email"], host["display_name"]) == (HOST_EMAIL, "Dana Poole")
    assert (host["joined_at"], host["left_at"], host["device_count"]) == (STARTED, ENDED, 1)
    assert (host["host"], host["invitee"], host["state"]) == (True, True, "end")
    assert (guest["email"], guest["display_name"]) == ("john.andersen@example.com", "John Andersen")
    assert (guest["host"], guest["meeting_id"]) == (False, MEETING)
    for row in (host, guest):
        assert (row["host_email"], row["site_url"], row["date"]) == (HOST_EMAIL, SITE, DAY)
        assert row["email_domain"] == row["email"].split("@")[1]
        (device,) = row["devices"]
        assert device["audio_type"] == "voip"


def test_the_event(folder: Path) -> None:
    (row,) = rows(folder, "webhook_events")
    assert (row["resource"], row["event"]) == ("meetings", "ended")
    assert (row["meeting_id"], row["resource_id"]) == (MEETING, MEETING)
    assert (row["meeting_ended_at"], row["byte_offset"], row["line_number"]) == (ENDED, 0, 1)
    assert rows(folder, "rejected_lines") == []


def test_the_ledger_says_that_all_is_here(folder: Path) -> None:
    assert [
        (row["resource"], row["resource_id"], row["status"], row["settled"], row["row_count"])
        for row in rows(folder, "fetch_ledger")
    ] == [
        ("participants", "", "ready", True, 2),
        ("recordings", "", "ready", True, 1),
        ("transcript_snippets", TRANSCRIPT, "ready", True, 1),
        ("transcripts", "", "ready", True, 1),
    ]
