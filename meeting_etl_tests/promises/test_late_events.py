"""Rules 1, 4 and 5: what an event tells of is found, however long after its meeting it came."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind, World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, work_off
from meeting_etl_tests.promises.late_events import (
    LATE_ID,
    NOW,
    listings,
    recording_ids,
    tell,
    tell_ends,
    tell_of_the_late_recording,
    world_with_a_late_recording,
)
from meeting_etl_tests.webex.servers import Act, Seen, cutting, running


@pytest.mark.parametrize(
    "kind",
    [
        "user",
        pytest.param("admin", marks=pytest.mark.slow),
        pytest.param("compliance", marks=pytest.mark.slow),
    ],
)
def test_what_was_made_more_than_a_month_after_its_meeting_is_found(
    tmp_path: Path, kind: Kind
) -> None:
    """Listings are of 30 days at a time: the window of the day, and two for the meeting."""
    world = world_with_a_late_recording(timedelta(days=35))
    told = world.meetings[0].ended_at + timedelta(days=35, minutes=1)
    with Sandbox(world, ManualClock(NOW + timedelta(days=60))) as webex:
        product = Product(tmp_path, webex, kind, clock=webex.clock)
        tell_ends(product)
        tell_of_the_late_recording(product, told)
        work_off(product.etl())
        assert LATE_ID in recording_ids(product)
        assert listings(product) == 3


@pytest.mark.parametrize("kind", ["user", pytest.param("admin", marks=pytest.mark.slow)])
def test_a_day_that_is_fetched_long_afterwards_has_what_events_told_later(
    tmp_path: Path, kind: Kind
) -> None:
    world = world_with_a_late_recording(timedelta(days=8))
    told = world.meetings[0].ended_at + timedelta(days=8, minutes=1)
    with Sandbox(world, ManualClock(NOW + timedelta(days=15))) as webex:
        product = Product(tmp_path, webex, kind, clock=webex.clock)
        tell_ends(product)
        tell_of_the_late_recording(product, told)
        work_off(product.etl())
        assert LATE_ID in recording_ids(product)
        # One window for the two others, one request for the meeting that was told of.
        assert len(recording_ids(product)) == 4
        assert listings(product) == 2


@pytest.mark.parametrize("days", [8, 1])
def test_the_log_that_tells_of_it_comes_when_the_day_has_settled(tmp_path: Path, days: int) -> None:
    world = world_with_a_late_recording(timedelta(days=days))
    told = world.meetings[0].ended_at + timedelta(days=days, minutes=1)
    with Sandbox(world, ManualClock(NOW + timedelta(days=15))) as webex:
        product = Product(tmp_path, webex, "user", clock=webex.clock)
        tell_ends(product)
        work_off(product.etl())
        assert (LATE_ID in recording_ids(product)) is (days == 1)
        seen = webex.counters.total
        tell_of_the_late_recording(product, told, file="b.jsonl")
        work_off(product.etl())
        assert LATE_ID in recording_ids(product)
        # What the window of the day had shown costs nothing.
        assert webex.counters.total - seen == (0 if days == 1 else 1)
        seen = webex.counters.total
        work_off(product.etl())
        assert webex.counters.total == seen


def test_a_window_that_is_over_does_not_answer_for_an_event_of_today(tmp_path: Path) -> None:
    """Asked as it happened, then no more until an event comes after the day's window."""
    world = world_with_a_late_recording(timedelta(days=8))
    first, *_ = world.meetings
    clock = ManualClock(first.ended_at + timedelta(hours=80))
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        tell_ends(product)
        work_off(product.etl())
        assert len(recording_ids(product)) == 3
        told = first.ended_at + timedelta(days=8, minutes=1)
        clock.advance(seconds=(told - clock.now()).total_seconds())
        for meeting in world.meetings:
            tell(product, "b.jsonl", told, "recordings", "updated", id="x", meetingId=meeting.id)
        work_off(product.etl())
        assert LATE_ID in recording_ids(product)


def test_a_log_that_does_not_say_when_is_dated_by_its_lines(tmp_path: Path) -> None:
    """The line stands after that of a meeting which ended eight days later."""
    world = world_with_a_late_recording(timedelta(days=8))
    first, second, third = world.meetings
    later = timedelta(days=8)
    last = replace(third, started_at=third.started_at + later, ended_at=third.ended_at + later)
    world = replace(world, meetings=(first, second, last))
    with Sandbox(world, ManualClock(NOW + timedelta(days=15))) as webex:
        product = Product(tmp_path, webex, "user", clock=webex.clock)
        tell_ends(product)
        tell_of_the_late_recording(product, None)
        work_off(product.etl())
        assert LATE_ID in recording_ids(product)


def test_an_event_without_a_moment_is_not_covered_by_an_older_one_that_has_one(
    tmp_path: Path,
) -> None:
    world = world_with_a_late_recording(timedelta(days=8))
    ended = world.meetings[0].ended_at
    clock = ManualClock(ended + timedelta(days=6))
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        tell_ends(product)
        tell_of_the_late_recording(product, ended + timedelta(minutes=1))
        work_off(product.etl())
        clock.advance(hours=72)
        tell_of_the_late_recording(product, None)
        work_off(product.etl())
        assert LATE_ID in recording_ids(product)


