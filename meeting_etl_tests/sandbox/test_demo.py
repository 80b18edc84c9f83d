"""The demo world has every special case."""

import unicodedata
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from meeting_etl.sandbox.world.model import Meeting, World
from meeting_etl.sandbox.world.worlds import demo_world

UNTIL = datetime(2026, 3, 12, 15, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def demo() -> World:
    return demo_world(3, UNTIL)


def test_the_demo_is_of_the_size_and_time_that_was_asked_for(demo: World) -> None:
    assert len(demo.meetings) == 300
    over = [meeting for meeting in demo.meetings if meeting.ended_at <= UNTIL]
    assert len(over) == 298
    assert min(one.started_at for one in over) >= UNTIL - timedelta(days=14)
    assert len({one.ended_at.date() for one in over}) >= 12


def test_the_demo_has_lively_meetings(demo: World) -> None:
    series = Counter(one.series_id for one in demo.meetings)
    assert sum(1 for count in series.values() if count >= 5) >= 2
    scheduled = Counter(one.scheduled_id for one in demo.meetings if one.scheduled_id)
    assert max(scheduled.values()) == 2
    webinars = [one for one in demo.meetings if one.scheduled_type == "webinar"]
    assert [len(one.participants) > 100 for one in webinars] == [True] * 3
    assert max(len(one.participants) for one in webinars) > 400
    assert sum(one.started_at.date() != one.ended_at.date() for one in demo.meetings) >= 3
    assert {one.site_url for one in demo.meetings} == set(demo.sites)
    assert any(one.site_url != one.host.site_url for one in demo.meetings)
    assert any(one.scheduled_type == "personalRoomMeeting" for one in demo.meetings)
    assert any(one.room_id and one.scheduled_id is None for one in demo.meetings)
    assert 20 <= sum(one.host == demo.owner for one in demo.meetings) <= 120
    assert any(max(series.occurrences) > UNTIL for series in demo.series)


def test_the_demo_has_lively_people(demo: World) -> None:
    people = [one for meeting in demo.meetings for one in meeting.participants]
    assert any(one.email is None and one.devices[0].audio_type != "pstn" for one in people)
    assert any(device.call_type and device.phone_number for one in people for device in one.devices)
    assert max(len(one.devices) for one in people) >= 4
    assert any(one.breakouts for one in people)
    twice = [
        Counter(one.email for one in meeting.participants if one.email)
        for meeting in demo.meetings
        if meeting.scheduled_type != "webinar"
    ]
    assert any(count > 1 for counter in twice for count in counter.values())
    assert any(meeting.participants == () for meeting in demo.meetings)
    names = "".join(one.name for one in people)
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in names if letter.isalpha()}
    assert scripts >= {
        "LATIN",
        "GREEK",
        "CYRILLIC",
        "ARABIC",
        "HEBREW",
        "DEVANAGARI",
        "CJK",
        "HANGUL",
    }
    assert "🚀" in names
    assert "ł" in names
    assert "å" in names.lower()


def test_the_demo_has_every_kind_of_artifact(demo: World) -> None:
    counts = Counter(len(one.recordings) for one in demo.meetings)
    assert {0, 1, 2, 3} <= set(counts)
    assert counts[0] >= 40
    assert {len(one.transcripts) for one in demo.meetings} == {0, 1, 2}
    assert any(one.recordings and not one.transcripts for one in demo.meetings)
    recordings = [one for meeting in demo.meetings for one in meeting.recordings]
    transcripts = [one for meeting in demo.meetings for one in meeting.transcripts]
    assert any(one.shared_with == (demo.owner.email,) for one in recordings)
    assert any(one.prevent_download for one in recordings)
    assert {one.format for one in recordings} == {"MP4", "ARF"}
    assert any(one.created_at < one.available_at - timedelta(hours=1) for one in recordings)
    assert sum(one.snippets_available_at is None for one in transcripts) == 1
    assert {one.older_snippets for one in transcripts} == {True, False}
    assert len(demo.uploads) == 2


def appearances(meeting: Meeting) -> list[datetime]:
    """When the assets of a meeting become available."""
    return [one.available_at for one in meeting.recordings] + [
        one.available_at for one in meeting.transcripts
    ]


def test_what_comes_late_and_what_is_not_there_yet(demo: World) -> None:
    lags = [
        available_at - meeting.ended_at
        for meeting in demo.meetings
        for available_at in appearances(meeting)
    ]
    assert max(lags) > timedelta(hours=48)
    assert sorted(lags)[len(lags) // 2] < timedelta(hours=1)
    latest = [one for one in demo.meetings if one.ended_at > UNTIL - timedelta(minutes=10)]
    over = [one for one in latest if one.ended_at <= UNTIL]
    assert len(over) >= 2
    for meeting in latest:
        assert all(one.available_at > UNTIL for one in meeting.recordings)


def test_people_talk_in_turns_of_very_different_length(demo: World) -> None:
    for meeting in demo.meetings[::10]:
        for transcript in meeting.transcripts:
            assert {one.person_name for one in transcript.snippets} <= {
                one.name for one in meeting.participants
            }
    lengths = sorted(
        said.duration_ms
        for meeting in demo.meetings
        for transcript in meeting.transcripts
        for said in transcript.snippets
    )
    assert lengths[0] < 1_500
    assert 5_000 < lengths[len(lengths) // 2] < 12_000
    assert lengths[-1] == 60_000
    overlaps = gaps = 0
    for meeting in demo.meetings:
        for transcript in meeting.transcripts:
            for one, after in zip(transcript.snippets, transcript.snippets[1:], strict=False):
                overlaps += after.offset_ms < one.offset_ms + one.duration_ms
                gaps += after.offset_ms > one.offset_ms + one.duration_ms + 15_000
    assert overlaps > 1_000
    assert gaps > 100
