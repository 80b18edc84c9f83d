"""Retention by table: what was pruned comes back by nothing, and readers notice nothing."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.lake import catalog
from meeting_etl.lake.meeting_index import MeetingIndex
from meeting_etl.lake.metrics import has_current_metrics
from meeting_etl.lake.migration import migrate
from meeting_etl.pipeline.prune import first_days, prune
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Meeting
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.promises.reading import reading, sums
from meeting_etl_tests.promises.reconciling import asset_line, ended_line, tell
from meeting_etl_tests.today import today

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
SETTINGS = """
[downloads]
recordings = ["video"]
transcripts = ["vtt"]
keep_free_bytes = 0
[retention]
snippets = "8d"
participants = "8d"
media = "8d"
transcript_files = "8d"
events = "4d"
"""
PRUNED = ("transcript_snippets", "participants")


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """Three meetings of ten days ago and two of yesterday, all fetched."""
    newer = sized_world(10, NOW, meetings=2, participants=2, snippets=2)
    older = sized_world(9, NOW - timedelta(days=9), meetings=3, participants=2, snippets=2)
    world = replace(newer, meetings=(*older.meetings, *newer.meetings))
    toml = tmp_path / "settings.toml"
    toml.write_text(SETTINGS)
    more = {"MEETING_ETL_SETTINGS": str(toml)}
    with Sandbox(world, ManualClock(NOW), Faults(media_bytes=1_000)) as webex:
        made = Product(tmp_path, webex, "compliance", clock=webex.clock, more=more)
        made.write_logs()
        assert made.run().failures == []
        yield made


def apply(product: Product) -> dict[str, Any]:
    """The nightly job; returns the metadata of its op."""
    job = build_defs(product.etl()).resolve_job_def("maintenance")
    done = job.execute_in_process()
    assert done.success
    (event,) = [
        event for event in done.events_for_node("apply_retention") if event.is_successful_output
    ]
    return {name: value.value for name, value in event.step_output_data.metadata.items()}


def run(product: Product, *arguments: Any, **more: Any) -> list[str]:
    """The requests of a run."""
    seen = product.webex.counters.total
    assert product.run(*arguments, **more).failures == []
    return product.requests(seen)


def dates(product: Product, table: str) -> set[date]:
    return {row["date"] for row in product.rows(table)}


def days(product: Product) -> tuple[date, date]:
    old, new = sorted(dates(product, "meetings"))
    return old, new


def media(product: Product) -> Counter[str]:
    folders = ("media", "transcripts")
    found = (path for folder in folders for path in product.folder.glob(f"{folder}/*/*"))
    return Counter(path.parent.name for path in found)


def about_pruned(urls: list[str]) -> list[str]:
    parts = ("articipants", "nvitees", "/snippets", "/download", "/recordings/")
    return [url for url in urls if any(part in url for part in parts)]


def test_what_a_night_removes_comes_back_by_nothing(product: Product) -> None:
    old, new = days(product)
    before = {name: product.rows(name) for name in ("meetings", "recordings", "speaker_metrics")}
    known = {meeting.id: meeting for meeting in product.webex.world.meetings}
    ids = [key for key, meeting in known.items() if meeting.ended_at.date() == old]
    meeting = known[ids[0]]
    ids += [row["transcript_id"] for row in product.rows("transcripts") if row["date"] == old]
    ids += [row["recording_id"] for row in product.rows("recordings") if row["date"] == old]

    def assert_that_nothing_is_back(urls: list[str]) -> None:
        assert not [url for url in about_pruned(urls) if any(key in url for key in ids)]
        for table in PRUNED:
            assert dates(product, table) == {new}, table
        assert media(product) == {f"date={new}": 4}

    assert media(product) == {f"date={old}": 6, f"date={new}": 4}
    metadata = apply(product)
    assert {name: metadata["rows_removed"][name] for name in PRUNED} == dict.fromkeys(PRUNED, 6)
    assert metadata["files_removed"] == {"media/": 3, "transcripts/": 3}
    both = Span(old, new)
    assert_that_nothing_is_back(run(product))
    assert_that_nothing_is_back(run(product, both, refetch=True))
    assert_that_nothing_is_back(run(product, both, discover=True))
    assert isinstance(product.clock, ManualClock)
    product.clock.advance(hours=1)
    late = NOW + timedelta(minutes=59)
    tell(product, asset_line(meeting, "recordings", meeting.recordings[0].id, late))
    urls = run(product)
    assert urls  # the recordings are listed once more
    assert_that_nothing_is_back(urls)
    # All else is as it was.
    for name, rows in before.items():
        assert product.rows(name) == rows, name
    etl = product.etl()
    assert has_current_metrics(etl.lake, old)
    assert migrate(etl.lake) == 0
    counted = {(row["date"], row["snippet_count"]) for row in product.rows("transcripts")}
    assert counted == {(old, 0), (new, 2)}
    removed = {(row["date"], row["removed_because"]) for row in product.rows("recording_files")}
    assert removed == {(old, "pruned"), (new, None)}
    items = product.rows("fetch_ledger")
    why = {row["resource"]: row["reason"] for row in items if row["status"] == "absent"}
    names = (*PRUNED, "recording_files", "transcript_files")
    assert why == dict.fromkeys(names, "pruned")
    assert apply(product)["rows_removed"] == {}


def test_what_is_switched_on_later_costs_pruned_days_nothing(product: Product) -> None:
    old, new = days(product)
    etl = product.etl()
    etl.lake.floors.raise_to({"summaries": new})
    toml = product.folder / "settings.toml"
    toml.write_text(f"[fetch]\nsummaries = true\n{SETTINGS}")
    urls = run(product, Span(old, new))
    assert {url.split("meetingId=")[-1][:20] for url in urls if "ummar" in url} == {
        meeting.id[:20]
        for meeting in product.webex.world.meetings
        if meeting.ended_at.date() == new
    }
    found = {
        row["date"]
        for row in product.rows("fetch_ledger")
        if row["resource"] == "meeting_summaries"
    }
    assert found == {new}


def test_an_old_log_that_arrives_after_the_floor_is_counted_and_not_stored(
    product: Product,
) -> None:
    """Its meeting is one that reconcile can find."""
    apply(product)
    events = len(product.rows("webhook_events"))
    ended_at = NOW - timedelta(days=6)
    unknown: Meeting = replace(
        product.webex.world.meetings[0], id=f"{'a' * 32}_I_1", ended_at=ended_at
    )
    log = product.folder / "webhook_logs" / "late.jsonl"
    log.write_text(ended_line(unknown, ended_at, ended_at))
    run(product)
    (row,) = [row for row in product.rows("ingested_logs") if row["log_file"] == "late.jsonl"]
    assert (row["lines"], row["events"], row["rejected"]) == (1, 1, 0)
    assert len(product.rows("webhook_events")) == events
    assert unknown.id not in {row["meeting_id"] for row in product.rows("meetings")}
    assert MeetingIndex(product.etl().lake).find([unknown.id]) == {}


def test_a_deleted_lake_has_no_floor_and_the_next_night_prunes_again(product: Product) -> None:
    old, new = days(product)
    apply(product)
    kept = {name: product.rows(name) for name in (*PRUNED, "transcripts", "webhook_events")}
    shutil.rmtree(product.folder / "lake")
    run(product)
    assert dates(product, "transcript_snippets") == {old, new}
    apply(product)
    for name, rows in kept.items():
        assert product.rows(name) == rows, name


def test_metrics_go_where_they_are_not_kept(product: Product) -> None:
    old, new = days(product)
    toml = product.folder / "settings.toml"
    toml.write_text(SETTINGS + "keep_metrics = false\n")
    assert apply(product)["rows_removed"]["speaker_metrics"] > 0
    assert dates(product, "speaker_metrics") == {new}
    run(product, Span(old, new), refetch=True)
    assert dates(product, "speaker_metrics") == {new}


def test_the_command_applies_the_settings_and_status_shows_the_floors(product: Product) -> None:
    """The command goes by the clock of this machine, by which all days here are old."""
    assert "Pruned" not in product.command("status").stdout
    shown = product.command("prune", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "To remove: what [retention] does not keep" in shown.stdout
    assert product.command("prune").returncode == 2  # nobody is there to be asked
    assert len(product.rows("transcript_snippets")) == 10
    since = today() - timedelta(days=8)
    done = product.command("prune", "--yes")
    assert done.returncode == 0, done.stderr
    assert "Removed: what [retention] does not keep" in done.stdout
    assert product.rows("transcript_snippets") == product.rows("participants") == []
    assert f"snippets          {since}" in product.command("status").stdout
    found = json.loads(product.command("status", "--format", "json").stdout)["kept_since"]
    assert found["media"] == found["snippets"] == str(since)
    assert "meetings" not in found


def test_queries_during_a_prune_meet_no_error(product: Product) -> None:
    etl = product.etl()
    catalog.publish(etl.files, etl.lake)
    tables = "participants JOIN transcript_snippets USING (date)"
    sql = f"SELECT date, count(*) FROM {tables} GROUP BY date"
    first = first_days(etl.settings.retention_days, NOW)
    with reading(sums(product.folder, sql)) as (reader,):
        for group, day in first.items():  # one after the other, then all of the old days
            prune(etl.lake, etl.ledger, {group: day}, NOW, dry_run=False)
            reader.wait_for(1)
        prune(etl.lake, etl.ledger, {"meetings": first["media"]}, NOW, dry_run=False)
        reader.wait_for(1)
        found = reader.end()
    assert [words for words in found if not words.startswith("sums ")] == []
    assert sum(found.values()) > 3
