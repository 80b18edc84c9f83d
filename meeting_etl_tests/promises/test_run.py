"""`run` on the demo world: complete, idempotent, incremental, repeatable from the logs."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind, World
from meeting_etl.sandbox.world.worlds import demo_world, sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, files, rows, tables, work_off

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return demo_world(1, NOW, days=5, meetings=40)


@pytest.fixture(scope="module")
def ran(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product after its first run; tests leave it as it is."""
    with Sandbox(world, ManualClock(NOW)) as webex:
        product = Product(tmp_path_factory.mktemp("ran"), webex, clock=webex.clock)
        product.write_logs()
        outcome = product.run()
        assert outcome.failures == []
        yield product


@pytest.fixture
def copy(ran: Product, tmp_path: Path) -> Product:
    """The same, to be changed."""
    shutil.copytree(ran.folder, tmp_path / "data")
    return Product(tmp_path / "data", ran.webex, clock=ran.clock)


def test_every_meeting_that_ended_is_there(ran: Product, world: World) -> None:
    ended = {meeting.id: meeting for meeting in world.meetings if meeting.ended_at <= NOW}
    found = {row["meeting_id"]: row for row in ran.rows("meetings")}
    assert set(found) == set(ended)
    for meeting_id, row in found.items():
        truth = ended[meeting_id]
        assert (row["started_at"], row["ended_at"]) == (truth.started_at, truth.ended_at)
        assert row["host_email"] == truth.host.email
        assert row["date"] == truth.ended_at.date()


def test_every_recording_that_was_ready_is_there(ran: Product, world: World) -> None:
    expected = {
        recording.id: (meeting.id, recording.duration_seconds, recording.size_bytes)
        for meeting in world.meetings
        for recording in meeting.recordings
        if max(recording.available_at, meeting.ended_at + timedelta(minutes=15)) <= NOW
        and (recording.purged_at is None or recording.purged_at > NOW)
    }
    found = {
        row["recording_id"]: (row["meeting_id"], row["duration_seconds"], row["size_bytes"])
        for row in ran.rows("recordings")
        if row["status"] == "available"
    }
    assert found == expected
    tombstones = {
        row["recording_id"] for row in ran.rows("recordings") if row["status"] == "deleted"
    }
    assert tombstones == {
        recording.id
        for meeting in world.meetings
        for recording in meeting.recordings
        if recording.purged_at is not None and recording.purged_at <= NOW
    }


def test_every_participant_of_a_finished_meeting_is_there(ran: Product, world: World) -> None:
    requested = {row["meeting_id"] for row in ran.rows("fetch_ledger") if row["attempts"]}
    expected = Counter(
        meeting.id
        for meeting in world.meetings
        if meeting.id in requested
        for _ in {participant.id for participant in meeting.participants}
    )
    assert Counter(row["meeting_id"] for row in ran.rows("participants")) == expected
    assert max(expected.values()) > 100, "the world has a webinar, so that pages are needed"


def test_every_snippet_of_a_readable_transcript_is_there(ran: Product, world: World) -> None:
    expected = {
        snippet.id: (snippet.text, snippet.person_name, snippet.offset_ms, snippet.duration_ms)
        for meeting in world.meetings
        for transcript in meeting.transcripts
        if transcript.snippets_available_at is not None
        and transcript.snippets_available_at <= NOW
        and transcript.available_at <= NOW
        and meeting.ended_at + timedelta(minutes=15) <= NOW
        and transcript.deleted_at is None
        for snippet in transcript.snippets
    }
    found = {
        row["snippet_id"]: (row["text"], row["person_name"], row["offset_ms"], row["duration_ms"])
        for row in ran.rows("transcript_snippets")
        if row["source"] == "snippets"
    }
    assert found == expected
    # Where there are none the file tells the same, in the same order.
    texts = {
        transcript.id: [snippet.text for snippet in transcript.snippets]
        for meeting in world.meetings
        for transcript in meeting.transcripts
        if transcript.snippets_available_at is None
    }
    from_files = [row for row in ran.rows("transcript_snippets") if row["source"] == "vtt"]
    assert from_files
    for row in from_files:
        assert row["text"] == texts[row["transcript_id"]][row["snippet_index"]]
    for row in ran.rows("transcripts"):
        held = [
            s for s in ran.rows("transcript_snippets") if s["transcript_id"] == row["transcript_id"]
        ]
        assert (row["snippet_count"] or 0) == len(held)
        assert [s["snippet_index"] for s in sorted(held, key=lambda s: s["snippet_id"])] == list(
            range(len(held))
        )


def test_children_lie_in_the_partition_of_their_meeting(ran: Product) -> None:
    days = {row["meeting_id"]: row["date"] for row in ran.rows("meetings")}
    for name in (
        "recordings",
        "participants",
        "transcripts",
        "transcript_snippets",
        "fetch_ledger",
    ):
        for row in ran.rows(name):
            assert row["date"] == days[row["meeting_id"]], name


def test_every_line_of_every_log_is_an_event_or_a_rejected_line(ran: Product) -> None:
    import gzip

    lines = 0
    for path in (ran.folder / "webhook_logs").rglob("*.jsonl*"):
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        complete = data[: data.rfind(b"\n") + 1]
        lines += sum(
            1 for line in complete.split(b"\n") if line.removeprefix(b"\xef\xbb\xbf").strip()
        )
    events, rejected = ran.rows("webhook_events"), ran.rows("rejected_lines")
    assert len(events) + len(rejected) == lines
    assert len({row["reason"] for row in rejected}) >= 7


