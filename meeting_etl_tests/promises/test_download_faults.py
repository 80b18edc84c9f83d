"""Downloads go on after every fault, and what came is kept."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.webex.endpoints import Webex
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.promises.downloads import MEETINGS, NOW, SIZE, product


@pytest.fixture(scope="module")
def world() -> World:
    return sized_world(7, NOW - timedelta(days=5), meetings=MEETINGS, participants=2, snippets=4)


def with_recordings(world: World, **changes: Any) -> World:
    """The world with all its recordings changed in the same way."""
    meetings = (
        replace(meeting, recordings=tuple(replace(each, **changes) for each in meeting.recordings))
        for meeting in world.meetings
    )
    return replace(world, meetings=tuple(meetings))


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(Faults(broken_media=0.5), marks=pytest.mark.slow),
        pytest.param(Faults(refused_media=0.5), marks=pytest.mark.slow),
        pytest.param(Faults(broken_media=0.4, no_range=0.5), marks=pytest.mark.slow),
        pytest.param(Faults(broken_media=0.4, ticket_seconds=1), marks=pytest.mark.slow),
        Faults(broken_media=0.4, ticket_seconds=1, media_html=True),
        pytest.param(Faults(broken_media=0.3, refused_media=0.3), marks=pytest.mark.slow),
        pytest.param(
            Faults(broken_media=0.2, stalled_media=0.3, stall_seconds=0.5), marks=pytest.mark.slow
        ),
    ],
    ids=["cut off", "refused", "no ranges", "expiring", "expiring with a page", "both", "stalled"],
)
def test_a_download_outlives(world: World, tmp_path: Path, faults: Faults) -> None:
    made = product(tmp_path, world, replace(faults, seed=3))
    with made.webex as webex:
        for _ in range(6):
            outcome = made.run()
            assert outcome.failures == []
            if not outcome.failed_items:
                break
            assert isinstance(made.clock, ManualClock)
            made.clock.advance(hours=7)
        made.assert_whole("video", MEETINGS)
        assert sum(webex.counters.injected.values()) > 0
        assert webex.counters.tokens_elsewhere == 0
        resumed = [request for request in webex.counters.media_requests if request.range_start]
        assert bool(resumed) == bool(faults.broken_media)
    assert made.states() == {("ready", "complete"): MEETINGS}
    assert made.leftovers() == []


@pytest.mark.slow
def test_what_came_of_a_broken_download_is_not_sent_again(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world, Faults(broken_media=0.5, seed=3))
    with made.webex as webex:
        made.run()
        sent = sum(request.bytes_sent for request in webex.counters.media_requests)
        whole = MEETINGS * SIZE
        assert webex.counters.injected["broken_media"] > 0
        # What lay in buffers when a connection was cut is sent twice, no more.
        assert whole <= sent < 1.2 * whole


@pytest.mark.slow
def test_a_link_that_never_leads_to_a_file_is_a_fault(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world, Faults(ticket_seconds=0))
    with made.webex as webex:
        outcome = made.run()
        assert outcome.failures == []
        assert outcome.failed_items == MEETINGS
        # One link, then a new one, and no more.
        assert len(webex.counters.media_requests) == 2 * MEETINGS
    assert made.states() == {("failed", "fault"): MEETINGS}


@pytest.mark.slow
def test_a_file_that_became_another_one_is_begun_again(world: World, tmp_path: Path) -> None:
    made = product(
        tmp_path, world, Faults(broken_media=0.4, changed_media=True, ticket_seconds=1, seed=3)
    )
    with made.webex as webex:
        outcome = made.run()
        # A file's version is the moment of its link; the clock moves by half seconds, in pauses.
        moments = [NOW + number * timedelta(seconds=0.5) for number in range(240)]
        versions = [int(moment.timestamp() * 1000) for moment in moments]
        for row in made.rows("recording_files"):
            assert (tmp_path / row["path"]).stat().st_size == SIZE
            key = row["recording_id"]
            assert any(
                webex.media.sha256(key, "video", version) == row["sha256"] for version in versions
            )
        assert webex.counters.injected["broken_media"] > 0
        # One that is another file after each break never gets any further; how many do depends on
        # the order in which threads meet the faults.
        assert len(made.rows("recording_files")) == MEETINGS - outcome.failed_items > 0


@pytest.mark.slow
def test_a_size_other_than_told_is_kept_and_told(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world, Faults(wrong_sizes=1.0))
    with made.webex:
        assert made.run().failures == []
        made.assert_whole("video", MEETINGS)
        rows = made.rows("recording_files")
        assert all(row["bytes"] == SIZE != row["told_bytes"] for row in rows)


@pytest.mark.slow
def test_what_came_is_told_though_another_kind_did_not(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = product(tmp_path, world, Faults(wrong_sizes=1.0))
    made.settings('recordings = ["video", "audio"]\nat_once = 1')
    ask = Webex.recording

    def without_audio(self: Webex, recording_id: str, **known: Any) -> dict[str, Any]:
        item = ask(self, recording_id, **known)
        item["temporaryDirectDownloadLinks"]["audioDownloadLink"] = "ftp://nowhere/"
        return item

    monkeypatch.setattr(Webex, "recording", without_audio)
    with made.webex as webex:
        for _ in range(2):
            assert made.run().failed_items == MEETINGS
            assert isinstance(made.clock, ManualClock)
            made.clock.advance(hours=7)
        made_rows = made.rows("recording_files")
        assert [row["kind"] for row in made_rows] == ["video"] * MEETINGS
        assert len(webex.counters.media_requests) == MEETINGS
        monkeypatch.undo()
        assert made.run().failed_items == 0
        made.assert_whole("audio", MEETINGS)
        assert len(webex.counters.media_requests) == 2 * MEETINGS
    assert made.states() == {("ready", "complete"): MEETINGS}


@pytest.mark.slow
def test_what_its_host_does_not_let_download_is_forbidden(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, with_recordings(world, prevent_download=True))
    with made.webex as webex:
        assert made.run().failures == []
        assert webex.counters.media_requests == []
    assert made.states() == {("forbidden", "download_prevented"): MEETINGS}


@pytest.mark.slow
def test_what_will_not_come_any_more_leaves_nothing_unfinished(
    world: World, tmp_path: Path
) -> None:
    made = product(tmp_path, world, Faults(ticket_seconds=0))
    with made.webex:
        made.run()
        assert len(made.leftovers()) == MEETINGS
        made.settings('recordings = ["video"]\nlargest_bytes = 1')
        assert isinstance(made.clock, ManualClock)
        made.clock.advance(hours=1)
        made.run()
    assert made.states() == {("absent", "out_of_bounds"): MEETINGS}
    assert made.leftovers() == []


@pytest.mark.slow
def test_a_link_that_is_gone_when_another_is_renewed_ends_no_run(
    world: World, tmp_path: Path
) -> None:
    """The video breaks and its link expires; by then the transcript has been deleted."""
    gone = NOW + timedelta(seconds=0.5)
    meetings = (
        replace(
            meeting,
            transcripts=tuple(replace(each, deleted_at=gone) for each in meeting.transcripts),
        )
        for meeting in world.meetings[:1]
    )
    faults = Faults(broken_media=1.0, ticket_seconds=1)
    made = product(tmp_path, replace(world, meetings=tuple(meetings)), faults)
    made.settings('recordings = ["video", "transcript"]')
    with made.webex:
        assert made.run().failures == []
        made.assert_whole("video", 1)
    assert made.states() == {("failed", "partial"): 1}
