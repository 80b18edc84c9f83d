"""Who is asked, and what a refusal or the loss of one account means for the others."""

import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.errors import Forbidden, SettingsError
from meeting_etl.pipeline.auto_record.results import ActionResult
from meeting_etl.pipeline.fetch.deletion_proof import proven_deletion
from meeting_etl.pipeline.fetch.refusal_guard import RefusalGuard
from meeting_etl.pipeline.fetch.request_pool import request_all
from meeting_etl.pipeline.fetch.single_request import request_one
from meeting_etl.pipeline.fetch.spec import Target
from meeting_etl.pipeline.ledger.token_history import are_recorded
from meeting_etl.pipeline.ledger.work_item import DETAILS, Outcome, WorkItem
from meeting_etl.pipeline.resources.details import MEETING_DETAILS
from meeting_etl.pipeline.resources.recordings import RECORDINGS
from meeting_etl.pipeline.resources.snippets import SNIPPETS
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import Clock, Span
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.listings import Listing
from meeting_etl_tests.accounts import ADMIN, OFFICER, Own, several, user
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.pipeline.recording import EVERYBODY, S5, S6, Desk, created, world
from meeting_etl_tests.product import Product, work_off
from meeting_etl_tests.promises.reconciling import HOUR, tell
from meeting_etl_tests.promises.test_accounts import forbidden, with_hosts
from meeting_etl_tests.promises.test_unowned import created_line
from meeting_etl_tests.sandbox.small import HANA, OWNER, S1, TOM, C, small_world
from meeting_etl_tests.sandbox.small import NOW as DESK_NOW

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
WORLD = sized_world(2, NOW, meetings=24, participants=2, snippets=3)
HOSTED = with_hosts(sized_world(5, NOW, meetings=4, participants=2, snippets=2), 2)
HOSTS = {f"host-{number}": user(f"host{number}@sized.example") for number in range(2)}
TEAM = {"admin": ADMIN, "officer": OFFICER}
WHOLE = Span(min(each.ended_at.date() for each in WORLD.meetings), NOW.date())


def reasons(product: Product, resource: str) -> Counter[str]:
    rows = product.rows("fetch_ledger")
    return Counter(row["reason"] for row in rows if row["resource"] == resource)


def test_refusals_that_open_a_fallback_are_all_asked_for(tmp_path: Path) -> None:
    def refuse(*_: Any) -> Listing:
        raise Forbidden("no scope", 403)

    with Sandbox(WORLD) as webex:
        context = several(tmp_path / "data", webex, TEAM).etl().fetch_context("run")
        spec = replace(SNIPPETS, request=refuse)
        officer = context.accounts.all[1]
        targets = [Target(WorkItem("M", spec.resource, str(number)), {}) for number in range(24)]
        outcomes = [request_one(context, spec, target, officer).outcome for target in targets]
        assert outcomes == [Outcome.FORBIDDEN] * 24


