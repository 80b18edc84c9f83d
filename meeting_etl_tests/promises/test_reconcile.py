"""Meetings whose webhook never came are found, once, and become what webhooks would have made."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.orchestration.reconciled import CANNOT_LIST
from meeting_etl.sandbox.api import Sandbox
from meeting_etl.sandbox.faults import Faults
from meeting_etl.sandbox.model import Kind, Meeting, World
from meeting_etl.sandbox.world import demo_world, sized_world
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, files, tables

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
DAYS = Span(date(2026, 3, 8), date(2026, 3, 16))
SIZED = Span(date(2026, 3, 7), date(2026, 3, 11))
OF_THE_WEBHOOK = ("origin", "first_received_at", "delivery_count")
HOUR = timedelta(hours=1)


def own_world(seed: int) -> World:
    """A lively world of meetings that the owner of the user token hosts.

    Without those that ended within the hour: of them a webhook tells before a listing does.
    """
    world = demo_world(seed, NOW, days=4, meetings=40)
    told = (one for one in world.meetings if not NOW - HOUR < one.ended_at <= NOW)
    return replace(world, meetings=tuple(replace(one, host=world.owner) for one in told))


def found(product: Product) -> dict[str, Any]:
    """All tables but those of the logs, without what only a webhook tells."""
    shown = tables(product.folder)
    for name in ("webhook_events", "rejected_lines"):
        del shown[name]
    for row in shown["meetings"]:
        for column in OF_THE_WEBHOOK:
            del row[column]
    return shown


def whole(world: World, folder: Path, kind: Kind, clock: ManualClock) -> dict[str, Any]:
    """What a run with all webhooks gives."""
    with Sandbox(world, clock) as webex:
        product = Product(folder, webex, kind, clock=clock)
        product.write_logs()
        assert product.run().failures == []
        return found(product)


def origins(product: Product) -> Counter[str]:
    return Counter(row["origin"] for row in product.rows("meetings"))


def listings(urls: list[str]) -> list[str]:
    return [url for url in urls if url.startswith("/v1/meetings?")]


def ended_line(meeting: Meeting, ended: datetime, received: datetime) -> str:
    """A line that tells of the end of a meeting."""
    data = {
        "id": meeting.id,
        "start": (ended - timedelta(minutes=30)).isoformat(),
        "end": ended.isoformat(),
        "hostEmail": meeting.host.email,
        "siteUrl": meeting.site_url,
        "state": "ended",
        "meetingType": "meeting",
    }
    body = {"resource": "meetings", "event": "ended", "data": data}
    return json.dumps({"received_at": received.isoformat(), "headers": {}, "body": body}) + "\n"


def tell(product: Product, *lines: str) -> None:
    folder = product.folder / "webhook_logs"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "later.jsonl").open("a") as file:
        file.writelines(lines)


@pytest.mark.parametrize("kind", ["user", "admin"])
@pytest.mark.parametrize("lost", [0.05, 1.0])
def test_lost_webhooks_leave_no_trace_but_the_origin(
    tmp_path: Path, kind: Kind, lost: float
) -> None:
    world, clock = own_world(3), ManualClock(NOW)
    expected = whole(world, tmp_path / "whole", kind, clock)
    with Sandbox(world, clock, Faults()) as webex:
        product = Product(tmp_path / "lost", webex, kind, clock=clock)
        product.write_logs(lost=lost)
        outcome = product.run(DAYS, discover=True)
        assert outcome.failures == []
        count = origins(product)
        missing = count["reconciled"]
        assert missing >= 1
        assert any(f"Discovered {missing} meetings" in one for one in outcome.notices)
        assert (count["webhook"] == 0) is (lost == 1.0)
        shown = found(product)
        for name, rows in expected.items():
            assert shown[name] == rows, name


def test_a_second_look_writes_nothing_and_asks_for_the_listing_alone(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(own_world(3), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.write_logs(lost=0.3)
        product.run(DAYS, discover=True)
        before, seen = files(tmp_path), webex.counters.total
        outcome = product.run(DAYS, discover=True)
        assert (outcome.failures, outcome.days) == ([], [])
        assert files(tmp_path) == before
        urls = product.requests(seen)
        assert urls == listings(urls)


def test_a_webhook_that_comes_later_makes_it_an_ordinary_meeting(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=6, participants=2, snippets=2)
    clock, meeting = ManualClock(NOW), world.meetings[0]
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.run(SIZED, discover=True)
        assert origins(product) == {"reconciled": 6}
        before, seen = found(product), webex.counters.total
        tell(product, ended_line(meeting, meeting.ended_at, NOW))
        product.run()
        assert webex.counters.total == seen
        assert found(product) == before
        rows = {row["meeting_id"]: row for row in product.rows("meetings")}
        told = rows[meeting.id]
        assert [told[name] for name in OF_THE_WEBHOOK] == ["webhook", NOW, 1]
        assert told["title"] == meeting.title
        assert origins(product) == {"reconciled": 5, "webhook": 1}


@pytest.mark.parametrize("index_is_lost", [False, True])
def test_a_corrected_end_moves_a_reconciled_meeting(tmp_path: Path, index_is_lost: bool) -> None:
    import shutil

    world = sized_world(1, NOW, meetings=4, participants=2, snippets=2)
    clock, meeting = ManualClock(NOW), world.meetings[0]
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.run(SIZED, discover=True)
        seen = webex.counters.total
        if index_is_lost:
            shutil.rmtree(tmp_path / "lake" / "meeting_index")
        tell(product, ended_line(meeting, meeting.ended_at - timedelta(days=2), NOW))
        product.run()
        assert webex.counters.total == seen
        day = date(2026, 3, 9)
        for name in ("meetings", "participants", "recordings", "transcripts", "fetch_ledger"):
            own = [row for row in product.rows(name) if row["meeting_id"] == meeting.id]
            assert {row["date"] for row in own} == {day}, name
        (row,) = (row for row in product.rows("meetings") if row["meeting_id"] == meeting.id)
        assert (row["origin"], row["title"]) == ("webhook", meeting.title)


def test_an_end_that_the_listing_corrects_moves_it_too(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=4, participants=2, snippets=2)
    clock = ManualClock(NOW)
    first, *others = world.meetings
    moved = replace(
        first,
        started_at=first.started_at - timedelta(days=1),
        ended_at=first.ended_at - timedelta(days=1),
    )
    with Sandbox(world, clock) as webex:
        Product(tmp_path, webex, "user", clock=clock).run(SIZED, discover=True)
    clock.advance(hours=1)
    with Sandbox(replace(world, meetings=(moved, *others)), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        assert product.run(SIZED, discover=True).failures == []
        rows = [row for row in product.rows("meetings") if row["meeting_id"] == first.id]
        assert [(row["date"], row["ended_at"]) for row in rows] == [
            (date(2026, 3, 10), moved.ended_at)
        ]
        for name in ("participants", "recordings", "fetch_ledger"):
            own = [row for row in product.rows(name) if row["meeting_id"] == first.id]
            assert {row["date"] for row in own} == {date(2026, 3, 10)}, name
        before = files(tmp_path)
        product.run(SIZED, discover=True)
        assert files(tmp_path) == before


def test_events_of_a_reconciled_meeting_find_it(tmp_path: Path) -> None:
    """A recording's event, months later, opens its pair again."""
    world = sized_world(1, NOW, meetings=2, participants=1, snippets=1)
    clock, meeting = ManualClock(NOW), world.meetings[0]
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.run(SIZED, discover=True)
        data = {"id": meeting.recordings[0].id, "meetingId": meeting.id}
        body = {"resource": "recordings", "event": "created", "data": data}
        clock.advance(hours=1000)
        received = clock.now().isoformat()
        tell(product, json.dumps({"received_at": received, "body": body}) + "\n")
        outcome = product.run()
        assert outcome.days == [meeting.ended_at.date()]
        (pair,) = (
            row
            for row in product.rows("fetch_ledger")
            if (row["meeting_id"], row["resource"]) == (meeting.id, "recordings")
        )
        assert (pair["event_count"], pair["opened_by"], pair["attempts"]) == (1, "event", 2)
        assert origins(product) == {"reconciled": 2}


