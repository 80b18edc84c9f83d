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
    assert min(meeting.started_at for meeting in over) >= UNTIL - timedelta(days=14)
    assert len({meeting.ended_at.date() for meeting in over}) >= 12


def test_the_demo_has_lively_meetings(demo: World) -> None:
    series = Counter(meeting.series_id for meeting in demo.meetings)
    assert sum(1 for count in series.values() if count >= 5) >= 2
    scheduled = Counter(meeting.scheduled_id for meeting in demo.meetings if meeting.scheduled_id)
    assert max(scheduled.values()) == 2
    webinars = [meeting for meeting in demo.meetings if meeting.scheduled_type == "webinar"]
    assert [len(webinar.participants) > 100 for webinar in webinars] == [True] * 3
    assert max(len(webinar.participants) for webinar in webinars) > 400
    assert (
        sum(meeting.started_at.date() != meeting.ended_at.date() for meeting in demo.meetings) >= 3
    )
    assert {meeting.site_url for meeting in demo.meetings} == set(demo.sites)
    assert any(meeting.site_url != meeting.host.site_url for meeting in demo.meetings)
    assert any(meeting.scheduled_type == "personalRoomMeeting" for meeting in demo.meetings)
    assert any(meeting.room_id and meeting.scheduled_id is None for meeting in demo.meetings)
    assert 20 <= sum(meeting.host == demo.owner for meeting in demo.meetings) <= 120
    assert any(max(series.occurrences) > UNTIL for series in demo.series)


def test_the_demo_has_lively_people(demo: World) -> None:
    people = [participant for meeting in demo.meetings for participant in meeting.participants]
    assert any(person.email is None and person.devices[0].audio_type != "pstn" for person in people)
    assert any(
        device.call_type and device.phone_number for person in people for device in person.devices
    )
    assert max(len(person.devices) for person in people) >= 4
    assert any(person.breakouts for person in people)
    twice = [
        Counter(participant.email for participant in meeting.participants if participant.email)
        for meeting in demo.meetings
        if meeting.scheduled_type != "webinar"
    ]
    assert any(count > 1 for counter in twice for count in counter.values())
    assert any(meeting.participants == () for meeting in demo.meetings)
    names = "".join(person.name for person in people)
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
    counts = Counter(len(meeting.recordings) for meeting in demo.meetings)
    assert {0, 1, 2, 3} <= set(counts)
    assert counts[0] >= 40
    assert {len(meeting.transcripts) for meeting in demo.meetings} == {0, 1, 2}
    assert any(meeting.recordings and not meeting.transcripts for meeting in demo.meetings)
    recordings = [recording for meeting in demo.meetings for recording in meeting.recordings]
    transcripts = [transcript for meeting in demo.meetings for transcript in meeting.transcripts]
    assert any(recording.shared_with == (demo.owner.email,) for recording in recordings)
    assert any(recording.prevent_download for recording in recordings)
    assert {recording.format for recording in recordings} == {"MP4", "ARF"}
    assert any(
        recording.created_at < recording.available_at - timedelta(hours=1)
        for recording in recordings
    )
    assert sum(transcript.snippets_available_at is None for transcript in transcripts) == 1
    assert {transcript.older_snippets for transcript in transcripts} == {True, False}
    assert len(demo.uploads) == 2


def appearances(meeting: Meeting) -> list[datetime]:
    """When the assets of a meeting become available."""
    return [recording.available_at for recording in meeting.recordings] + [
        transcript.available_at for transcript in meeting.transcripts
    ]


def test_what_comes_late_and_what_is_not_there_yet(demo: World) -> None:
    lags = [
        available_at - meeting.ended_at
        for meeting in demo.meetings
        for available_at in appearances(meeting)
    ]
    assert max(lags) > timedelta(hours=48)
    assert sorted(lags)[len(lags) // 2] < timedelta(hours=1)
    latest = [
        meeting for meeting in demo.meetings if meeting.ended_at > UNTIL - timedelta(minutes=10)
    ]
    over = [meeting for meeting in latest if meeting.ended_at <= UNTIL]
    assert len(over) >= 2
    for meeting in latest:
        assert all(recording.available_at > UNTIL for recording in meeting.recordings)


def test_people_talk_in_turns_of_very_different_length(demo: World) -> None:
    for meeting in demo.meetings[::10]:
        for transcript in meeting.transcripts:
            assert {snippet.person_name for snippet in transcript.snippets} <= {
                participant.name for participant in meeting.participants
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


def test_most_invitees_come_and_some_do_not(demo: World) -> None:
    """By address, in any case; the host is not invited, and nobody to a personal room."""
    invited, absent = 0, 0
    for meeting in demo.meetings:
        came = {person.email.lower() for person in meeting.participants if person.email}
        emails = [invitee.email.lower() for invitee in meeting.invitees]
        assert emails == sorted(set(emails))
        assert meeting.host.email not in emails
        invited += len(emails)
        absent += len(set(emails) - came)
        if meeting.scheduled_type == "personalRoomMeeting" or meeting.room_id:
            assert emails == []
    assert 0.05 < absent / invited < 0.35
    guests = [
        email for meeting in demo.meetings for email in meeting.invitees if "guest@" in email.email
    ]
    assert guests, "they came without an address"
