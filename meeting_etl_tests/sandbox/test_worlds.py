"""The worlds hold what they promise, and are the same for the same arguments."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meeting_etl.sandbox.world.model import SECRET_MARK, Meeting, World
from meeting_etl.sandbox.world.worlds import demo_world, guide_world, sized_world
from meeting_etl_tests.sandbox.test_demo import appearances

UNTIL = datetime(2026, 3, 12, 15, 20, tzinfo=UTC)
MEETING = re.compile(r"[0-9a-f]{32}_I_[0-9]{18}")
TRANSCRIPT = re.compile(r"([0-9a-f-]{36}_M_)?[0-9a-f]{32}")
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def demo() -> World:
    return demo_world(3, UNTIL)


def test_the_guides_meeting_is_the_guides() -> None:
    world = guide_world()
    (meeting,) = world.meetings
    assert meeting.id == "501e995485e2460bb129410116757b13_I_194316955237236650"
    assert meeting.series_id == "501e995485e2460bb129410116757b13"
    assert meeting.scheduled_id == "501e995485e2460bb129410116757b13_20210514T203000Z"
    assert meeting.title == "Test meeting-20210514 2025-1"
    assert meeting.started_at == datetime(2021, 5, 14, 20, 25, 19, tzinfo=UTC)
    assert meeting.ended_at == datetime(2021, 5, 14, 20, 26, 54, tzinfo=UTC)
    assert world.org_id == "55c5ae3f-8d7f-427b-a4f9-5e3cb3dddf7b"
    assert world.owner == meeting.host

    (recording,) = meeting.recordings
    assert recording.id == "724a81a697201039a976005056819cde"
    assert recording.created_at == datetime(2021, 5, 14, 20, 28, 53, tzinfo=UTC)
    assert (recording.duration_seconds, recording.size_bytes) == (85, 4_982_263)
    assert recording.format == "MP4"

    (transcript,) = meeting.transcripts
    assert transcript.id == (
        "a5038f0b-320a-456f-a51f-7541eeb0eae5_M_501e995485e2460bb129410116757b13"
    )
    assert transcript.started_at == datetime(2021, 5, 14, 20, 25, 22, tzinfo=UTC)
    (snippet,) = transcript.snippets
    assert transcript.older_snippets
    assert snippet.id == "195d64646ad14be2924ea50f541fd91d_00001"
    assert (snippet.text, snippet.person_name) == ("Hello everyone", "John Andersen")
    assert snippet.person_email == "john.andersen@example.com"
    assert (snippet.offset_ms, snippet.duration_ms) == (1000, 1500)
    assert len(meeting.participants) == 2


def addresses(world: World) -> set[str]:
    """Every e-mail address and host name of a world."""
    found = {world.owner.email, world.admin.email, world.officer.email, *world.sites}
    for meeting in world.meetings:
        found |= {meeting.host.email, meeting.site_url}
        found |= {participant.email for participant in meeting.participants if participant.email}
        for transcript in meeting.transcripts:
            found |= {
                snippet.person_email for snippet in transcript.snippets if snippet.person_email
            }
    return found


def test_nobody_is_real(demo: World) -> None:
    sized = sized_world(1, UNTIL, meetings=3, participants=3, snippets=3)
    for world in (guide_world(), demo, sized):
        for address in addresses(world) - {"john.andersen@example.com"}:
            assert address.endswith(".example"), address


def test_every_password_carries_the_mark(demo: World) -> None:
    for world in (guide_world(), demo):
        for meeting in world.meetings:
            for recording in meeting.recordings:
                assert SECRET_MARK in recording.password


def test_the_same_arguments_give_the_same_world() -> None:
    world = demo_world(3, UNTIL, meetings=30)
    assert demo_world(3, UNTIL, meetings=30) == world
    assert demo_world(4, UNTIL, meetings=30) != world
    assert demo_world(3, UNTIL + timedelta(days=1), meetings=30) != world
    assert demo_world(3, UNTIL, days=13, meetings=30) != world


def test_ids_are_unique_and_well_formed(demo: World) -> None:
    meetings = [meeting.id for meeting in demo.meetings]
    recordings = [recording.id for meeting in demo.meetings for recording in meeting.recordings]
    transcripts = [transcript.id for meeting in demo.meetings for transcript in meeting.transcripts]
    for ids, form in (
        (meetings, MEETING),
        (recordings, re.compile("[0-9a-f]{32}")),
        (transcripts, TRANSCRIPT),
    ):
        assert len(set(ids)) == len(ids)
        assert all(form.fullmatch(identifier) for identifier in ids)
    # Numbers that a float cannot hold.
    assert all(int(meeting.partition("_I_")[2]) > 2**53 for meeting in meetings)
    assert {"_M_" in transcript for transcript in transcripts} == {True, False}
    for meeting in demo.meetings:
        people = [participant.id for participant in meeting.participants]
        assert len(set(people)) == len(people)
        assert all(re.fullmatch(f"{meeting.series_id}_{UUID}", person) for person in people)
        for transcript in meeting.transcripts:
            assert [snippet.id for snippet in transcript.snippets] == [
                f"{transcript.id}_{number:05d}" for number in range(1, len(transcript.snippets) + 1)
            ]


def check(meeting: Meeting) -> None:
    """What must be true of any meeting."""
    assert meeting.started_at < meeting.ended_at
    assert meeting.participants_final_at > meeting.ended_at
    for participant in meeting.participants:
        assert (
            meeting.started_at <= participant.joined_at <= participant.left_at <= meeting.ended_at
        )
        edges = [
            edge for device in participant.devices for edge in (device.joined_at, device.left_at)
        ]
        assert edges == sorted(edges)
    for recording in meeting.recordings:
        assert meeting.ended_at < recording.created_at <= recording.available_at
        assert recording.available_at - meeting.ended_at <= timedelta(days=3)
        assert recording.duration_seconds > 0
    length = (meeting.ended_at - meeting.started_at).total_seconds() * 1000
    for transcript in meeting.transcripts:
        assert transcript.available_at > meeting.ended_at
        last = transcript.snippets_available_at or transcript.available_at
        assert transcript.available_at <= last <= meeting.ended_at + timedelta(days=3)
        for said in transcript.snippets:
            assert said.offset_ms >= 0
            assert said.duration_ms > 0
            assert said.offset_ms + said.duration_ms <= length
            assert said.text


@settings(max_examples=8, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1_460_000_000, 2_200_000_000).map(
        lambda second: datetime.fromtimestamp(second, UTC)
    ),
    st.integers(1, 30),
    st.integers(0, 60),
)
@example(0, datetime(2037, 2, 18, 7, 21, 15, tzinfo=UTC), 2, 23)
def test_any_demo_is_consistent(seed: int, until: datetime, days: int, meetings: int) -> None:
    world = demo_world(seed, until, days=days, meetings=meetings)
    assert len(world.meetings) == meetings
    for meeting in world.meetings:
        check(meeting)
        assert meeting.started_at <= until
        assert until - timedelta(days=days + 1) <= meeting.started_at
    assert list(world.meetings) == sorted(world.meetings, key=lambda one: one.started_at)


def test_a_sized_world_is_exactly_as_large_as_asked_for() -> None:
    world = sized_world(2, UNTIL, meetings=50, participants=7, snippets=11, days=3)
    assert len(world.meetings) == 50
    for meeting in world.meetings:
        check(meeting)
        assert len(meeting.participants) == 7
        assert [len(transcript.snippets) for transcript in meeting.transcripts] == [11]
        assert len(meeting.recordings) == 1
        assert meeting.host == world.owner
        assert 8 <= meeting.ended_at.hour < 18
        assert max(appearances(meeting)) < UNTIL - timedelta(days=4)
    assert sorted({meeting.ended_at.date().isoformat() for meeting in world.meetings}) == [
        "2026-03-05",
        "2026-03-06",
        "2026-03-07",
    ]
    assert len({meeting.id for meeting in world.meetings}) == 50
    assert world == sized_world(2, UNTIL, meetings=50, participants=7, snippets=11, days=3)
    assert world != sized_world(3, UNTIL, meetings=50, participants=7, snippets=11, days=3)


def test_a_sized_world_is_one_day_unless_told_otherwise() -> None:
    world = sized_world(2, UNTIL, meetings=10, participants=0, snippets=0)
    assert {meeting.ended_at.date().isoformat() for meeting in world.meetings} == {"2026-03-07"}
    assert all(meeting.participants == () for meeting in world.meetings)


def test_worlds_are_values() -> None:
    meeting = guide_world().meetings[0]
    assert replace(meeting) == meeting
    with pytest.raises(AttributeError):
        meeting.title = "another"  # type: ignore[misc]
