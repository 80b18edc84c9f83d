"""Files of recordings: whole or not at all, gone on with after every fault, never by the token."""

import hashlib
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Recording, World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.schemas import RECORDINGS as _RECORDINGS
from meeting_etl.times import Clock, Span
from meeting_etl.webex.endpoints import Webex
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
MEETINGS = 6
SIZE = 3_000_000
ALL_KINDS = '["video", "audio", "transcript"]'


@pytest.fixture(scope="module")
def world() -> World:
    return sized_world(7, NOW - timedelta(days=5), meetings=MEETINGS, participants=2, snippets=4)


def with_recordings(world: World, **changes: Any) -> World:
    """The world with all its recordings changed in the same way."""
    meetings = (
        replace(one, recordings=tuple(replace(each, **changes) for each in one.recordings))
        for one in world.meetings
    )
    return replace(world, meetings=tuple(meetings))


def recordings(world: World) -> list[Recording]:
    return [each for one in world.meetings for each in one.recordings]


class Downloads(Product):
    """A product with settings; [downloads] recordings = video unless others are given."""

    def settings(self, text: str = 'recordings = ["video"]') -> None:
        file = self.folder / "settings.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        head = "" if text.startswith("[") else "[downloads]\nkeep_free_bytes = 0\n"
        file.write_text(f"{head}{text}\n")
        self.more = {"MEETING_ETL_SETTINGS": str(file)}

    def assert_whole(self, kind: Literal["video", "audio", "transcript"], count: int) -> None:
        """Every file is there, as its row says and as the sandbox has it."""
        rows = [row for row in self.rows("recording_files") if row["kind"] == kind]
        assert len(rows) == count
        for row in rows:
            content = (self.folder / row["path"]).read_bytes()
            assert len(content) == row["bytes"]
            assert hashlib.sha256(content).hexdigest() == row["sha256"]
            assert row["sha256"] == self.webex.media.sha256(row["recording_id"], kind)

    def states(self) -> Counter[tuple[str, str]]:
        """Status and reason of the pairs of recording_files."""
        return Counter(
            (row["status"], row["reason"])
            for row in self.rows("fetch_ledger")
            if row["resource"] == "recording_files"
        )

    def leftovers(self) -> list[str]:
        """Names of unfinished files."""
        return [path.name for path in self.folder.glob("media/*/.*")]


def product(
    folder: Path, world: World, faults: Faults | None = None, clock: Clock | None = None
) -> Downloads:
    clock = clock or ManualClock(NOW)
    webex = Sandbox(world, clock, replace(faults or Faults(), media_bytes=SIZE))
    made = Downloads(folder, webex, "user", clock=clock)
    made.settings()
    made.write_logs()
    return made


def test_files_of_all_kinds_come_whole_and_once(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world)
    made.settings(f"recordings = {ALL_KINDS}")
    with made.webex as webex:
        assert made.run().failures == []
        for kind in ("video", "audio", "transcript"):
            made.assert_whole(kind, MEETINGS)
        assert made.states() == {("ready", "complete"): MEETINGS}
        assert made.leftovers() == []
        assert webex.counters.tokens_elsewhere == 0
        details = [url for url in made.requests() if url.startswith("/v1/recordings/")]
        assert len(details) == MEETINGS
        seen = len(webex.counters.requests), len(webex.counters.media_requests)
        assert made.run().failures == []
        assert (len(webex.counters.requests), len(webex.counters.media_requests)) == seen
    row = made.rows("recording_files")[0]
    assert row["path"] == f"media/date={row['date']}/{row['recording_id']}.mp3"  # by kind: audio
    assert (row["told_bytes"], row["removed_at"]) == (None, None)


def test_nothing_is_downloaded_unless_it_is_switched_on(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world)
    made.settings("[downloads]")
    with made.webex as webex:
        assert made.run().failures == []
        assert webex.counters.media_requests == []
        assert made.rows("recording_files") == []
        assert made.states() == {}


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(Faults(broken_media=0.5), marks=pytest.mark.slow),
        pytest.param(Faults(refused_media=0.5), marks=pytest.mark.slow),
        pytest.param(Faults(broken_media=0.4, no_range=0.5), marks=pytest.mark.slow),
        pytest.param(Faults(broken_media=0.4, ticket_seconds=1), marks=pytest.mark.slow),
        Faults(broken_media=0.4, ticket_seconds=1, media_html=True),
        Faults(broken_media=0.3, refused_media=0.3),
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
        resumed = [one for one in webex.counters.media_requests if one.range_start]
        assert bool(resumed) == bool(faults.broken_media)
    assert made.states() == {("ready", "complete"): MEETINGS}
    assert made.leftovers() == []


def test_what_came_of_a_broken_download_is_not_sent_again(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world, Faults(broken_media=0.5, seed=3))
    with made.webex as webex:
        made.run()
        sent = sum(one.bytes_sent for one in webex.counters.media_requests)
        whole = MEETINGS * SIZE
        assert webex.counters.injected["broken_media"] > 0
        # What lay in buffers when a connection was cut is sent twice, no more.
        assert whole <= sent < 1.2 * whole


def test_a_link_that_never_leads_to_a_file_is_a_fault(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world, Faults(ticket_seconds=0))
    with made.webex as webex:
        outcome = made.run()
        assert outcome.failures == []
        assert outcome.failed_items == MEETINGS
        # One link, then a new one, and no more.
        assert len(webex.counters.media_requests) == 2 * MEETINGS
    assert made.states() == {("failed", "fault"): MEETINGS}


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
            assert any(webex.media.sha256(key, "video", one) == row["sha256"] for one in versions)
        assert webex.counters.injected["broken_media"] > 0
        # One that is another file after each break never gets any further; how many do depends on
        # the order in which threads meet the faults.
        assert len(made.rows("recording_files")) == MEETINGS - outcome.failed_items > 0


def test_a_size_other_than_told_is_kept_and_told(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world, Faults(wrong_sizes=1.0))
    with made.webex:
        assert made.run().failures == []
        made.assert_whole("video", MEETINGS)
        rows = made.rows("recording_files")
        assert all(row["bytes"] == SIZE != row["told_bytes"] for row in rows)


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


def test_what_its_host_does_not_let_download_is_forbidden(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, with_recordings(world, prevent_download=True))
    with made.webex as webex:
        assert made.run().failures == []
        assert webex.counters.media_requests == []
    assert made.states() == {("forbidden", "download_prevented"): MEETINGS}


@pytest.mark.parametrize(
    "bounds",
    [
        "largest_bytes = 2_999_999",
        pytest.param("longest_seconds = 0", marks=pytest.mark.slow),
        pytest.param('hosts = ["*@elsewhere.example"]', marks=pytest.mark.slow),
    ],
)
def test_bounds_cost_no_request(world: World, tmp_path: Path, bounds: str) -> None:
    made = product(tmp_path, world)
    made.settings(f'recordings = ["video"]\n{bounds}')
    with made.webex:
        assert made.run().failures == []
        assert [url for url in made.requests() if url.startswith("/v1/recordings/")] == []
    assert made.states() == {("absent", "out_of_bounds"): MEETINGS}


def test_bounds_that_are_met_let_everything_pass(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world)
    made.settings(
        'recordings = ["video"]\nlargest_bytes = 3_000_000\nlongest_seconds = 999_999\n'
        'hosts = ["*@*"]\nat_once = 1'
    )
    with made.webex:
        made.run()
        made.assert_whole("video", MEETINGS)


def test_the_floor_of_free_space_ends_downloads_only(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world)
    made.settings('[downloads]\nrecordings = ["video"]\nkeep_free_bytes = 1_000_000_000_000_000')
    with made.webex:
        ((kind, sentence),) = made.run().failures
        assert kind == "StorageError"
        assert "keep_free_bytes in [downloads]" in sentence
        assert len(made.rows("transcript_snippets")) == 4 * MEETINGS
        made.settings()
        assert made.run().failures == []
        made.assert_whole("video", MEETINGS)


def test_days_that_were_done_before_are_downloaded_when_asked_for(
    world: World, tmp_path: Path
) -> None:
    made = product(tmp_path, world)
    made.settings("[downloads]")
    with made.webex:
        made.run()
        made.settings()
        made.run()
        assert made.rows("recording_files") == []
        before = len(made.requests())
        made.run(Span(date(2026, 3, 1), date(2026, 3, 16)))
        made.assert_whole("video", MEETINGS)
        # Nothing but the details that the links are in.
        assert len(made.requests()) - before == MEETINGS


def test_a_whole_file_without_a_row_is_not_sent_again(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world)
    with made.webex as webex:
        made.run()
        day = made.rows("recording_files")[0]["date"]
        for name in ("recording_files", "fetch_ledger", "recordings"):
            (tmp_path / f"lake/{name}/date={day}/part-0.parquet").unlink()
        sent = len(webex.counters.media_requests)
        made.run(Span(day, day), refetch=True)
        made.assert_whole("video", MEETINGS)
        assert len(webex.counters.media_requests) == sent


def test_a_deleted_recording_is_not_downloaded(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world)
    made.settings("[downloads]")
    with made.webex as webex:
        made.run()
        gone = recordings(world)[0].id
        lake = made.etl().lake
        (day,) = lake.partitions(_RECORDINGS)
        rows = lake.read(_RECORDINGS, day).to_pylist()
        changed = [row | {"status": "deleted"} for row in rows if row["recording_id"] == gone]
        lake.merge(_RECORDINGS, date.fromisoformat(day), changed)
        made.settings()
        made.run(Span(date.fromisoformat(day), date.fromisoformat(day)))
        assert len(webex.counters.media_requests) == MEETINGS - 1


@pytest.mark.parametrize("kind", ["user", "admin"])
def test_files_of_transcripts_are_asked_for_once(
    world: World, tmp_path: Path, kind: Literal["user", "admin"]
) -> None:
    """An administrator's words are read from the file that is kept.

    Temporary files that a killed run left are swept.
    """
    made = product(tmp_path, world)
    made.kind = kind
    made.settings('transcripts = ["vtt", "txt"]')
    days = {one.ended_at.date() for one in world.meetings if one.transcripts}
    for folder in ["lake/ingested_logs", *(f"transcripts/date={day}" for day in days)]:
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / ".x.aa.tmp").write_bytes(b"unfinished")
    with made.webex as webex:
        assert made.run().failures == []
        assert not (tmp_path / "lake/ingested_logs/.x.aa.tmp").exists()
        requested = Counter(url for url in made.requests() if "/download?" in url)
        assert len(requested) == 2 * MEETINGS
        assert set(requested.values()) == {1}
        for row in made.rows("transcript_files"):
            content = (tmp_path / row["path"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == row["sha256"]
            assert len(content) == row["bytes"]
            assert not (tmp_path / row["path"]).with_name(".x.aa.tmp").exists()
        vtts = [row for row in made.rows("transcript_files") if row["format"] == "vtt"]
        texts = {
            one.id: webex.media.vtt(one).encode()
            for meeting in webex.world.meetings
            for one in meeting.transcripts
        }
        assert {row["transcript_id"] for row in vtts} == set(texts)
        for row in vtts:
            assert (tmp_path / row["path"]).read_bytes() == texts[row["transcript_id"]]
        assert len(made.rows("transcript_snippets")) == 4 * MEETINGS
        seen = webex.counters.total
        made.run()
        assert webex.counters.total == seen


@pytest.mark.slow
def test_two_processes_share_the_files_of_a_day(world: World, tmp_path: Path) -> None:
    """Whoever finds them being fetched leaves them alone; none is sent twice."""
    made = product(tmp_path, world, Faults(slow_media=3_000_000), Clock())
    with made.webex as webex:
        with ThreadPoolExecutor(2) as pool:
            done = [*pool.map(lambda _: made.command_process("run"), range(2))]
        assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
        made.assert_whole("video", MEETINGS)
        assert len(webex.counters.media_requests) == MEETINGS
        assert webex.counters.repeated_gets == 0


def test_a_meeting_that_moves_takes_its_files_along(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world)
    moved = world.meetings[0]
    with made.webex as webex:
        made.run()
        seen = len(webex.counters.media_requests)
        data = {"id": moved.id, "end": (moved.ended_at + timedelta(days=1)).isoformat()}
        body = {"resource": "meetings", "event": "ended", "data": data}
        line = {"received_at": NOW.isoformat(), "headers": {}, "body": body}
        (tmp_path / "webhook_logs" / "later.jsonl").write_text(json.dumps(line) + "\n")
        made.run()
        made.assert_whole("video", MEETINGS)
        assert len(webex.counters.media_requests) == seen
    days = {row["meeting_id"]: row["date"] for row in made.rows("meetings")}
    assert len(set(days.values())) == 2
    assert all(row["date"] == days[row["meeting_id"]] for row in made.rows("recording_files"))


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


def test_a_link_that_is_gone_when_another_is_renewed_ends_no_run(
    world: World, tmp_path: Path
) -> None:
    """The video breaks and its link expires; by then the transcript has been deleted."""
    gone = NOW + timedelta(seconds=0.5)
    meetings = (
        replace(one, transcripts=tuple(replace(each, deleted_at=gone) for each in one.transcripts))
        for one in world.meetings[:1]
    )
    faults = Faults(broken_media=1.0, ticket_seconds=1)
    made = product(tmp_path, replace(world, meetings=tuple(meetings)), faults)
    made.settings('recordings = ["video", "transcript"]')
    with made.webex:
        assert made.run().failures == []
        made.assert_whole("video", 1)
    assert made.states() == {("failed", "partial"): 1}
