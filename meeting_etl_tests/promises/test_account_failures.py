"""An account that fails: the others go on, it is named, and nothing is lost or asked twice."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meeting_etl.sandbox.counters import Seen
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.accounts import ADMIN, OFFICER, Own, several, user
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, tables, work_off
from meeting_etl_tests.promises.test_accounts import forbidden, with_hosts

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
WORLD = sized_world(2, NOW, meetings=24, participants=2, snippets=3)
TEAM = {"admin": ADMIN, "officer": OFFICER}


def due(product: Product, account_reason: str = "account_unavailable") -> Counter[str]:
    rows = product.rows("fetch_ledger")
    return Counter(row["resource"] for row in rows if row["reason"] == account_reason)


def revoke_after(
    webex: Sandbox, owner: str, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refuse the tokens of an owner once so many of their requests were answered."""
    note = webex.counters.note

    def note_and_revoke(seen: Seen, route: str, *, complete: bool) -> None:
        note(seen, route, complete=complete)
        if seen.owner == owner and webex.counters.by_owner[owner] == requests:
            webex.revoke(owner)

    monkeypatch.setattr(webex.counters, "note", note_and_revoke)


@pytest.mark.slow
def test_a_token_that_is_revoked_during_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock, Faults(seed=1)) as webex:
        calm = several(tmp_path / "calm", webex, TEAM, clock)
        calm.write_logs()
        work_off(calm.etl())
        webex.counters.reset()
        product = several(tmp_path / "data", webex, TEAM, clock)
        product.write_logs()
        officer = WORLD.officer.email
        revoke_after(webex, officer, 12, monkeypatch)
        outcome = product.run()
        assert outcome.failures == []
        assert outcome.set_aside[0].startswith("Account officer is set aside: ")
        assert "TOKEN_OFFICER ([accounts.officer] access_token)" in outcome.set_aside[0]
        # What the administrator may read was read; the rest is due, and not forbidden.
        lacking = due(product)
        assert set(lacking) == {"transcript_snippets"}
        assert forbidden(product) == {}
        assert len(product.rows("participants")) == 48
        # With another token all is as if nothing had happened, and nothing was asked twice.
        clock.advance(hours=1)
        again = several(tmp_path / "data", webex, TEAM, clock)
        work_off(again.etl())
        mine, theirs = tables(tmp_path / "data"), tables(tmp_path / "calm")
        for rows in (*mine.values(), *theirs.values()):
            for row in rows:
                row.pop("account", None)
                row.pop("attempts", None)
        assert mine == theirs
        answered = Counter(seen.url for seen in webex.counters.requests if seen.status == 200)
        answered.pop("/v1/people/me")
        assert {url: count for url, count in answered.items() if count > 1} == {}


