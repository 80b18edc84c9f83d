"""Rule 2: a disk that fails at any single write leaves whole files, and the next run mends all."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.lake import catalog
from meeting_etl.pipeline import fetch_specs
from meeting_etl.pipeline.fetch import fetch
from meeting_etl.pipeline.ingest import ingest
from meeting_etl.pipeline.meetings import fold
from meeting_etl.pipeline.reader import note_reader
from meeting_etl.sandbox.api import Sandbox
from meeting_etl.sandbox.model import World
from meeting_etl.sandbox.world import sized_world
from meeting_etl.schemas import TABLES
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.product import Product, tables

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
# Side by side, on as many cores as there are.
SHARDS = 4
SPECS = (
    fetch_specs.MEETING,
    fetch_specs.RECORDINGS,
    fetch_specs.PARTICIPANTS,
    fetch_specs.TRANSCRIPTS,
    fetch_specs.SNIPPETS,
)


def world() -> World:
    """Five meetings of two days; a recording goes to the bin, another for good."""
    made = sized_world(1, NOW, meetings=5, participants=2, snippets=3, days=2)
    first, second, *others = made.meetings
    binned = replace(first.recordings[0], deleted_at=NOW + timedelta(hours=1))
    purged = replace(second.recordings[0], purged_at=NOW - timedelta(hours=1))
    return replace(
        made,
        meetings=(
            replace(first, recordings=(binned,)),
            replace(second, recordings=(purged,)),
            *others,
        ),
    )


def correct_the_end(product: Product) -> None:
    """The last meeting is said to have ended the day before."""
    meeting = product.webex.world.meetings[-1]
    ended = meeting.ended_at - timedelta(days=1)
    data = {
        "id": meeting.id,
        "start": (ended - timedelta(minutes=30)).isoformat(),
        "end": ended.isoformat(),
        "hostEmail": meeting.host.email,
        "siteUrl": meeting.site_url,
    }
    body = {"resource": "meetings", "event": "ended", "data": data}
    line = {"received_at": NOW.isoformat(), "headers": {}, "body": body}
    (product.folder / "webhook_logs" / "later.jsonl").write_text(json.dumps(line) + "\n")


def run(etl: Etl) -> None:
    """What `meeting-etl run` does, without Dagster, which writes files of its own."""
    ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    note_reader(etl.files, etl.ledger, etl.reader, etl.clock.now())
    days = etl.ledger.due_days()
    list(fold(etl.lake, etl.ledger, days))
    for spec in SPECS:
        list(fetch(etl.engine("run"), spec, days))
    catalog.publish(etl.files, etl.lake)


def look_again(etl: Etl) -> None:
    """Everything once more, hours later: one recording is not listed any more."""
    for spec in SPECS:
        list(fetch(etl.engine("run"), spec, etl.ledger.days(), refetch=True))


def passes(product: Product, clock: ManualClock, fails_at: int) -> FaultyFiles:
    """A first run, news, a second run, a second look: each step repeated after a failure."""
    files = FaultyFiles(product.folder, fails_at)

    def twice_if_it_fails(step: Callable[[Etl], None]) -> None:
        for _ in range(2):
            etl = product.etl()
            etl.files = files
            try:
                step(etl)
            except StorageError:
                assert_whole(product.folder)
            else:
                return

    twice_if_it_fails(run)
    correct_the_end(product)
    twice_if_it_fails(run)
    clock.advance(hours=3)
    twice_if_it_fails(look_again)
    return files


def assert_whole(folder: Path) -> None:
    """Every file can be read, and no temporary file is taken for a table."""
    for name in TABLES:
        for path in (folder / "lake" / name).rglob("*.parquet"):
            assert path.read_bytes().endswith(b"PAR1"), path


def outcome(folder: Path, fails_at: int) -> tuple[dict[str, Any], int]:
    clock = ManualClock(NOW)
    with Sandbox(world(), clock) as webex:
        product = Product(folder, webex, "user", clock=clock)
        product.write_logs()
        files = passes(product, clock, fails_at)
    found = tables(folder)
    for row in found["fetch_ledger"]:
        row["attempts"] = None
    open_days = product.etl().ledger.open_days().items()
    return {**found, "open": [(day, due.due_at, due.news) for day, due in open_days]}, files.writes


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_each_single_write_fails_once(tmp_path: Path, shard: int) -> None:
    expected, writes = outcome(tmp_path / "whole", -1)
    statuses = {row["status"] for row in expected["recordings"]}
    assert statuses == {"available", "deleted"}
    assert writes > 60
    for fails_at in range(shard, writes, SHARDS):
        found, _ = outcome(tmp_path / str(fails_at), fails_at)
        assert found == expected, f"after a failure of write {fails_at}"
