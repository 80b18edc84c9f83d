"""Invitees, where they are switched on: one request a meeting; where they are not, none at all."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.lake import catalog
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Invitee, Kind, Participant, World
from meeting_etl.sandbox.world.worlds import demo_world, sized_world
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, work_off

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
# The meetings of a sized world ended five days before.
DAY = NOW.date() - timedelta(days=5)
FEW, MANY, NOBODY, ROOM = range(4)


@pytest.fixture
def on(tmp_path: Path) -> dict[str, str]:
    """Settings that switch invitees on."""
    file = tmp_path / "settings.toml"
    file.write_text("[fetch]\ninvitees = true\n")
    return {"MEETING_ETL_SETTINGS": str(file)}


def world() -> World:
    """Meetings with 3 invitees, with 120, with none, and in a personal room."""
    made = sized_world(1, NOW, meetings=4, participants=1, snippets=1)
    counts = {FEW: 3, MANY: 120, NOBODY: 0, ROOM: 2}
    return replace(
        made,
        meetings=tuple(
            replace(meeting, invitees=invitees(meeting.series_id, counts[number]))
            for number, meeting in enumerate(made.meetings)
        ),
    )


def invitees(series_id: str, count: int) -> tuple[Invitee, ...]:
    return tuple(
        Invitee(f"{series_id}_{number}", f"Invitee {number}", f"i{number:03}@partner.example")
        for number in range(count)
    )


def product(folder: Path, webex: Sandbox, kind: Kind, more: dict[str, str]) -> Product:
    """With the logs of the world; an event says which meeting was in a personal room."""
    made = Product(folder, webex, kind, clock=webex.clock, more=more)
    made.write_logs()
    room = webex.world.meetings[ROOM]
    data: dict[str, Any] = {"id": room.id, "state": "ended", "scheduledType": "personalRoomMeeting"}
    data["end"] = room.ended_at.isoformat()
    line = {"resource": "meetings", "event": "ended", "data": data}
    (made.folder / "webhook_logs/rooms.jsonl").write_text(json.dumps(line) + "\n")
    return made


def states(product: Product) -> dict[str, tuple[str, str, bool]]:
    """Of the work items of invitees, by meeting."""
    return {
        row["meeting_id"]: (row["status"], row["reason"], row["settled"])
        for row in product.rows("fetch_ledger")
        if row["resource"] == "invitees"
    }


def requested(product: Product) -> Counter[str]:
    """How often invitees of each meeting were requested."""
    found = Counter[str]()
    for seen in product.webex.counters.requests:
        path, _, query = seen.url.partition("?")
        if path.endswith("/meetingInvitees"):
            found[query.partition("meetingId=")[2].partition("&")[0]] += 1
    return found


def truth(world: World) -> list[tuple[str, str, str, str, bool, bool]]:
    return sorted(
        (meeting.id, person.id, person.email, person.name, person.co_host, person.panelist)
        for meeting in world.meetings
        for person in meeting.invitees
    )


def stored(product: Product) -> list[tuple[Any, ...]]:
    names = ("meeting_id", "invitee_id", "email", "display_name", "co_host", "panelist")
    return sorted(tuple(row[name] for name in names) for row in product.rows("invitees"))


def no_shows(product: Product) -> dict[object, object]:
    """By meeting, where it is known."""
    sql = "SELECT meeting_id, no_shows FROM meeting_overview WHERE no_shows IS NOT NULL"
    return {row[0]: row[1] for row in catalog.query(product.folder, sql)[1]}


def addresses(people: Iterable[Invitee | Participant]) -> set[str]:
    return {person.email.lower() for person in people if person.email}


@pytest.mark.parametrize("kind", ["user", "admin"])
def test_each_meeting_costs_one_request_a_page_and_a_personal_room_none(
    tmp_path: Path, on: dict[str, str], kind: Kind
) -> None:
    with Sandbox(world(), ManualClock(NOW), Faults(empty_page_every=0)) as webex:
        made = product(tmp_path / "data", webex, kind, on)
        work_off(made.etl())
        few, many, nobody, room = (meeting.id for meeting in webex.world.meetings)
        assert requested(made) == {few: 1, many: 2, nobody: 1}
        assert stored(made) == [row for row in truth(webex.world) if row[0] != room]
        assert {row["date"] for row in made.rows("invitees")} == {DAY}
        assert states(made) == {
            few: ("ready", "complete", True),
            many: ("ready", "complete", True),
            nobody: ("absent", "deadline_passed", True),
            room: ("absent", "personal_room", True),
        }
        work_off(made.etl())
        assert requested(made).total() == 4


@pytest.mark.slow
def test_switched_off_nothing_is_requested_and_switched_on_later_days_are_completed(
    tmp_path: Path, on: dict[str, str]
) -> None:
    with Sandbox(world(), ManualClock(NOW)) as webex:
        off = product(tmp_path / "data", webex, "user", {})
        assert off.run().failures == []
        assert (requested(off), states(off), off.rows("invitees")) == ({}, {}, [])
        made = Product(tmp_path / "data", webex, "user", clock=webex.clock, more=on)
        assert made.run().failures == []
        assert requested(made) == {}, "a settled day is not due by itself"
        assert made.run(Span(DAY, DAY)).failures == []
        room = webex.world.meetings[ROOM].id
        assert stored(made) == [row for row in truth(webex.world) if row[0] != room]


def test_a_compliance_officers_token_rules_them_out(tmp_path: Path, on: dict[str, str]) -> None:
    with Sandbox(world(), ManualClock(NOW)) as webex:
        made = product(tmp_path / "data", webex, "compliance", on)
        work_off(made.etl())
        assert set(states(made).values()) == {("forbidden", "token_kind", True)}
        assert requested(made) == {}


def test_nobody_yet_is_asked_again_and_a_refetch_replaces(
    tmp_path: Path, on: dict[str, str]
) -> None:
    """The first meeting ended at 8:00; at 8:20 its list is empty, in the next hour it is not."""
    ended = datetime(2026, 3, 11, 8, 0, tzinfo=UTC)
    clock = ManualClock(ended + timedelta(minutes=20))
    whole = world()
    early = replace(
        whole, meetings=tuple(replace(meeting, invitees=()) for meeting in whole.meetings)
    )
    data = tmp_path / "data"
    with Sandbox(early, clock) as webex:
        made = product(data, webex, "user", on)
        work_off(made.etl())
        assert states(made)[whole.meetings[FEW].id] == ("waiting", "nothing_yet", False)
    clock.advance(hours=1)
    with Sandbox(whole, clock) as webex:
        made = Product(data, webex, "user", clock=clock, more=on)
        work_off(made.etl())
        assert states(made)[whole.meetings[FEW].id] == ("ready", "complete", True)
        assert len(stored(made)) == 3
    first = replace(whole.meetings[FEW], invitees=whole.meetings[FEW].invitees[:1])
    later = replace(whole, meetings=(first, *whole.meetings[1:]))
    with Sandbox(later, clock) as webex:
        made = Product(data, webex, "user", clock=clock, more=on)
        made.etl().ledger.reopen([DAY], lambda item: item.resource == "invitees")
        work_off(made.etl())
        assert [row[0] for row in stored(made)] == [first.id]


@pytest.mark.slow
def test_under_faults_the_table_comes_to_be_the_truth(tmp_path: Path, on: dict[str, str]) -> None:
    """For an administrator, who must name the host of each meeting."""
    made_world = demo_world(3, NOW, days=2, meetings=24)
    faults = Faults(
        most_in_a_row=1,
        internal_error=0.05,
        bad_gateway=0.05,
        connection_reset=0.05,
        truncated_body=0.05,
        html_page=0.05,
        item_errors=0.05,
        empty_first_page=0.05,
        unfiltered_next_link=0.05,
        repeated_items=0.1,
        numbers_in_strings=0.1,
        missing_meeting_ids=0.3,
    )
    clock = ManualClock(NOW)
    with Sandbox(made_world, clock, faults) as webex:
        made = Product(tmp_path / "data", webex, "admin", clock=clock, more=on)
        made.write_logs()
        for _ in range(20):
            work_off(made.etl())
            clock.advance(hours=6)
        assert made.etl().ledger.open_days() == {}
        ended = {row["meeting_id"] for row in made.rows("meetings")}
        assert stored(made) == [row for row in truth(made_world) if row[0] in ended]
        assert len(ended) > 20
        assert no_shows(made) == {
            meeting.id: len(addresses(meeting.invitees) - addresses(meeting.participants))
            for meeting in made_world.meetings
            if meeting.id in ended and meeting.invitees and meeting.participants
        }
        assert webex.counters.injected.total()