def world_with_words(words_at: timedelta | None) -> World:
    """One meeting whose transcript is listed early and has words so long after the end."""
    world = sized_world(1, NOW, meetings=1, participants=1, snippets=3)
    (meeting,) = world.meetings
    (transcript,) = meeting.transcripts
    there = replace(
        transcript,
        available_at=meeting.ended_at + timedelta(minutes=10),
        snippets_available_at=None if words_at is None else meeting.ended_at + words_at,
    )
    return replace(world, meetings=(replace(meeting, transcripts=(there,)),))


def tell_of_the_transcript(product: Product) -> None:
    (meeting,) = product.webex.world.meetings
    (transcript,) = meeting.transcripts
    known = {"id": transcript.id, "meetingId": meeting.id}
    at = product.clock.now()
    tell(product, "a.jsonl", at, "meetingTranscripts", "created", **known)


def words(product: Product) -> tuple[str, str, bool]:
    """The state of the one work item of snippets."""
    (item,) = (
        row for row in product.rows("fetch_ledger") if row["resource"] == "transcript_snippets"
    )
    return item["status"], item["reason"], item["settled"]


@pytest.mark.parametrize(
    ("before", "state"),
    [
        (timedelta(hours=74), ("absent", "deadline_passed", True)),
        # Never any, but a file that says the same.
        (None, ("gone", "not_found", True)),
    ],
    ids=["empty", "404"],
)
def test_a_transcript_that_is_told_of_again_is_read_again(
    tmp_path: Path, before: timedelta | None, state: tuple[str, str, bool]
) -> None:
    after = world_with_words(timedelta(hours=74))
    clock = ManualClock(after.meetings[0].ended_at + timedelta(hours=73))
    with Sandbox(world_with_words(before), clock) as webex:
        product = Product(tmp_path, webex, clock=clock)
        tell_ends(product)
        work_off(product.etl())
        assert words(product) == state
    clock.advance(hours=2)
    with Sandbox(after, clock) as webex:
        product = Product(tmp_path, webex, clock=clock)
        tell_of_the_transcript(product)
        work_off(product.etl())
        assert words(product) == ("ready", "complete", True)
        assert [row["source"] for row in product.rows("transcript_snippets")] == ["snippets"] * 3
        # Of what is here now another event changes nothing.
        clock.advance(hours=48)
        tell_of_the_transcript(product)
        work_off(product.etl())
        assert sum("/snippets" in url for url in product.requests()) == 1


def test_an_event_shortly_before_the_last_attempt_gives_the_words_their_time(
    tmp_path: Path,
) -> None:
    world = world_with_words(timedelta(hours=80))
    clock = ManualClock(world.meetings[0].ended_at + timedelta(hours=70))
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, clock=clock)
        tell_ends(product)
        work_off(product.etl())
        clock.advance(hours=1)
        tell_of_the_transcript(product)
        work_off(product.etl())
        clock.advance(hours=2)
        work_off(product.etl())
        # 73 hours after the end: the last attempt is 24 hours after the event of hour 71.
        assert words(product) == ("waiting", "nothing_yet", False)
        clock.advance(hours=23)
        work_off(product.etl())
        assert words(product) == ("ready", "complete", True)
        assert product.etl().ledger.due_days() == []


@pytest.mark.slow
def test_words_that_arrive_before_the_list_that_opens_them_are_requested_once(
    tmp_path: Path,
) -> None:
    world = sized_world(1, NOW, meetings=1, participants=1, snippets=1)
    (meeting,) = world.meetings
    (transcript,) = meeting.transcripts
    late = replace(transcript, snippets_available_at=meeting.ended_at + timedelta(hours=5))
    world = replace(world, meetings=(replace(meeting, transcripts=(late,)),))
    clock = ManualClock(meeting.ended_at + timedelta(hours=1, minutes=1))
    words_are_here, waits = threading.Event(), False
    with Sandbox(world, clock) as webex:
        passing_on = cutting(webex.base_url, cuts=lambda status: False)
        asked: list[str] = []

        def answer(seen: Seen) -> Act:
            if waits and seen.path.endswith("/meetingTranscripts"):
                assert words_are_here.wait(60)
                time.sleep(0.5)
            act = passing_on(seen)
            if seen.path.endswith("/snippets"):
                asked.append(seen.path)
                words_are_here.set()
            return act

        with running(answer) as gateway:
            product = Product(
                tmp_path, webex, "user", clock=clock, more={"WEBEX_BASE_URL": gateway.url}
            )
            tell_ends(product)
            work_off(product.etl())
            assert len(asked) == 1
            asked.clear()
            words_are_here.clear()
            clock.advance(hours=5)
            event_at = meeting.ended_at + timedelta(hours=5, minutes=30)
            data = {"id": late.id, "meetingId": meeting.id}
            tell(product, "b.jsonl", event_at, "meetingTranscripts", "created", **data)
            waits = True
            work_off(product.etl())
            assert len(asked) == 1
            assert len(product.rows("transcript_snippets")) == 1