def test_an_officer_is_told_that_nothing_can_be_listed(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(own_world(3), clock) as webex:
        product = Product(tmp_path, webex, "compliance", clock=clock)
        outcome = product.run(SIZED, discover=True)
        assert (outcome.failures, outcome.notices[:1]) == ([], [CANNOT_LIST])
        assert webex.counters.total == 0


def test_with_a_hosts_token_only_its_own_meetings_count(tmp_path: Path) -> None:
    world, clock = demo_world(3, NOW, days=4, meetings=40), ManualClock(NOW)
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        assert product.run(DAYS, discover=True).failures == []
        assert {row["meeting_id"] for row in product.rows("meetings")} == {
            one.id
            for one in world.meetings
            if one.host.email == world.owner.email and one.listed_at <= NOW
        }
        paths = Counter(url.partition("?")[0] for url in product.requests())
        assert paths["/v1/people/me"] == 1
        involved = [one for one in world.meetings if one.involves(world.owner.email)]
        assert len(involved) > len(product.rows("meetings"))


def test_a_token_that_does_not_say_whose_it_is_needs_a_scope(tmp_path: Path) -> None:
    world, clock = own_world(3), ManualClock(NOW)
    with Sandbox(world, clock, Faults(no_people_scope=True)) as webex:
        outcome = Product(tmp_path / "user", webex, "user", clock=clock).run(DAYS, discover=True)
        ((kind, sentence),) = outcome.failures
        assert kind == "SettingsError"
        assert "spark:people_read" in sentence
        # An administrator's listing is of everybody; only the organization is not known then.
        admin = Product(tmp_path / "admin", webex, "admin", clock=clock)
        assert admin.run(DAYS, discover=True).failures == []
        assert {row["org_id"] for row in admin.rows("meetings")} == {None}


def asset_line(meeting: Meeting, resource: str, key: str, received: datetime) -> str:
    body = {"resource": resource, "event": "created", "data": {"id": key, "meetingId": meeting.id}}
    return json.dumps({"received_at": received.isoformat(), "body": body}) + "\n"


@pytest.mark.parametrize("kind", ["admin", "compliance"])
def test_an_orphan_is_asked_for_and_found(tmp_path: Path, kind: Kind) -> None:
    """Its recording's event came; the day on which it ended is not looked at."""
    world = sized_world(1, NOW, meetings=3, participants=2, snippets=2)
    clock, meeting = ManualClock(NOW), world.meetings[0]
    received = datetime(2026, 3, 14, 9, tzinfo=UTC)
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, kind, clock=clock)
        tell(product, asset_line(meeting, "recordings", meeting.recordings[0].id, received))
        day = Span(received.date(), received.date())
        assert product.run(day, discover=True).failures == []
        asked = [url for url in product.requests() if "/meetings/" in url]
        assert asked == [f"/v1/admin/meetings/{meeting.id}"]
        (row,) = product.rows("meetings")
        assert (row["meeting_id"], row["origin"]) == (meeting.id, "reconciled")
        assert row["date"] == meeting.ended_at.date()
        product.run()
        assert len(product.rows("recordings")) == 1
        assert len(product.rows("participants")) == 2
        (orphan,) = product.rows("orphans")
        assert (orphan["outcome"], orphan["settled"], orphan["attempts"]) == ("found", True, 1)
        seen = webex.counters.total
        product.run(day, discover=True)
        assert [url for url in product.requests(seen) if "/meetings/" in url] == []


