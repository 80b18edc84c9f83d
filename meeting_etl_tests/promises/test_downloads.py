"""Files of recordings: whole or not at all, gone on with after every fault, never by the token."""

import hashlib
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import pytest

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.world.model import Recording, World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.schemas import RECORDINGS as _RECORDINGS
from meeting_etl.times import Clock, Span
from meeting_etl_tests.promises.downloads import MEETINGS, NOW, product

ALL_KINDS = '["video", "audio", "transcript"]'


@pytest.fixture(scope="module")
def world() -> World:
    return sized_world(7, NOW - timedelta(days=5), meetings=MEETINGS, participants=2, snippets=4)


def recordings(world: World) -> list[Recording]:
    return [each for meeting in world.meetings for each in meeting.recordings]


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.parametrize("kind", ["user", pytest.param("admin", marks=pytest.mark.slow)])
def test_files_of_transcripts_are_asked_for_once(
    world: World, tmp_path: Path, kind: Literal["user", "admin"]
) -> None:
    """An administrator's words are read from the file that is kept.

    Temporary files that a killed run left are swept.
    """
    made = product(tmp_path, world)
    made.kind = kind
    made.settings('transcripts = ["vtt", "txt"]')
    days = {meeting.ended_at.date() for meeting in world.meetings if meeting.transcripts}
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
            transcript.id: webex.media.vtt(transcript).encode()
            for meeting in webex.world.meetings
            for transcript in meeting.transcripts
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
        assert [process.returncode for process in done] == [0, 0], [
            process.stderr for process in done
        ]
        made.assert_whole("video", MEETINGS)
        assert len(webex.counters.media_requests) == MEETINGS
        assert webex.counters.repeated_gets == 0


@pytest.mark.slow
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
