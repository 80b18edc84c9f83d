"""What was pruned does not come back: neither by late events nor by looking for meetings."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Meeting
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.promises.reconciling import asset_line, ended_line, tell
from meeting_etl_tests.today import today

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
OLD, KEPT = date(2026, 3, 10), date(2026, 3, 11)
LATE = datetime(2026, 3, 15, 9, tzinfo=UTC)


def at(day: date, hour: int, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    world = sized_world(1, NOW, meetings=2, participants=2, snippets=1)
    with Sandbox(world, ManualClock(NOW)) as webex:
        yield Product(tmp_path, webex, "admin", clock=webex.clock)


def prune(product: Product, before: date) -> str:
    days = (today() - before).days
    done = product.command("prune", "--yes", "--older-than", f"{days}d")
    assert done.returncode == 0, done.stderr
    return done.stderr


def run(product: Product) -> list[str]:
    """The requests of a run."""
    seen = product.webex.counters.total
    assert product.run().failures == []
    return product.requests(seen)


def tell_of_both(product: Product, received: datetime) -> tuple[Meeting, Meeting]:
    """The end of one meeting on each side of the floor."""
    old, kept = product.webex.world.meetings
    tell(
        product,
        ended_line(old, at(OLD, 23, 55), received),
        ended_line(kept, at(KEPT, 10, 0), at(KEPT, 10, 1)),
    )
    return old, kept


@pytest.mark.slow
def test_a_late_event_does_not_bring_a_pruned_meeting_back(product: Product) -> None:
    """Its ended event was received a day after its end, and so is kept."""
    old, kept = tell_of_both(product, at(KEPT, 0, 5))
    run(product)
    assert {row["date"] for row in product.rows("meetings")} == {OLD, KEPT}
    floor = product.folder / "lake/pruned.json"

    assert str(floor) in prune(product, KEPT)
    tell(product, asset_line(old, "recordings", old.recordings[0].id, LATE))
    assert run(product) == []
    seen = product.webex.counters.total
    days = ("--from", str(OLD), "--to", str(OLD))
    done = product.command("run", *days, "--refetch", "--yes")
    assert (done.returncode, product.requests(seen)) == (0, [])
    assert f"Days before {KEPT} are pruned and were skipped; see {floor}." in done.stderr
    assert [row["meeting_id"] for row in product.rows("meetings")] == [kept.id]
    assert {row["date"] for row in product.rows("fetch_ledger")} == {KEPT}
    assert product.etl().ledger.open_days() == {}
    told = [row["meeting_id"] for row in product.rows("webhook_events")]
    assert told.count(old.id) == 2

    # As README says it is undone.
    floor.unlink()
    tell(product, asset_line(old, "recordings", old.recordings[0].id, LATE + timedelta(hours=1)))
    assert run(product)
    assert {row["date"] for row in product.rows("meetings")} == {OLD, KEPT}


@pytest.mark.slow
def test_pruned_days_are_not_listed_and_their_meetings_are_asked_for_once(
    product: Product,
) -> None:
    """Of a meeting whose end no event tells any more, only a request says that it is too old."""
    old = product.webex.world.meetings[0]
    ended, kept = old.ended_at.date(), old.ended_at.date() + timedelta(days=1)
    tell(product, ended_line(old, old.ended_at, old.ended_at))
    run(product)
    prune(product, kept)
    shutil.rmtree(product.folder / "lake/meeting_index")
    tell(product, asset_line(old, "recordings", old.recordings[0].id, LATE))
    seen = product.webex.counters.total
    for day in (ended, LATE.date(), LATE.date()):
        assert product.run(Span(day, day), discover=True).failures == []
    urls = product.requests(seen)
    assert [url for url in urls if "/meetings/" in url] == [f"/v1/admin/meetings/{old.id}"]
    assert not any(f"{ended}T" in url for url in urls)
    assert product.rows("meetings") == []
    assert product.etl().ledger.open_days() == {}


def test_what_is_due_of_a_pruned_day_is_no_work(product: Product) -> None:
    """A day that was announced and never folded has no partition."""
    tell_of_both(product, at(KEPT, 0, 5))
    etl = product.etl()
    etl.ledger.announce({OLD: {"a": []}, KEPT: {"b": []}})
    prune(product, KEPT)
    assert not (product.folder / f"lake/due_days/{OLD}.json").exists()
    etl.ledger.announce({OLD: {"a": []}})
    assert [*etl.ledger.open_days()] == [KEPT]


def test_a_damaged_floor_is_said_and_not_passed_over(product: Product) -> None:
    prune(product, KEPT)
    (product.folder / "lake/pruned.json").write_text("{torn")
    with pytest.raises(StorageError, match=r"pruned\.json is damaged.*remove it.*prune"):
        product.etl().ledger.due_days()