def test_an_orphan_that_is_never_found_is_asked_for_a_few_times(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=3, participants=1, snippets=1)
    clock, meeting = ManualClock(NOW), world.meetings[0]
    received = NOW - timedelta(hours=2)
    unknown = replace(meeting, id=f"{meeting.series_id}_I_999")
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        tell(product, asset_line(unknown, "recordings", "0" * 32, received))
        for _ in range(12):
            assert product.run(Span(NOW.date(), NOW.date()), discover=True).failures == []
            clock.advance(hours=5)
        asked = [url for url in product.requests() if "_I_999" in url]
        assert len(asked) == 3
        (orphan,) = product.rows("orphans")
        assert (orphan["outcome"], orphan["http_status"], orphan["settled"]) == (
            "refused",
            404,
            True,
        )


def test_an_event_that_has_just_come_waits_for_the_end_to_be_told(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=1, participants=1, snippets=1)
    clock, meeting = ManualClock(NOW), world.meetings[0]
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        tell(product, asset_line(meeting, "recordings", "0" * 32, NOW - timedelta(minutes=50)))
        product.run(Span(NOW.date(), NOW.date()), discover=True)
        assert product.rows("orphans") == []
        clock.advance(minutes=20)
        tell(product, ended_line(meeting, meeting.ended_at, clock.now()))
        product.run(Span(NOW.date(), NOW.date()), discover=True)
        assert product.rows("orphans") == []