def test_no_secret_of_the_sandbox_reaches_the_data_folder(ran: Product) -> None:
    for path in ran.folder.rglob("*"):
        if path.is_file() and "webhook_logs" not in path.parts:
            assert b"plantedsecret" not in path.read_bytes(), path
    for name in ("recordings", "meetings", "webhook_events", "participants", "transcripts"):
        assert "plantedsecret" not in json.dumps(rows(ran.folder, name), default=str), name


def test_a_second_run_asks_for_nothing_and_rewrites_nothing(ran: Product) -> None:
    before, seen = files(ran.folder), ran.webex.counters.total
    outcome = ran.run()
    assert (outcome.days, outcome.failures) == ([], [])
    assert ran.webex.counters.total == seen
    assert files(ran.folder) == before


def test_nothing_was_asked_twice(ran: Product) -> None:
    assert ran.webex.counters.repeated_gets == 0


def test_appended_lines_are_the_only_ones_asked_for(copy: Product) -> None:
    new = {
        "resource": "meetings",
        "event": "ended",
        "data": {
            "id": "0123456789abcdef0123456789abcdef_I_777",
            "start": "2026-03-15T10:00:00Z",
            "end": "2026-03-15T10:30:00Z",
            "hostEmail": "dana@sales.example",
        },
    }
    log = max((copy.folder / "webhook_logs").rglob("*.jsonl"))
    with log.open("a") as file:
        file.write("\n" + json.dumps(new) + "\n")
    seen = copy.webex.counters.total
    copy.run()
    requested = copy.requests(seen)
    # Its four lists and details; the sandbox knows no such meeting, and before that refusal is
    # believed Webex is asked for something that is there.
    assert len(requested) == 5
    assert requested.count("/v1/people/me") == 1
    about = [url for url in requested if url != "/v1/people/me"]
    assert all("0123456789abcdef0123456789abcdef_I_777" in url for url in about)


@pytest.mark.slow
def test_the_same_rows_come_again_from_the_logs_alone(copy: Product) -> None:
    before = tables(copy.folder)
    shutil.rmtree(copy.folder / "lake")
    copy.run()
    assert tables(copy.folder) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["meetings", pytest.param("meeting_index", marks=pytest.mark.slow)]
)
def test_a_lost_table_comes_again(copy: Product, name: str) -> None:
    before = tables(copy.folder)
    shutil.rmtree(copy.folder / "lake" / name)
    with (copy.folder / "webhook_logs/more.jsonl").open("w") as file:
        file.write("\n")
    etl = copy.etl()
    copy.run()
    etl.ledger.announce({row["date"]: {"none": []} for row in before["meetings"]})
    copy.run()
    after = tables(copy.folder)
    for row in (*after["fetch_ledger"], *before["fetch_ledger"]):
        # What the API told of the meetings was lost with their table, so it was asked again.
        row["attempts"] -= row["attempts"] if row["resource"] == "meeting" else 0
    assert after == before


@pytest.mark.parametrize("kind", ["user", "admin", "compliance"])
@pytest.mark.parametrize("ended_by", [datetime(2021, 5, 15, tzinfo=UTC), NOW - timedelta(days=60)])
def test_old_meetings_get_their_assets_too(tmp_path: Path, ended_by: datetime, kind: Kind) -> None:
    """No trap of a 7-day window: 2021, and 60 days ago."""
    world = sized_world(1, ended_by, meetings=2, participants=3, snippets=4)
    with Sandbox(world, ManualClock(NOW)) as webex:
        product = Product(tmp_path, webex, kind, clock=webex.clock)
        product.write_logs()
        work_off(product.etl())
        counts = {name: len(product.rows(name)) for name in ("recordings", "transcripts")}
        assert counts == {"recordings": 2, "transcripts": 2}
        # An administrator may not read snippets: nobody asked, the files say the same.
        said = product.rows("transcript_snippets")
        source = "vtt" if kind == "admin" else "snippets"
        assert [row["source"] for row in said] == [source] * 8
        status = {
            (row["resource"], row["status"])
            for row in product.rows("fetch_ledger")
            if row["resource_id"]
        }
        if kind == "admin":
            assert status == {("transcript_snippets", "forbidden"), ("vtt_snippets", "ready")}
        else:
            assert status == {("transcript_snippets", "ready")}
        assert sum("snippets" in url for url in product.requests()) == (0 if kind == "admin" else 2)


@pytest.mark.slow
def test_late_assets_are_asked_for_until_they_come(tmp_path: Path, world: World) -> None:
    clock = ManualClock(NOW)
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, clock=clock)
        product.write_logs()
        work_off(product.etl())
        waiting = {
            row["meeting_id"] for row in product.rows("fetch_ledger") if row["status"] == "waiting"
        }
        assert waiting
        for _ in range(10):
            clock.advance(hours=18)
            work_off(product.etl())
        ledger = product.rows("fetch_ledger")
        assert [row for row in ledger if not row["settled"]] == []
        # Of a transcript whose snippets never come the file is read.
        gone = [row["resource_id"] for row in ledger if row["status"] == "gone"]
        read = [row["resource_id"] for row in ledger if row["resource"] == "vtt_snippets"]
        assert gone == read
        assert {row["status"] for row in ledger} == {"ready", "absent", "gone"}
        told = {row["meeting_id"] for row in product.rows("meetings")}
        expected = {
            recording.id
            for meeting in world.meetings
            if meeting.id in told
            for recording in meeting.recordings
        }
        found = {row["recording_id"]: row["status"] for row in product.rows("recordings")}
        assert set(found) == expected
        # What went for good without an event for the logs is found missing, and then proven.
        assert {key for key, status in found.items() if status != "available"} == {
            recording.id
            for meeting in world.meetings
            for recording in meeting.recordings
            if recording.deleted_at or recording.purged_at
        }
        assert product.etl().ledger.open_days() == {}
