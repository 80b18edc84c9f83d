"""What is not kept: what was deleted at Webex, when that is wanted, and what is too old."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.schemas import MEETING_SUMMARIES, RECORDING_FILES
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.today import today

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
MEETINGS = 4
_SUMMARIES = MEETING_SUMMARIES.name
DOWNLOADS = (
    '[downloads]\nrecordings = ["video"]\ntranscripts = ["vtt", "txt"]\nkeep_free_bytes = 0\n'
)


@pytest.fixture(scope="module")
def world() -> World:
    # They end at five days before that moment: two days ago, so that they are still asked for.
    return sized_world(9, NOW + timedelta(days=3), meetings=MEETINGS, participants=2, snippets=3)


def product(folder: Path, world: World, toml: str = "") -> Product:
    webex = Sandbox(world, ManualClock(NOW), Faults(media_bytes=1_000))
    file = folder / "settings.toml"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(DOWNLOADS + toml)
    made = Product(
        folder, webex, "user", clock=webex.clock, more={"MEETING_ETL_SETTINGS": str(file)}
    )
    made.write_logs()
    return made


def files(product: Product, folder: str) -> set[str]:
    found = (product.folder / folder).rglob("*")
    return {str(path.relative_to(product.folder)) for path in found if path.is_file()}


def tell_deleted(product: Product, recording_id: str, meeting_id: str) -> None:
    """The event by which Webex tells that a recording was deleted for good."""
    data = {"id": recording_id, "meetingId": meeting_id}
    body = {"resource": "recordings", "event": "deleted", "data": data}
    line: dict[str, Any] = {"received_at": "2026-03-16T12:00:00Z", "headers": {}, "body": body}
    (product.folder / "webhook_logs" / "deleted.jsonl").write_text(json.dumps(line) + "\n")


def without_transcript(world: World, number: int) -> World:
    """The world in which somebody deletes the transcript of a meeting before long."""
    meeting = world.meetings[number]
    gone = tuple(
        replace(transcript, deleted_at=NOW + timedelta(hours=1))
        for transcript in meeting.transcripts
    )
    meetings = list(world.meetings)
    meetings[number] = replace(meeting, transcripts=gone)
    return replace(world, meetings=tuple(meetings))


@pytest.mark.slow
@pytest.mark.parametrize("honoured", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_files_of_a_deleted_recording(world: World, tmp_path: Path, honoured: bool) -> None:
    made = product(tmp_path, world, f"[privacy]\nhonour_deletes = {str(honoured).lower()}\n")
    with made.webex:
        made.run()
        before = files(made, "media")
        assert len(before) == MEETINGS
        first = made.rows("recording_files")[0]
        tell_deleted(made, first["recording_id"], first["meeting_id"])
        assert made.run().failures == []
    assert files(made, "media") == (before - {first["path"]} if honoured else before)
    (row,) = [row for row in made.rows("recording_files") if row["path"] == first["path"]]
    assert row["removed_because"] == ("deleted" if honoured else None)
    assert row["removed_at"] == (NOW if honoured else None)
    assert row["sha256"] == first["sha256"]
    (recording,) = [
        row for row in made.rows("recordings") if row["recording_id"] == first["recording_id"]
    ]
    assert recording["deletion_proof"] == "event"
    assert len(files(made, "transcripts")) == 2 * MEETINGS


@pytest.mark.parametrize("honoured", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_words_of_a_deleted_transcript(world: World, tmp_path: Path, honoured: bool) -> None:
    changed = without_transcript(world, 0)
    made = product(tmp_path, changed, f"[privacy]\nhonour_deletes = {str(honoured).lower()}\n")
    gone = changed.meetings[0].transcripts[0].id
    with made.webex:
        made.run()
        assert len(files(made, "transcripts")) == 2 * MEETINGS
        assert isinstance(made.clock, ManualClock)
        made.clock.advance(hours=30)
        assert made.run().failures == []
    (transcript,) = [row for row in made.rows("transcripts") if row["transcript_id"] == gone]
    assert transcript["status"] == "deleted"
    assert transcript["snippet_count"] == (0 if honoured else 3)
    words = [row for row in made.rows("transcript_snippets") if row["transcript_id"] == gone]
    assert len(words) == (0 if honoured else 3)
    assert len(made.rows("transcript_snippets")) == 3 * (MEETINGS - honoured)
    assert len(files(made, "transcripts")) == 2 * (MEETINGS - honoured)
    removed = {
        row["transcript_id"] for row in made.rows("transcript_files") if row["removed_because"]
    }
    assert removed == ({gone} if honoured else set())


@pytest.mark.slow
def test_what_was_deleted_before_it_was_switched_on(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world)
    with made.webex:
        made.run()
        first = made.rows("recording_files")[0]
        tell_deleted(made, first["recording_id"], first["meeting_id"])
        # What a kill leaves: a file that no row names.
        (tmp_path / first["path"]).with_suffix(".arf").write_bytes(b"left")
        made.run()
        assert len(files(made, "media")) == MEETINGS + 1
        (tmp_path / "settings.toml").write_text(f"{DOWNLOADS}[privacy]\nhonour_deletes = true\n")
        made.run(Span(first["date"], first["date"]))
    assert len(files(made, "media")) == MEETINGS - 1
    assert not any(first["recording_id"] in path for path in files(made, "media"))


@pytest.mark.slow
def test_words_of_a_deleted_summary_go(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world, "[privacy]\nhonour_deletes = true\n")
    with made.webex:
        made.run()
        day = made.rows("meetings")[0]["date"]
        ours = {"meeting_id": "m", "notes": "What was said.", "action_items": ["Call Ana."]}
        lake = made.etl().lake
        rows = [
            {"summary_id": status, "status": status, **ours} for status in ("available", "deleted")
        ]
        lake.merge(MEETING_SUMMARIES, day, rows)
        made.run(Span(day, day))
    words = {
        row["summary_id"]: (row["notes"], row["action_items"]) for row in made.rows(_SUMMARIES)
    }
    assert words == {"available": ("What was said.", ["Call Ana."]), "deleted": (None, None)}


def run_over_two_days(tmp_path: Path, world: World) -> Product:
    """A product with meetings of ten days ago and of yesterday."""
    newer = sized_world(10, NOW, meetings=2, participants=1, snippets=1)
    older = sized_world(9, NOW - timedelta(days=9), meetings=3, participants=1, snippets=1)
    both = replace(newer, meetings=(*older.meetings, *newer.meetings))
    made = product(tmp_path, both)
    with made.webex:
        assert made.run().failures == []
    return made


def dates(product: Product, table: str) -> set[date]:
    return {row["date"] for row in product.rows(table)}


def is_kept(received: date | None, first: date) -> bool:
    """Events that nobody can date stay."""
    return received is None or received >= first


@pytest.mark.slow
def test_prune_removes_what_is_older(world: World, tmp_path: Path) -> None:
    made = run_over_two_days(tmp_path, world)
    old, new = sorted(dates(made, "meetings"))
    days = (today() - new).days
    option = f"{days}d"
    kept_events = [row for row in made.rows("webhook_events") if is_kept(row["received_date"], new)]

    shown = made.command("prune", "--yes", "--older-than", option, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "To remove: days before" in shown.stdout
    assert dates(made, "meetings") == {old, new}

    done = made.command("prune", "--yes", "--older-than", option)
    assert done.returncode == 0, done.stderr
    tables = "meetings recordings participants transcripts transcript_snippets fetch_ledger"
    for table in [*tables.split(), "recording_files", "transcript_files"]:
        assert dates(made, table) == {new}, table
    assert made.rows("webhook_events") == kept_events
    assert {path.split("/")[1] for path in files(made, "media")} == {f"date={new}"}
    assert {path.split("/")[1] for path in files(made, "transcripts")} == {f"date={new}"}
    # Nothing of it comes back by itself.
    with Sandbox(made.webex.world, made.clock, Faults(media_bytes=1_000)) as webex:
        again = Product(tmp_path, webex, "user", clock=made.clock, more=made.more)
        assert again.run().failures == []
        assert dates(again, "meetings") == {new}
        assert webex.counters.total == 0


@pytest.mark.slow
def test_prune_leaves_nothing_unfinished_and_nothing_that_moved(
    world: World, tmp_path: Path
) -> None:
    """The file of a newer meeting may lie in an older folder: its row says where."""
    made = run_over_two_days(tmp_path, world)
    old, new = sorted(dates(made, "meetings"))
    moved = next(row for row in made.rows("recording_files") if row["date"] == new)
    path = f"media/date={old}/{moved['recording_id']}.mp4"
    (tmp_path / moved["path"]).rename(tmp_path / path)
    made.etl().lake.merge(RECORDING_FILES, new, [moved | {"path": path}])
    for name in (".x.video.part", ".x.video.part.json", "rowless.mp4"):
        (tmp_path / f"media/date={old}" / name).write_bytes(b"left")
    orphan = tmp_path / f"lake/transcript_snippets/date={old}/.part-0.parquet.0.tmp"
    orphan.write_bytes(b"words")
    days = (today() - new).days

    assert (
        made.command("prune", "--yes", "--older-than", f"{days}d", "--media-only").returncode == 0
    )
    assert {file for file in files(made, "media") if str(old) in file} == {path}
    done = made.command("prune", "--yes", "--older-than", f"{days}d")
    assert done.returncode == 0, done.stderr
    assert {file for file in files(made, "media") if str(old) in file} == {path}
    assert not orphan.exists()


@pytest.mark.slow
def test_prune_of_media_leaves_the_tables(world: World, tmp_path: Path) -> None:
    made = run_over_two_days(tmp_path, world)
    old, new = sorted(dates(made, "meetings"))
    days = (today() - new).days
    done = made.command("prune", "--yes", "--older-than", f"{days}d", "--media-only")
    assert done.returncode == 0, done.stderr
    assert dates(made, "transcript_snippets") == {old, new}
    why = {(row["date"], row["removed_because"]) for row in made.rows("recording_files")}
    assert why == {(old, "pruned"), (new, None)}
    assert {path.split("/")[1] for path in files(made, "media")} == {f"date={new}"}
    assert len(files(made, "transcripts")) == 10


@pytest.mark.parametrize("age", ["0d", "400", "-1d", "a year"])
def test_an_age_that_cannot_be_meant_is_refused(world: World, tmp_path: Path, age: str) -> None:
    made = product(tmp_path, world)
    done = made.command("prune", "--yes", "--older-than", age)
    assert done.returncode == 2
    assert "400d" in done.stderr
