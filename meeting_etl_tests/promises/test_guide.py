"""The guide's own meeting, from its webhook payload to the tables: every field of every row.

All values are typed from the guide. Invented, as in guide.json: the host's address, the site, and
the two participants, for the guide's participants example is a copy of a meetings response.
"""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from meeting_etl_tests.commands import command
from meeting_etl_tests.product import rows

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
    assert row.pop("first_received_at") is None
    assert row == {
        "meeting_id": MEETING,
        "meeting_series_id": SERIES,
        "scheduled_meeting_id": f"{SERIES}_20210514T203000Z",
        "meeting_number": None,
        "title": "Test meeting-20210514 2025-1",
        "meeting_type": "meeting",
        "scheduled_type": "meeting",
        "state": "ended",
        "timezone": "UTC",
        "started_at": STARTED,
        "ended_at": ENDED,
        "duration_seconds": 95,
        "host_user_id": HOST,
        "host_email": HOST_EMAIL,
        "host_email_domain": "guide-host.example",
        "host_display_name": "Dana Poole",
        "site_url": SITE,
        "org_id": "55c5ae3f-8d7f-427b-a4f9-5e3cb3dddf7b",
        "has_recording": True,
        "has_transcription": True,
        "delivery_count": 1,
        "origin": "webhook",
        "extra": (
            '{"hasChat": false, "hasClosedCaption": false, "hasPolls": false, "hasQA": false, '
            '"hasSlido": false}'
        ),
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
            "deletion_proof": None,
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
            "deletion_proof": None,
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
            "words": 2,
            "questions": 0,
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
    same = {
        "meeting_id": MEETING,
        "co_host": False,
        "space_moderator": None,
        "invitee": True,
        "muted": False,
        "video": "on",
        "state": "end",
        "device_count": 1,
        "breakout_sessions": None,
        "site_url": SITE,
        "host_email": HOST_EMAIL,
        "host_email_domain": "guide-host.example",
        "source_id": None,
        # A field without a column.
        "extra": '{"meetingStartTime": "2021-05-14T20:25:19Z"}',
        "date": DAY,
    }
    host = {
        "participant_id": f"{SERIES}_7c1f6c1e-53a0-4a3e-9b0e-2f6f7a1c9d01",
        "email": HOST_EMAIL,
        "email_domain": "guide-host.example",
        "display_name": "Dana Poole",
        "host": True,
        "joined_at": STARTED,
        "left_at": ENDED,
        "devices": [
            {
                "correlation_id": "0b8f1a52-6a0c-4a51-9d4e-8f5b6f0c1a01",
                "device_type": "webex_meeting_center_mac",
                "audio_type": "voip",
                "call_type": None,
                "joined_at": STARTED,
                "left_at": ENDED,
                "duration_seconds": 95,
            }
        ],
    }
    guest = {
        "participant_id": f"{SERIES}_d2a9b7c4-0f1e-4c55-8a7d-51b0e6f3a202",
        "email": "john.andersen@example.com",
        "email_domain": "example.com",
        "display_name": "John Andersen",
        "host": False,
        "joined_at": at(20, 25, 21),
        "left_at": at(20, 26, 50),
        "devices": [
            {
                "correlation_id": "4d6e2c90-93b7-4f0a-8b1c-6a7e5d3f2b02",
                "device_type": "webex_meeting_center_windows",
                "audio_type": "voip",
                "call_type": None,
                "joined_at": at(20, 25, 21),
                "left_at": at(20, 26, 50),
                "duration_seconds": 89,
            }
        ],
    }
    assert rows(folder, "participants") == [same | host, same | guest]


# The guide's payload, with its invented host and site.
WEBHOOK = (
    "Y2lzY29zcGFyazovL3VybjpURUFNOnVzLXdlc3QtMl9yL1dFQkhPT0svNDk5ZjkxZjItY2QxMi00NTk2LWEzYjctNDY4"
    "NTA1OGQ2NTlm"
)
ORG = "Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi81NWM1YWUzZi04ZDdmLTQyN2ItYTRmOS01ZTNjYjNkZGRmN2I"
APP = (
    "Y2lzY29zcGFyazovL3VzL0FQUExJQ0FUSU9OL0NmMzkyNWU5NDFmMzhhYTc0M2Y0MmFiNzcwZmZhZjFhNTIyMjcxZDI5"
    "OTQ4NDhjNjk2YWMwYTEwN2Q2YTg5MjI3"
)


def test_the_event(folder: Path) -> None:
    (row,) = rows(folder, "webhook_events")
    body = json.loads(row.pop("body"))
    assert body.pop("targetUrl").startswith("https://")
    assert body == {
        "id": WEBHOOK,
        "name": "Meeting Ended Webhook",
        "resource": "meetings",
        "event": "ended",
        "orgId": ORG,
        "createdBy": HOST,
        "appId": APP,
        "ownedBy": "creator",
        "status": "active",
        "created": "2021-05-14T20:20:01.024Z",
        "data": {
            "id": MEETING,
            "meetingType": "meeting",
            "timezone": "UTC",
            "start": "2021-05-14T20:25:19Z",
            "end": "2021-05-14T20:26:54Z",
            "hostUserId": HOST,
            "state": "ended",
            "hostEmail": HOST_EMAIL,
            "siteUrl": SITE,
            "orgId": "55c5ae3f-8d7f-427b-a4f9-5e3cb3dddf7b",
        },
    }
    log_id = row.pop("log_id")
    assert row == {
        "byte_offset": 0,
        "log_file": "2021-05-14/guide.jsonl",
        "line_number": 1,
        "received_at": None,
        "resource": "meetings",
        "event": "ended",
        "meeting_id": MEETING,
        "resource_id": MEETING,
        "meeting_ended_at": ENDED,
        "extra": None,
        # Nobody says when it was received: the day of the meeting's end.
        "received_date": DAY,
    }
    (log,) = rows(folder, "ingested_logs")
    assert (log["log_id"], log["log_file"]) == (log_id, "2021-05-14/guide.jsonl")
    assert (log["lines"], log["events"], log["rejected"], log["problem"]) == (1, 1, 0, None)
    assert log["bytes_consumed"] == log["size"]
    assert rows(folder, "rejected_lines") == []


def test_the_ledger_says_that_all_is_here(folder: Path) -> None:
    assert [
        (row["resource"], row["resource_id"], row["status"], row["settled"], row["row_count"])
        for row in rows(folder, "fetch_ledger")
    ] == [
        ("meeting", "", "ready", True, 1),
        ("participants", "", "ready", True, 2),
        ("recordings", "", "ready", True, 1),
        ("transcript_snippets", TRANSCRIPT, "ready", True, 1),
        ("transcripts", "", "ready", True, 1),
    ]