@pytest.mark.slow
def test_meetings_that_are_not_there_say_nothing_of_scopes(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = several(tmp_path / "data", webex, TEAM, clock, "[fetch]\nwindows = false\n")
        product.write_logs()
        before = NOW - timedelta(hours=2)
        for number in range(22):
            meeting_id = f"{number:032}_I_123"
            tell(product, created_line(f"R{number}", before, meetingId=meeting_id))
        assert product.run(WHOLE, discover=True).failures == []
        assert set(reasons(product, "meeting")) <= {"complete", "may_grow"}


def a_desk(folder: Path, webex: Sandbox, **accounts: Own) -> Desk:
    hosts = EVERYBODY["hosts"]
    product = several(folder, webex, accounts, settings=f"[auto_record]\nhosts = {hosts}\n")
    return Desk(folder, webex, clock=webex.clock, more=product.more)


def test_a_meeting_of_nobodys_account_does_not_stop_auto_record(tmp_path: Path) -> None:
    with Sandbox(world(), ManualClock(DESK_NOW)) as webex:
        product = a_desk(tmp_path / "data", webex, hana=user(HANA.email))
        product.append_and_ingest(created(S1), created(S5), created(S6))
        results = {key: row["result"] for key, row in product.record().items()}
        assert results == {
            S1: ActionResult.REFUSED,
            S5: ActionResult.SWITCHED_ON,
            S6: ActionResult.REFUSED,
        }


def test_auto_record_waits_for_an_account_and_asks_the_others(tmp_path: Path) -> None:
    with Sandbox(world(), ManualClock(DESK_NOW)) as webex:
        owners = {"hana": user(HANA.email), "tom": user(TOM.email)}
        product = a_desk(tmp_path / "data", webex, **owners)
        webex.revoke(HANA.email)
        product.append_and_ingest(created(S5), created(S6))
        results = {key: row["result"] for key, row in product.record().items()}
        assert results == {S5: ActionResult.FAILED, S6: ActionResult.SWITCHED_ON}


def test_an_administrator_switches_on_what_the_host_may_not(tmp_path: Path) -> None:
    with Sandbox(world(), ManualClock(DESK_NOW)) as webex:
        product = a_desk(tmp_path / "data", webex, hana=user(HANA.email), admin=ADMIN)
        # It is somebody else's token in truth, who is refused.
        product.more = {**product.more, "TOKEN_HANA": webex.token("user", TOM.email)}
        product.append_and_ingest(created(S5))
        assert product.record()[S5]["result"] == ActionResult.SWITCHED_ON


@pytest.mark.slow
def test_what_was_ruled_out_without_an_account_is_requested_when_it_is_back(
    tmp_path: Path,
) -> None:
    clock = ManualClock(max(meeting.ended_at for meeting in HOSTED.meetings) + 2 * HOUR)
    with Sandbox(HOSTED, clock) as webex:
        product = several(tmp_path / "data", webex, HOSTS, clock)
        product.write_logs()
        work_off(product.etl())
        assert forbidden(product) == {}
        alone = several(tmp_path / "data", webex, {"host-0": HOSTS["host-0"]}, clock)
        clock.advance(days=5)
        work_off(alone.etl())
        assert forbidden(alone)["recordings"] > 0
        clock.advance(minutes=1)
        work_off(several(tmp_path / "data", webex, HOSTS, clock).etl())
        assert forbidden(product) == {}


@pytest.mark.slow
def test_another_host_of_an_account_reopens_its_meetings_only(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(HOSTED, clock) as webex:
        owner = "host1@sized.example"
        stranger = {"one": Own("user", owner, 'hosts = ["host0@sized.example"]\n')}
        more = {"one": Own("user", owner, 'hosts = ["Host?@sized.example"]\n')}
        product = several(tmp_path / "data", webex, stranger, clock)
        product.write_logs()
        work_off(product.etl())
        assert forbidden(product)["participants"] == 4
        seen = webex.counters.total
        work_off(several(tmp_path / "data", webex, more, clock).etl())
        own = {each.id: each.host.email for each in HOSTED.meetings}
        urls = [request.url for request in webex.counters.requests[seen:]]
        asked = {host for url in urls for key, host in own.items() if key in url}
        assert asked == {"host1@sized.example"}


def test_a_damaged_note_of_owners_is_made_again(tmp_path: Path) -> None:
    with Sandbox(WORLD) as webex:
        product = several(tmp_path / "data", webex, TEAM)
        product.etl().accounts  # noqa: B018 - asks who they are
        note = tmp_path / "data" / "state" / "account_owners.json"
        content = note.read_text()
        note.write_text(content[:20])
        product.etl().accounts  # noqa: B018
        assert note.read_text() == content


def test_one_token_under_two_names(tmp_path: Path) -> None:
    with Sandbox(HOSTED) as webex:
        one, two = Own("user", None, 'hosts = ["a@x"]\n'), Own("user", None, 'hosts = ["b@x"]\n')
        with pytest.raises(SettingsError, match="one account of them"):
            several(tmp_path / "data", webex, {"one": one, "two": two}).etl().check_tokens()
        etl = several(tmp_path / "data", webex, {"one": one, "two": one}).etl()
        work_off(etl)
        assert are_recorded(etl.state, etl.token_identities)
        again = several(tmp_path / "data", webex, {"one": one, "two": one}).etl()
        assert are_recorded(again.state, again.token_identities)


def test_downloads_at_once_are_those_of_all_accounts_together(tmp_path: Path) -> None:
    lock, running, most = threading.Lock(), 0, 0

    def request(_: Webex, __: Target) -> Listing:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        Clock().sleep(0.02)
        with lock:
            running -= 1
        return Listing([], [])

    with Sandbox(WORLD) as webex:
        context = several(tmp_path / "data", webex, TEAM).etl().fetch_context("run", 1)
        targets = [Target(WorkItem(str(number), DETAILS), {}) for number in range(8)]
        spec = replace(MEETING_DETAILS, request=request)
        assert len(list(request_all(context, spec, targets, RefusalGuard()))) == 8
        assert most == 1


@pytest.mark.parametrize(
    ("status", "read_by", "proof"),
    [
        ("available", "officer", "not_found"),
        ("available", "admin", None),
        # The officer's latest listing lacked it already: who listed it is not known.
        ("unlisted", "officer", None),
    ],
)
def test_only_who_listed_a_recording_proves_that_it_is_gone(
    tmp_path: Path, status: str, read_by: str, proof: str | None
) -> None:
    with Sandbox(WORLD) as webex:
        etl = several(tmp_path / "data", webex, TEAM).etl()
        row: dict[str, Any] = {
            "recording_id": "gone",
            "host_email": WORLD.meetings[0].host.email,
            "status": status,
            "share_to_me": None,
            "fetched_at": etl.clock.now() + timedelta(seconds=1),
        }
        officer = etl.accounts.all[1]
        found = proven_deletion(etl.fetch_context("run"), RECORDINGS, row, read_by, officer)
        assert (found or {}).get("deletion_proof") == proof


@pytest.mark.slow
def test_hosts_are_found_by_listings_that_do_not_say_whose_token_it_is(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(HOSTED, clock, Faults(no_people_scope=True)) as webex:
        product = several(tmp_path / "data", webex, HOSTS, clock)
        outcome = product.run(WHOLE, discover=True)
        assert outcome.failures == []
        assert {row["meeting_id"] for row in product.rows("meetings")} == {
            meeting.id for meeting in HOSTED.meetings
        }


def test_days_that_nobody_can_list_any_more_are_no_reconciled_days(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = several(tmp_path / "data", webex, TEAM, clock)
        webex.revoke(WORLD.admin.email)
        outcome = product.run(WHOLE, discover=True)
        assert outcome.failures[0][0] == "AuthError"


@pytest.mark.slow
def test_a_recording_in_the_queue_waits_for_its_account(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(HOSTED, clock) as webex:
        product = several(tmp_path / "data", webex, HOSTS, clock)
        meeting = HOSTED.meetings[1]
        (recording,) = meeting.recordings
        webex.revoke(meeting.host.email)
        before = NOW - timedelta(hours=1)
        tell(product, created_line(recording.id, before, hostEmail=meeting.host.email))
        for _ in range(6):
            assert product.run().set_aside, "the account is named"
            clock.advance(days=1)
        product = several(tmp_path / "data", webex, HOSTS, clock)
        assert product.run().set_aside == []
        assert [row["recording_id"] for row in product.rows("recordings")] == [recording.id]


@pytest.mark.slow
def test_a_meeting_is_found_by_its_event_although_a_guest_answers_first(tmp_path: Path) -> None:
    clock = ManualClock(DESK_NOW)
    with Sandbox(small_world(), clock) as webex:
        guest_first = {"olga": user(OWNER.email), "hana": user(HANA.email)}
        product = several(tmp_path / "data", webex, guest_first, clock)
        tell(product, created_line("R", DESK_NOW - timedelta(hours=2), meetingId=C))
        today = Span(DESK_NOW.date(), DESK_NOW.date())
        assert product.run(today, discover=True).failures == []
        assert [row["meeting_id"] for row in product.rows("meetings")] == [C]
