"""Rule 2: a disk that fails at any single write leaves whole files, and the next run mends all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.settings import Etl
from meeting_etl.state import LocalState
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.product import Product, fetch_due, tables, work_off

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
# Side by side, on as many cores as there are.
SHARDS = 4


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


def look_again(etl: Etl) -> None:
    """Everything once more, hours later: one recording is not listed any more."""
    etl.ledger.reopen(etl.ledger.days(), lambda item: etl.ledger.wants(item.resource))
    fetch_due(etl)


def passes(product: Product, clock: ManualClock, fails_at: int) -> FaultyFiles:
    """A first run, news, a second run, a second look: each step repeated after a failure."""
    files = FaultyFiles(product.folder, fails_at, late=True)
    files.twice_if_it_fails(product.etl, work_off)
    correct_the_end(product)
    files.twice_if_it_fails(product.etl, work_off)
    clock.advance(hours=3)
    files.twice_if_it_fails(product.etl, look_again)
    return files


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


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """The rows that only one of the two has."""
    return [
        f"{name} {which} {row}"
        for name, rows in expected.items()
        for which, ours, theirs in (("lost", rows, found[name]), ("other", found[name], rows))
        for row in ours
        if row not in theirs
    ]


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_each_single_write_fails_once(tmp_path: Path, shard: int) -> None:
    expected, writes = outcome(tmp_path / "whole", -1)
    statuses = {row["status"] for row in expected["recordings"]}
    assert statuses == {"available", "deleted"}
    assert writes > 60
    for fails_at in range(shard, writes, SHARDS):
        found, _ = outcome(tmp_path / str(fails_at), fails_at)
        if found != expected:  # rare ones depend on the order of threads: all that is known of it
            pytest.fail(f"after a failure of write {fails_at}: {differences(found, expected)}")


class NoRoomForParticipants(Files):
    """Fails at participants; notes of later files of the ledger whether their day is locked."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.failed = False
        self.locked: list[bool] = []

    @contextmanager
    def replacement(self, name: str, *, secret: bool = False) -> Iterator[Path]:
        _, table, *rest = name.split("/")
        if table == "participants":
            self.failed = True
            raise StorageError(f"Cannot write {name}: no space left.")
        if table == "fetch_ledger" and self.failed:
            day = rest[0].partition("=")[2]
            self.locked.append(LocalState(Files(self.root)).is_locked(f"day-{day}"))
        with super().replacement(name, secret=secret) as path:
            yield path


def test_what_is_kept_after_a_failed_commit_is_written_under_the_lock(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(world(), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.write_logs()
        etl = product.etl()
        etl.files = files = NoRoomForParticipants(tmp_path)
        with pytest.raises(StorageError):
            work_off(etl)
    assert files.locked
    assert all(files.locked)
