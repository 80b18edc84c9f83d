"""Rules 3 to 5: windows fill the tables as one request a meeting does, for far fewer requests."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.errors import AuthError
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind, World
from meeting_etl.sandbox.world.worlds import demo_world, sized_world
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, tables, work_off
from meeting_etl_tests.webex.servers import Act, Reply, Seen, cutting, running

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
KINDS: tuple[Kind, ...] = ("user", "admin", "compliance")


@pytest.fixture(scope="module")
def world() -> World:
    return demo_world(6, NOW, days=3, meetings=48)


@pytest.fixture
def singly(tmp_path: Path) -> dict[str, str]:
    """Settings that switch windows off."""
    file = tmp_path / "settings.toml"
    file.write_text("[fetch]\nwindows = false\n")
    return {"MEETING_ETL_SETTINGS": str(file)}


def outcome(
    world: World,
    folder: Path,
    kind: Kind,
    *,
    starts_after: timedelta,
    rounds: int,
    more: dict[str, str] | None = None,
    faults: Faults | None = None,
) -> tuple[dict[str, Any], Counter[str]]:
    """Tables after some runs, 6 hours apart, and how often each path was asked for."""
    clock = ManualClock(NOW)
    with Sandbox(world, clock, faults or Faults()) as webex:
        product = Product(folder, webex, kind, clock=clock, more=more or {})
        product.write_logs()
        clock.advance(seconds=starts_after.total_seconds())
        for _ in range(rounds):
            work_off(product.etl())
            clock.advance(hours=6)
        paths = Counter(url.partition("?")[0] for url in product.requests())
    found = tables(folder)
    for row in found["meetings"]:
        row["extra"] = None  # GET /admin/meetings/{id} tells of more flags than the listing
    return found, paths


@pytest.mark.parametrize(
    ("kind", "starts_after", "rounds"),
    [
        pytest.param("user", timedelta(), 16, id="user as it happens", marks=pytest.mark.slow),
        pytest.param("admin", timedelta(), 16, id="admin as it happens", marks=pytest.mark.slow),
        pytest.param(
            "compliance", timedelta(), 16, id="officer as it happens", marks=pytest.mark.slow
        ),
        pytest.param("user", timedelta(days=30), 2, id="user long after", marks=pytest.mark.slow),
        pytest.param("admin", timedelta(days=30), 2, id="admin long after", marks=pytest.mark.slow),
        pytest.param(
            "compliance",
            timedelta(days=30),
            2,
            id="compliance long after",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_windows_and_single_requests_fill_the_same_tables(
    world: World,
    tmp_path: Path,
    singly: dict[str, str],
    kind: Kind,
    starts_after: timedelta,
    rounds: int,
) -> None:
    ways = {
        name: outcome(
            world, tmp_path / name, kind, starts_after=starts_after, rounds=rounds, more=more
        )
        for name, more in (("windows", {}), ("singly", singly))
    }
    (found, few), (expected, many) = ways["windows"], ways["singly"]
    for name in ("recordings", "participants", "transcripts", "transcript_snippets"):
        assert found[name] == expected[name], name
    assert without(found, "meetings") == without(expected, "meetings")
    assert ledger_of(found) == ledger_of(expected)
    assert few.total() < many.total()
    assert {row["status"] for row in found["recordings"]} >= {"available", "deleted"}


def without(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Meetings without what GET /meetings/{id} does not tell a host (docs/webex-api-notes.md)."""
    missing = ("has_recording", "has_transcription", "scheduled_meeting_id")
    return [{key: row[key] for key in row if key not in missing} for row in found[name]]


