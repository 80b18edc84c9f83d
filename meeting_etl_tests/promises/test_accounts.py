"""Several accounts together read what none of them can read alone, each what it is good for."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Meeting, Person, World
from meeting_etl.sandbox.world.worlds import demo_world, sized_world
from meeting_etl.times import Clock
from meeting_etl_tests.accounts import ADMIN, OFFICER, Own, several, user
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.pipeline import recording
from meeting_etl_tests.product import DATA_TABLES, Product, span, work_off
from meeting_etl_tests.sandbox.small import NOW as SMALL_NOW

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
# So that everything has settled.
LATER = NOW + timedelta(days=5)


def forbidden(product: Product) -> Counter[str]:
    rows = product.rows("fetch_ledger")
    return Counter(row["resource"] for row in rows if row["status"] == "forbidden")


def accounts_of(product: Product) -> dict[str, set[str]]:
    """Which accounts answered for each resource."""
    found: dict[str, set[str]] = {}
    for row in product.rows("fetch_ledger"):
        if row["account"]:
            found.setdefault(row["resource"], set()).add(row["account"])
    return found


@pytest.fixture(scope="module")
def demo() -> World:
    return demo_world(1, NOW, days=4, meetings=60)


@pytest.mark.slow
@pytest.mark.postgres
def test_an_administrator_and_an_officer_read_all(demo: World, tmp_path: Path) -> None:
    with Sandbox(demo, ManualClock(LATER)) as webex:
        team = {"admin": ADMIN, "officer": OFFICER}
        settings = "[fetch]\ninvitees = true\n"
        product = several(tmp_path / "team", webex, team, ManualClock(LATER), settings)
        product.write_logs(lost=0.1)
        outcome = product.run(span("2026-03-10", "2026-03-16"), discover=True)
        assert outcome.failures == []
        assert forbidden(product) == {}
        # Meetings without a webhook event were found, which an officer alone cannot do.
        origins = Counter(row["origin"] for row in product.rows("meetings"))
        assert origins["reconciled"] > 0
        assert len(product.rows("meetings")) == len(demo.meetings)
        # Words with addresses, which an administrator alone cannot read. Of one transcript there
        # are no snippets for anybody.
        snippets = product.rows("transcript_snippets")
        assert len({row["transcript_id"] for row in snippets if row["source"] == "vtt"}) == 1
        assert sum(bool(row["person_email"]) for row in snippets) > len(snippets) / 2
        assert product.rows("invitees")
        asked = accounts_of(product)
        assert asked["transcript_snippets"] == {"officer"}
        assert asked["invitees"] == asked["meeting"] == {"admin"}
        assert asked["participants"] == {"admin", "officer"}, "either may be asked: both are"
        assert product.run().days == []


def test_recording_is_switched_on_by_the_administrator(tmp_path: Path) -> None:
    world, clock = recording.world(), ManualClock(SMALL_NOW)
    with Sandbox(world, clock) as webex:
        team = {"officer": OFFICER, "admin": ADMIN}
        product = several(tmp_path / "team", webex, team, clock, '[auto_record]\nhosts = ["*"]\n')
        log = product.folder / "webhook_logs" / "a.jsonl"
        log.parent.mkdir(parents=True)
        log.write_text(json.dumps(recording.created(recording.S5)) + "\n")
        assert product.run().failures == []
        (row,) = product.rows("auto_record_actions")
        assert (row["meeting_id"], row["result"]) == (recording.S5, "switched_on")
        changed = [seen.owner for seen in webex.counters.requests if seen.method == "PATCH"]
        assert changed == [world.admin.email]


@pytest.mark.slow
def test_what_each_can_do_alone_is_as_the_readme_says(demo: World, tmp_path: Path) -> None:
    with Sandbox(demo, ManualClock(LATER)) as webex:
        admin = several(tmp_path / "admin", webex, {"admin": ADMIN}, ManualClock(LATER))
        admin.write_logs()
        admin.run()
        assert set(forbidden(admin)) == {"transcript_snippets"}
        words = admin.rows("transcript_snippets")
        assert {row["source"] for row in words} == {"vtt"}
        assert {row["person_email"] for row in words} == {None}
        officer = several(tmp_path / "officer", webex, {"officer": OFFICER}, ManualClock(LATER))
        officer.write_logs()
        outcome = officer.run(span("2026-03-10", "2026-03-16"), discover=True)
        assert forbidden(officer) == {}
        assert any("cannot list ended meetings" in notice for notice in outcome.notices)


def with_hosts(world: World, count: int) -> World:
    """The same meetings, hosted by so many people in turn."""
    site = world.sites[0]
    people = [
        Person(f"Host {number}", f"host{number}@sized.example", f"id-{number}", site)
        for number in range(count)
    ]

    def hosted(number: int, meeting: Meeting) -> Meeting:
        return replace(meeting, host=people[number % count])

    meetings = tuple(hosted(number, each) for number, each in enumerate(world.meetings))
    return replace(world, meetings=meetings, owner=people[0])


def tables_of(product: Product) -> dict[str, list[dict[str, Any]]]:
    """All rows, without who read them, and without the fields that only one kind of token gets."""
    left_out = {"account", "extra"}
    return {
        name: [
            {key: value for key, value in row.items() if key not in left_out}
            for row in product.rows(name)
        ]
        for name in DATA_TABLES
    }


@pytest.mark.slow
def test_forty_hosts_give_the_tables_of_the_organization(tmp_path: Path) -> None:
    world = with_hosts(sized_world(3, NOW, meetings=120, participants=3, snippets=4, days=2), 40)
    hosts = sorted({meeting.host.email for meeting in world.meetings})
    with Sandbox(world, ManualClock(LATER)) as webex:
        whole = several(tmp_path / "whole", webex, {"officer": OFFICER}, ManualClock(LATER))
        whole.write_logs()
        work_off(whole.etl())
        webex.counters.reset()
        names = {f"host-{number}": user(host) for number, host in enumerate(hosts)}
        each = several(tmp_path / "each", webex, names, ManualClock(LATER))
        each.write_logs()
        work_off(each.etl())
        assert tables_of(each) == tables_of(whole)
        assert set(webex.counters.by_owner) == set(hosts)
        own = {meeting.id: meeting.host.email for meeting in world.meetings}
        for seen in webex.counters.requests:
            assert seen.status == 200, seen
            named = [host for key, host in own.items() if key in seen.url]
            assert named in ([], [seen.owner]), "each was asked for its own meetings only"


@pytest.mark.slow
def test_each_account_obeys_the_pauses_of_its_own_rate(tmp_path: Path) -> None:
    """Webex allows each owner 20 requests a second, and the product learns that from 429 alone."""
    clock = Clock()
    world = sized_world(5, clock.now(), meetings=100, participants=2, snippets=3)
    faults = Faults(requests_per_second=20, burst=10, retry_after_seconds=1)
    with Sandbox(world, clock, faults) as webex:
        officers = {"one": OFFICER, "two": Own("compliance", world.owner.email)}
        product = several(tmp_path / "data", webex, officers, clock)
        product.write_logs()
        assert product.run().failures == []
        assert webex.counters.during_retry_after == 0
        assert webex.counters.injected["rate_limit"] > 0
        shares = webex.counters.by_owner
        assert set(shares) == {world.officer.email, world.owner.email}
        assert min(shares.values()) > 0.3 * shares.total()
        assert len(product.rows("transcript_snippets")) == 300