@pytest.mark.slow
def test_a_refused_account_is_not_asked_again_by_the_same_run(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = several(tmp_path / "data", webex, TEAM, clock)
        product.write_logs()
        product.etl().accounts  # noqa: B018 - their owners are known from now on
        webex.revoke(WORLD.officer.email)
        webex.counters.reset()
        outcome = product.run()
        assert len(outcome.set_aside) == 1
        refused = [seen for seen in webex.counters.requests if seen.status == 401]
        assert 0 < len(refused) <= 12, "those that were on their way"
        assert due(product)["transcript_snippets"] == 24
        status = product.command("status").stdout
        assert (
            "Due once an account can be used again: 24 work items. `meeting-etl doctor`" in status
        )
        # It is waited for, however long that takes; and it says so each time.
        for _ in range(12):
            clock.advance(days=1)
            assert len(product.run().set_aside) == 1
        assert due(product)["transcript_snippets"] == 24


@pytest.mark.slow
def test_an_account_that_was_removed_from_the_settings(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        both = several(tmp_path / "data", webex, TEAM, clock)
        both.write_logs()
        work_off(both.etl())
        before, seen = tables(tmp_path / "data"), webex.counters.total
        alone = several(tmp_path / "data", webex, {"admin": ADMIN}, clock)
        assert alone.run().failures == []
        assert webex.counters.total == seen, "what was read stays read"
        assert tables(tmp_path / "data") == before
        # It comes back: nothing is opened either.
        back = several(tmp_path / "data", webex, TEAM, clock)
        assert back.run().failures == []
        assert tables(tmp_path / "data") == before


def test_an_added_account_reopens_what_it_may_read_and_nothing_else(tmp_path: Path) -> None:
    clock, world = ManualClock(NOW), with_hosts(WORLD, 4)
    with Sandbox(world, clock) as webex:
        hosts = sorted({meeting.host.email for meeting in world.meetings})
        three = {f"host-{number}": user(hosts[number]) for number in range(3)}
        product = several(tmp_path / "data", webex, three, clock)
        product.write_logs()
        work_off(product.etl())
        # Nobody's account is that of the fourth host: six meetings.
        assert forbidden(product)["participants"] == 6
        seen = webex.counters.total
        four = three | {"host-3": user(hosts[3])}
        product = several(tmp_path / "data", webex, four, clock)
        work_off(product.etl())
        assert forbidden(product) == {}
        assert {each.owner for each in webex.counters.requests[seen:]} == {hosts[3]}
        assert len(product.rows("participants")) == 48


@pytest.mark.slow
def test_lists_that_were_empty_for_one_host_are_requested_for_the_organization(
    tmp_path: Path,
) -> None:
    """A host's lists of other hosts' meetings are empty, which says nothing about these."""
    clock, world = ManualClock(NOW), with_hosts(WORLD, 4)
    with Sandbox(world, clock) as webex:
        alone = several(tmp_path / "data", webex, {"me": Own("user")}, clock)
        alone.write_logs()
        work_off(alone.etl())
        assert len(alone.rows("recordings")) == 6
        absent = due(alone, "deadline_passed")
        assert absent["recordings"] == 18
        team = several(tmp_path / "data", webex, TEAM, clock)
        work_off(team.etl())
        assert len(team.rows("recordings")) == len(team.rows("transcripts")) == 24
        assert forbidden(team) == due(team, "deadline_passed") == {}
        # Once: the officer's and the administrator's lists are the truth.
        seen = webex.counters.total
        again = several(tmp_path / "data", webex, {"admin": ADMIN}, clock)
        work_off(again.etl())
        assert webex.counters.total == seen


def misnamed(folder: Path, webex: Sandbox, clock: ManualClock, *, windows: bool = True) -> Product:
    """A product with an officer, whose account `admin` has a user's token."""
    settings = f"[fetch]\nwindows = {str(windows).lower()}\n"
    product = several(folder, webex, TEAM | {"admin": Own("user")}, clock, settings)
    product.write_logs()
    file = folder.with_name(f"{folder.name}.toml")
    file.write_text(file.read_text().replace('kind = "user"', 'kind = "admin"', 1))
    return product


@pytest.mark.slow
def test_an_account_of_another_kind_than_it_says_is_named(tmp_path: Path) -> None:
    """Both are asked for recordings one by one, so that it is refused some dozens of times."""
    clock, world = ManualClock(NOW), sized_world(4, NOW, meetings=240, participants=1, snippets=1)
    with Sandbox(world, clock) as webex:
        product = misnamed(tmp_path / "data", webex, clock, windows=False)
        outcome = product.run()
        assert outcome.failures == []
        assert "Account admin was refused recordings each time; run `meeting-etl doctor`" in (
            " ".join(outcome.notices)
        )
        assert len(product.rows("recordings")) == 240


@pytest.mark.slow
def test_a_listing_that_one_account_is_refused_is_requested_by_the_next(tmp_path: Path) -> None:
    """Ten days of four meetings, a listing a day, which either account may be the first to send."""
    clock = ManualClock(NOW)
    world = sized_world(4, NOW, meetings=40, participants=1, snippets=1, days=10)
    with Sandbox(world, clock) as webex:
        product = misnamed(tmp_path / "data", webex, clock)
        assert product.run().failures == []
        sent = [seen for seen in webex.counters.requests if "/recordings?" in seen.url]
        assert Counter(seen.status for seen in sent)[200] == 10
        assert {seen.owner for seen in sent if seen.status == 200} == {world.officer.email}
        assert len(product.rows("recordings")) == 40


def test_two_accounts_with_one_owner_share_one_limit_and_it_is_said(tmp_path: Path) -> None:
    with Sandbox(WORLD) as webex:
        twins = {"one": OFFICER, "two": Own("compliance", WORLD.officer.email)}
        product = several(tmp_path / "data", webex, twins)
        product.etl().accounts  # noqa: B018 - asks who they are
        first, second = product.etl().connections
        first.bucket.pause(100)
        assert second.bucket.paused_until() is not None
        found = product.command("doctor")
        assert "The same owner: one and two." in " ".join(found.stdout.split())
        others = several(tmp_path / "other", webex, TEAM)
        others.etl().accounts  # noqa: B018
        first, second = others.etl().connections
        first.bucket.pause(100)
        assert second.bucket.paused_until() is None


@pytest.mark.slow
def test_a_long_pause_of_one_account_stops_that_one_alone(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = several(tmp_path / "data", webex, TEAM, clock)
        product.write_logs()
        etl = product.etl()
        etl.accounts  # noqa: B018 - their owners are known from now on
        etl.connections[1].bucket.pause(3600)
        seen = webex.counters.by_owner[WORLD.officer.email]
        outcome = product.run()
        assert "accepts no requests before" in outcome.set_aside[0]
        assert webex.counters.by_owner[WORLD.officer.email] == seen
        assert len(product.rows("participants")) == 48
        clock.advance(hours=2)
        assert product.run().failures == []
        assert {row["source"] for row in product.rows("transcript_snippets")} == {"snippets"}


def test_a_new_token_obeys_the_pause_of_the_old_one(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        etl = several(tmp_path / "data", webex, TEAM, clock).etl()
        etl.accounts  # noqa: B018 - their owners are known from now on
        etl.connections[1].bucket.pause(200)
        webex.revoke(WORLD.officer.email)
        seen, before = webex.counters.by_owner[WORLD.officer.email], clock.now()
        renewed = several(tmp_path / "data", webex, TEAM, clock).etl()
        assert renewed.token_identities[1].digest != etl.token_identities[1].digest
        renewed.accounts  # noqa: B018 - asks whose token it is, after the pause
        assert webex.counters.by_owner[WORLD.officer.email] == seen + 1
        assert (clock.now() - before).total_seconds() >= 200


@pytest.mark.slow
def test_no_account_left_is_the_error_of_one_account(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = several(tmp_path / "data", webex, TEAM, clock)
        product.write_logs()
        for owner in (WORLD.officer.email, WORLD.admin.email):
            webex.revoke(owner)
        outcome = product.run()
        assert outcome.failures[0][0] == "AuthError"
        assert due(product) == {}, "nothing was attempted"
        clock.advance(minutes=1)
        again = several(tmp_path / "data", webex, TEAM, clock)
        assert again.run().failures == []
        assert forbidden(again) == {}
