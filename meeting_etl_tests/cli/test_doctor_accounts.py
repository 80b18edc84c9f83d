"""The doctor with several accounts: each is checked, and who is asked for what is shown."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meeting_etl.cli.doctor.account_checks import matrix
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.webex.webhook_spec import DEFAULT_RESOURCES, WebhookSpec, write_webhook_spec
from meeting_etl_tests.accounts import ADMIN, OFFICER, Own, several, user
from meeting_etl_tests.cli.doctor_results import OK, PROBLEM, SKIPPED, WARNING, checked, states
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, work_off
from meeting_etl_tests.promises.test_accounts import with_hosts

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
WORLD = with_hosts(sized_world(2, NOW, meetings=40, participants=2, snippets=2), 40)
EMAILS = [f"host{number}@sized.example" for number in range(40)]
HOSTS = {f"host-{number}": user(email) for number, email in enumerate(EMAILS)}
THREE = {name: HOSTS[name] for name in ("host-0", "host-1", "host-2")}
TEAM = {"admin": ADMIN, "officer": OFFICER}
SNIPPETS = "transcript_snippets"
TARGET = "http://127.0.0.1:9/webhooks/webex"


@pytest.fixture
def webex() -> Iterator[Sandbox]:
    with Sandbox(WORLD, ManualClock(NOW)) as webex:
        yield webex


def product_of(
    tmp_path: Path, webex: Sandbox, accounts: dict[str, Own], settings: str = ""
) -> Product:
    return several(tmp_path / "data", webex, accounts, ManualClock(NOW), settings)


def test_an_administrator_and_an_officer(tmp_path: Path, webex: Sandbox) -> None:
    product = product_of(tmp_path, webex, TEAM)
    lines = checked(product)
    for name in TEAM:
        assert lines[f"token of {name}", "kind"].state == OK
        assert states(lines, f"scopes of {name}") <= {OK, SKIPPED}
    clocks = [section for section, name in lines if name == "clock"]
    assert clocks == ["token of admin"], "there is one clock"
    assert states(lines, "accounts") == {OK, SKIPPED}
    assert lines["accounts", "meetings"].found == "There are no meetings yet."
    assert lines["accounts", "meeting"].found == "Asked: admin, then officer."
    assert lines["accounts", "recordings"].found == "Asked: admin or officer."
    assert lines["accounts", "transcripts"].found == "Asked: officer, then admin."
    assert lines["accounts", SNIPPETS].found == "Asked: officer."
    assert lines["accounts", "reconcile"].found == "Lists ended meetings: admin."
    assert "of 2 it is not known yet" in lines["accounts", "owners"].found
    assert ("accounts", "invitees") not in lines
    names, rows = matrix(product.etl())
    assert names == ["resource", "admin", "officer"]
    assert rows == [
        ["meeting", "1st", "2nd"],
        ["recordings", "1st", "1st"],
        ["participants", "1st", "1st"],
        ["transcripts", "2nd", "1st"],
        [SNIPPETS, None, "1st"],
        ["vtt_snippets", "1st", "1st"],
    ]


def test_what_no_account_can_read_names_the_kind_that_can(tmp_path: Path, webex: Sandbox) -> None:
    officers = {"officer": OFFICER, "second": Own("compliance", EMAILS[0])}
    on = "[fetch]\ninvitees = true\nsummaries = true\n"
    lines = checked(product_of(tmp_path, webex, officers, on))
    invitees, reconcile = lines["accounts", "invitees"], lines["accounts", "reconcile"]
    assert (invitees.state, invitees.todo) == (WARNING, "Add an account of kind admin.")
    assert (reconcile.state, reconcile.todo) == (WARNING, "Add an account of kind admin.")
    assert lines["accounts", "meeting_summaries"].state == OK
    admins = {"admin": ADMIN, "second": Own("admin", EMAILS[0])}
    lines = checked(product_of(tmp_path, webex, admins, on))
    snippets = lines["accounts", SNIPPETS]
    assert (snippets.state, snippets.todo) == (WARNING, "Add an account of kind compliance.")
    assert "words are read from VTT files" in snippets.found
    assert lines["accounts", "meeting_summaries"].state == WARNING
    assert lines["accounts", "invitees"].state == OK


def test_hosts_beside_an_administrator(tmp_path: Path, webex: Sandbox) -> None:
    product = product_of(tmp_path, webex, {"admin": ADMIN, **THREE})
    lines = checked(product)
    own = "Asked: host-0, host-1, host-2 for their own meetings"
    assert lines["accounts", "recordings"].found == f"{own}, then admin."
    snippets = lines["accounts", SNIPPETS]
    assert "of other meetings than the hosts' own" in snippets.found
    assert (snippets.state, snippets.todo) == (WARNING, "Add an account of kind compliance.")
    names, rows = matrix(product.etl())
    assert names == ["resource", *THREE, "admin"]
    assert [SNIPPETS, "own", "own", "own", None] in rows
    lines = checked(product_of(tmp_path, webex, THREE))
    assert lines["accounts", "recordings"].found == f"{own}."
    assert "those of others are not read" in lines["accounts", "reconcile"].found
    assert states(lines, "accounts") == {OK, SKIPPED}
    assert lines["accounts", "meetings"].found == "There are no meetings yet."


def test_a_hosts_token_is_tried_with_meetings_of_that_host(tmp_path: Path, webex: Sandbox) -> None:
    product = product_of(tmp_path, webex, THREE)
    product.write_logs()
    work_off(product.etl())
    lines = checked(product)
    for name in THREE:
        assert states(lines, f"scopes of {name}") == {OK}, "not refused what is another's"
        assert lines[f"scopes of {name}", "/meetingTranscripts/{id}/snippets"].state == OK


def test_forty_hosts_cost_few_requests_and_few_lines(tmp_path: Path, webex: Sandbox) -> None:
    product = product_of(tmp_path, webex, HOSTS)
    write_webhook_spec(product.etl().state, WebhookSpec(TARGET, False, DEFAULT_RESOURCES))
    webex.revoke(EMAILS[17])
    lines = checked(product)
    sent = Counter(webex.counters.by_owner)
    assert all(sent[email] <= 12 for email in EMAILS[:3])
    assert all(sent[email] == 1 for email in EMAILS[3:] if email != EMAILS[17])
    assert webex.counters.total <= 3 * 12 + 37
    rejected = lines["token of host-17", "expiry"]
    assert (rejected.state, "TOKEN_HOST_17" in rejected.todo) == (PROBLEM, True)
    assert lines["other tokens", "36 accounts"].state == OK
    others = lines["webhooks", "other accounts"]
    assert (others.state, "37 more accounts" in others.found) == (SKIPPED, True)
    assert lines["webhooks", "registered"].found == (
        "host-0: 9 missing; host-1: 9 missing; host-2: 9 missing."
    )
    assert lines["accounts", "recordings"].found == "Asked: 40 hosts for their own meetings."
    assert "host-0, host-1, host-2, 37 more (user)" in lines["settings", "credentials"].found
    assert matrix(product.etl())[0] == ["resource", "40 hosts"]
    assert len(lines) < 75


def test_a_rejected_account_is_named_and_the_other_is_checked(
    tmp_path: Path, webex: Sandbox
) -> None:
    product = product_of(tmp_path, webex, TEAM)
    write_webhook_spec(product.etl().state, WebhookSpec(TARGET, True, DEFAULT_RESOURCES))
    webex.revoke(WORLD.officer.email)
    lines = checked(product)
    rejected = lines["token of officer", "expiry"]
    assert (rejected.state, "TOKEN_OFFICER" in rejected.todo) == (PROBLEM, True)
    assert states(lines, "scopes of officer") == {SKIPPED}
    assert lines["token of admin", "kind"].state == OK
    assert lines["webhooks", "registered"].found == (
        "admin: 9 missing; officer: Not checked: the token is rejected."
    )


def test_without_network_webex_is_tried_once_for_all(tmp_path: Path) -> None:
    with Sandbox(WORLD, ManualClock(NOW)) as webex:
        product = product_of(tmp_path, webex, {**TEAM, **HOSTS})
    lines = checked(product)
    assert "cannot be reached: " in lines["token of admin", "expiry"].found
    assert lines["token of officer", "expiry"].found == "Not checked: Webex cannot be reached."
    assert lines["other tokens", "37 accounts"].state == PROBLEM
    assert lines["accounts", "recordings"].state == OK


def test_the_table_has_a_line_for_all_scopes_and_a_matrix(tmp_path: Path, webex: Sandbox) -> None:
    shown = product_of(tmp_path, webex, {"admin": ADMIN, **THREE}).command("doctor").stdout
    flat = " ".join(shown.split())
    assert "admin expiry" in flat
    assert "scopes ok 4 endpoints: allowed." in flat
    assert "Allowed by" not in flat
    assert "Who is asked resource host-0 host-1 host-2 admin" in flat
    assert f"{SNIPPETS} own own own –" in flat
    alone = product_of(tmp_path, webex, {"admin": ADMIN}).command("doctor").stdout
    assert "Who is asked" not in alone
    assert "Allowed by meeting:admin_schedule_read." in alone


@pytest.mark.slow
def test_hosts_and_meetings_without_an_account_are_told(tmp_path: Path, webex: Sandbox) -> None:
    typo = Own("user", EMAILS[1], 'hosts = ["nobody@sized.example"]\n')
    product = product_of(tmp_path, webex, {"one": user(EMAILS[0]), "two": typo})
    product.write_logs()
    product.run()
    finding = checked(product)["accounts", "meetings"]
    assert finding.state == WARNING
    assert finding.found == "No recent meeting is of the hosts and sites of two."
    product = product_of(tmp_path, webex, {"one": user(EMAILS[0]), "two": user(EMAILS[1])})
    meetings = len(WORLD.meetings)
    others = sum(each.host.email not in EMAILS[:2] for each in WORLD.meetings)
    hosts = len({each.host.email for each in WORLD.meetings}) - 2
    finding = checked(product)["accounts", "meetings"]
    assert finding.found == (
        f"{others} of {meetings} recent meetings are of {hosts} hosts without an account, and "
        "cannot be read."
    )
    assert checked(product_of(tmp_path, webex, TEAM))["accounts", "meetings"].state == OK