def ledger_of(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What the ledger says of each work item; flags, which give a reason, only come by window."""
    return [
        (
            row["meeting_id"],
            row["resource"],
            row["resource_id"],
            row["status"],
            row["settled"],
            row["row_count"],
            row["reason"].replace("not_recorded", "deadline_passed"),
        )
        for row in found["fetch_ledger"]
    ]


@pytest.mark.slow
def test_a_meeting_that_was_not_recorded_is_told_from_one_that_was_not_found(
    world: World, tmp_path: Path
) -> None:
    found, _ = outcome(world, tmp_path, "admin", starts_after=timedelta(), rounds=16)
    recorded = {meeting.id: bool(meeting.recordings) for meeting in world.meetings}
    absent = {
        row["meeting_id"]: row["reason"]
        for row in found["fetch_ledger"]
        if (row["resource"], row["status"]) == ("recordings", "absent")
    }
    assert {reason for one, reason in absent.items() if not recorded[one]} == {"not_recorded"}
    assert {reason for one, reason in absent.items() if recorded[one]} <= {"deadline_passed"}
    flags = {row["meeting_id"]: row["has_recording"] for row in found["meetings"]}
    assert flags == {flag: recorded[flag] for flag in flags}
    assert all(row["title"] and row["host_display_name"] for row in found["meetings"])


@pytest.mark.slow
def test_a_round_of_rechecks_costs_no_request_a_meeting(tmp_path: Path) -> None:
    """200 meetings whose recordings and transcripts have come but may still grow."""
    world = sized_world(1, NOW, meetings=200, participants=1, snippets=1)
    clock = ManualClock(max(meeting.ended_at for meeting in world.meetings))
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.write_logs()
        clock.advance(hours=2)
        product.run()
        cold = webex.counters.total
        assert cold <= 2.2 * 200
        clock.advance(hours=24)
        product.run()
        assert webex.counters.total - cold <= 30
        items = product.rows("fetch_ledger")
        open_items = [row for row in items if not row["settled"]]
        assert len(open_items) == 600
        assert {row["resource"] for row in open_items} == {"meeting", "recordings", "transcripts"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    ["user", *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS if kind != "user")],
)
def test_items_that_do_not_name_their_meeting_are_asked_for_singly(
    world: World, tmp_path: Path, kind: Kind
) -> None:
    whole, _ = outcome(world, tmp_path / "whole", kind, starts_after=timedelta(days=3), rounds=6)
    found, _ = outcome(
        world,
        tmp_path / "unnamed",
        kind,
        starts_after=timedelta(days=3),
        rounds=6,
        faults=Faults(missing_meeting_ids=1.0),
    )
    for name in ("recordings", "participants", "transcripts", "transcript_snippets"):
        assert found[name] == whole[name], name


@pytest.mark.slow
def test_a_refetch_finds_what_was_made_long_after_its_meeting(tmp_path: Path) -> None:
    """Fetched long afterwards, the window holds a first recording and not the second."""
    world = sized_world(1, NOW, meetings=3, participants=1, snippets=1)
    first, *others = world.meetings
    (one,) = first.recordings
    made = first.ended_at + timedelta(days=9)
    late = replace(one, id="f" * 32, created_at=made, available_at=made)
    world = replace(world, meetings=(replace(first, recordings=(one, late)), *others))
    clock = ManualClock(NOW + timedelta(days=20))
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.write_logs()
        product.run()
        assert len(product.rows("recordings")) == 3
        assert product.run(Span(first.ended_at.date(), NOW.date()), refetch=True).failures == []
        assert len(product.rows("recordings")) == 4


def test_a_window_that_is_refused_is_not_asked_for_again_and_costs_nothing_but_itself(
    tmp_path: Path,
) -> None:
    """An administrator's token that says it is an officer's: no transcripts by window for it."""
    world = sized_world(1, NOW, meetings=12, participants=1, snippets=1)
    clock = ManualClock(NOW)
    with Sandbox(world, clock) as webex:
        token = {"WEBEX_ACCESS_TOKEN": webex.token("admin")}
        product = Product(tmp_path, webex, "compliance", clock=clock, more=token)
        product.write_logs()
        product.run()
        paths = Counter(url.partition("?")[0] for url in product.requests())
        assert paths["/v1/admin/meetingTranscripts"] == 1
        assert paths["/v1/meetingTranscripts"] == 12
        assert len(product.rows("transcripts")) == 12


@pytest.mark.slow
def test_a_window_with_far_more_than_ours_in_it_is_given_up(tmp_path: Path) -> None:
    """Webhooks tell of 4 meetings of an organization that made 900 recordings these days."""
    world = sized_world(1, NOW, meetings=900, participants=1, snippets=1)
    told = replace(world, meetings=world.meetings[::225])
    clock = ManualClock(NOW)
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        from meeting_etl.sandbox.world.deliveries import write_logs

        write_logs(told, tmp_path / "webhook_logs", seed=1, until=NOW)
        product.run()
        assert len(product.rows("recordings")) == 4
        paths = Counter(url.partition("?")[0] for url in product.requests())
        # Half of what it could save, one page to see that there is more, then one by one.
        assert paths["/v1/admin/recordings"] <= 3 + 4
        assert product.run().days == []


def test_of_a_window_only_what_is_missing_waits_for_its_check(tmp_path: Path) -> None:
    """The token is revoked when a recording is looked for by its id."""
    made = sized_world(1, NOW, meetings=3, participants=1, snippets=1)
    first, *others = made.meetings
    ended_at = max(meeting.ended_at for meeting in made.meetings)
    purged = replace(first.recordings[0], purged_at=ended_at + timedelta(hours=3))
    world = replace(made, meetings=(replace(first, recordings=(purged,)), *others))
    clock = ManualClock(ended_at + timedelta(hours=2, minutes=1))
    with Sandbox(world, clock) as webex:
        passing_on = cutting(webex.base_url, cuts=lambda status: False)

        def answer(seen: Seen) -> Act:
            refusal = Reply({"message": "revoked", "trackingId": "T"}, 401)
            return refusal if "/recordings/" in seen.path else passing_on(seen)

        with running(answer) as gateway:
            more = {"WEBEX_BASE_URL": gateway.url}
            product = Product(tmp_path, webex, "user", clock=clock, more=more)
            product.write_logs()
            work_off(product.etl())
            clock.advance(hours=30)
            with pytest.raises(AuthError):
                work_off(product.etl())
        items = [row for row in product.rows("fetch_ledger") if row["resource"] == "recordings"]
        attempts = {row["meeting_id"]: row["attempts"] for row in items}
        assert attempts == {first.id: 1} | {meeting.id: 2 for meeting in others}