def test_a_backfill_costs_a_request_for_100_meetings_and_one_for_each_window(
    tmp_path: Path,
) -> None:
    world = sized_world(1, NOW, meetings=500, participants=1, snippets=1, days=10)
    clock = ManualClock(NOW)
    with Sandbox(world, clock, Faults(empty_page_every=0)) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        # Only the days of the listing, so that nothing else is asked.
        days = Span(date(2026, 2, 10), date(2026, 3, 11))
        reconcile_alone(product, days)
        assert origins(product) == {"reconciled": 500}
        paths = Counter(url.partition("?")[0] for url in product.requests())
        windows = -(-len([*days]) // 7)
        assert paths["/v1/meetings"] <= 500 / 100 + windows
        assert paths["/v1/people/me"] == 1
        assert set(paths) == {"/v1/meetings", "/v1/people/me"}


def reconcile_alone(product: Product, days: Span) -> None:
    """The asset for a range of days in one run, as a backfill does it."""
    import dagster as dg

    from meeting_etl.definitions import build_defs
    from meeting_etl.orchestration.span_tags import span_tags

    with dg.DagsterInstance.ephemeral() as instance:
        job = build_defs(product.etl()).resolve_job_def("reconcile")
        assert job.execute_in_process(instance=instance, tags=span_tags(days)).success
        shown = instance.get_materialized_partitions(dg.AssetKey("reconciled_meetings"))
        assert shown == {str(day) for day in days}


def test_a_run_with_nothing_due_still_makes_no_request(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=3, participants=1, snippets=1)
    with Sandbox(world, ManualClock(NOW)) as webex:
        product = Product(tmp_path, webex, "admin", clock=webex.clock)
        product.run(SIZED, discover=True)
        seen = webex.counters.total
        assert product.run().days == []
        assert webex.counters.total == seen


def test_deleting_the_lake_loses_only_what_a_second_look_finds(tmp_path: Path) -> None:
    import shutil

    clock = ManualClock(NOW)
    with Sandbox(own_world(3), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.write_logs(lost=0.3)
        product.run(DAYS, discover=True)
        before = found(product)
        shutil.rmtree(tmp_path / "lake")
        product.run()
        assert origins(product)["reconciled"] == 0
        product.run(DAYS, discover=True)
        assert found(product) == before


def test_what_the_listing_says_newly_of_a_known_meeting_is_taken_for_free(tmp_path: Path) -> None:
    world = sized_world(1, NOW, meetings=3, participants=1, snippets=1)
    clock = ManualClock(NOW)
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.write_logs()
        product.run()
    first, *others = world.meetings
    renamed = replace(first, title="Renewal call", recordings=())
    with Sandbox(replace(world, meetings=(renamed, *others)), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        reconcile_alone(product, SIZED)
        (row,) = (row for row in product.rows("meetings") if row["meeting_id"] == first.id)
        assert (row["title"], row["has_recording"]) == ("Renewal call", False)
        assert (row["origin"], row["delivery_count"] > 0) == ("webhook", True)
        assert webex.counters.total == 1
        before = files(tmp_path)
        reconcile_alone(product, SIZED)
        assert files(tmp_path) == before


def test_a_run_says_when_webhooks_missed_too_many(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(own_world(3), clock) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        product.write_logs(lost=0.5)
        notices = product.run(DAYS, discover=True).notices
        assert any("were missed by the webhooks, which is more than 2.0%" in one for one in notices)


def test_a_faulty_webex_is_asked_again_and_its_bad_items_are_told(tmp_path: Path) -> None:
    """Pages that fail come again; an item without data is counted, and found by another look."""
    world, clock = own_world(3), ManualClock(NOW)
    ended = {one.id for one in world.meetings if one.listed_at <= NOW}
    faults = Faults(internal_error=0.2, connection_reset=0.2, unknown_fields=1.0, seed=4)
    with Sandbox(world, clock, faults) as webex:
        product = Product(tmp_path / "faults", webex, "admin", clock=clock)
        reconcile_alone(product, DAYS)
        assert {row["meeting_id"] for row in product.rows("meetings")} == ended
    with Sandbox(world, clock, Faults(item_errors=1.0, most_in_a_row=1)) as webex:
        product = Product(tmp_path / "items", webex, "admin", clock=clock)
        notices = product.run(DAYS, discover=True).notices
        assert any("could not be used: discover these days again" in one for one in notices)
        reconcile_alone(product, DAYS)
        assert {row["meeting_id"] for row in product.rows("meetings")} == ended
