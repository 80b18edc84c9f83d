"""`meeting-etl webhooks …` with several accounts: each webhook once, by whoever may have it."""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.orchestration.checks.webhook_checks import webhooks_registered
from meeting_etl.sandbox.api.webhook_registry import Hook
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.accounts import ADMIN, OFFICER, Own, several, user
from meeting_etl_tests.commands import Completed
from meeting_etl_tests.product import Product
from meeting_etl_tests.sandbox.small import HANA, OWNER, TOM, small_world

CREATE = ("create", "--target-url", "https://hooks.team.example/webex")
SECRET = {"WEBEX_WEBHOOK_SECRET": "a-very-planted-signing-secret"}
BOTH = {"admin": ADMIN, "officer": OFFICER}
HOSTS = {"olga": user(OWNER.email), "hana": user(HANA.email), "tom": user(TOM.email)}


@pytest.fixture
def webex() -> Iterator[Sandbox]:
    with Sandbox(small_world()) as webex:
        yield webex


def product_of(folder: Path, webex: Sandbox, accounts: Mapping[str, Own]) -> Product:
    product = several(folder / "data", webex, accounts)
    return replace(product, more={**product.more, **SECRET})


def webhooks(product: Product, *arguments: str) -> Completed:
    done = product.command("webhooks", *arguments)
    assert SECRET["WEBEX_WEBHOOK_SECRET"] not in done.stdout + done.stderr
    return done


def registered_by(webex: Sandbox) -> dict[str, Counter[str]]:
    """How many webhooks each person registered, by resource; none twice for the same events."""
    found: dict[str, Counter[str]] = {}
    for hook in webex.webhooks.all():
        found.setdefault(hook.creator.email, Counter())[hook.resource] += 1
    ours = [
        (hook.owned_by == "org" or hook.creator.email, hook.resource, hook.event)
        for hook in webex.webhooks.all()
    ]
    assert len(set(ours)) == len(ours)
    return found


def ended_of(webex: Sandbox, email: str) -> Hook:
    (found,) = (
        hook
        for hook in webex.webhooks.all()
        if (hook.creator.email, hook.resource, hook.event) == (email, "meetings", "ended")
    )
    return found


def checked(product: Product) -> dg.AssetCheckResult:
    result = webhooks_registered(product.etl())
    assert isinstance(result, dg.AssetCheckResult)
    return result


ALL = Counter(meetings=5, recordings=3, meetingTranscripts=1)


# The organization


def test_the_administrator_registers_those_of_the_organization(
    tmp_path: Path, webex: Sandbox
) -> None:
    product = product_of(tmp_path, webex, {"officer": OFFICER, "admin": ADMIN})
    assert webhooks(product, *CREATE, "--org").returncode == 0
    assert registered_by(webex) == {webex.world.admin.email: ALL}
    again = webhooks(product, *CREATE, "--org")
    assert (again.returncode, again.stderr.count("already registered")) == (0, 9)
    assert "All 9 webhooks exist" in webhooks(product, "repair", "--check").stderr
    assert checked(product).description == "All 9 webhooks are there and active."
    assert len(webex.webhooks.all()) == 9


def test_officers_register_what_they_may_once(tmp_path: Path, webex: Sandbox) -> None:
    officers = {"officer": OFFICER, "second": Own("compliance", HANA.email)}
    product = product_of(tmp_path, webex, officers)
    refused = webhooks(product, *CREATE, "--org", "--resources", "meetings,recordings")
    assert refused.returncode == 2
    assert "such a token cannot create webhooks on meetings. Omit" in refused.stderr
    assert "add --org" in webhooks(product, *CREATE).stderr
    assert webex.counters.total == 0
    assert not (product.folder / "state/webhooks.json").exists()
    done = webhooks(product, *CREATE, "--org")
    assert done.returncode == 0, done.stderr
    assert "all [accounts] are of kind compliance: such a token cannot create" in done.stderr
    own = Counter(recordings=3, meetingTranscripts=1)
    assert registered_by(webex) == {webex.world.officer.email: own}
    assert "All 4 webhooks exist" in webhooks(product, "repair", "--check").stderr


def test_users_beside_an_officer_do_not_make_meetings_possible(
    tmp_path: Path, webex: Sandbox
) -> None:
    product = product_of(tmp_path, webex, {"officer": OFFICER, **HOSTS})
    done = webhooks(product, *CREATE, "--org")
    assert done.returncode == 0, done.stderr
    assert list(registered_by(webex)) == [webex.world.officer.email]
    needs = webhooks(product_of(tmp_path, webex, HOSTS), *CREATE, "--org")
    assert (needs.returncode, "--org needs the token of an" in needs.stderr) == (2, True)


def test_what_an_officer_registered_stays_when_an_administrator_is_added(
    tmp_path: Path, webex: Sandbox
) -> None:
    alone = product_of(tmp_path, webex, {"officer": OFFICER})
    assert webhooks(alone, *CREATE, "--org").returncode == 0
    product = product_of(tmp_path, webex, BOTH)
    assert webhooks(product, "repair", "--check").returncode == 0
    done = webhooks(product, *CREATE, "--org")
    assert (done.returncode, done.stderr.count("already registered")) == (0, 4), done.stderr
    assert registered_by(webex) == {
        webex.world.officer.email: Counter(recordings=3, meetingTranscripts=1),
        webex.world.admin.email: Counter(meetings=5),
    }
    assert checked(product).passed


def test_webhooks_of_single_hosts_make_way_for_those_of_the_organization(
    tmp_path: Path, webex: Sandbox
) -> None:
    webhooks(product_of(tmp_path, webex, HOSTS), *CREATE)
    product = product_of(tmp_path, webex, HOSTS | BOTH)
    done = webhooks(product, *CREATE, "--org")
    assert (done.returncode, "olga: meetings ended: wrong owner" in done.stderr) == (1, True)
    assert len(webex.webhooks.all()) == 27
    check = webhooks(product, "repair", "--check")
    assert "hana: meetings ended: duplicate" in check.stderr
    assert webhooks(product, "repair").returncode == 0
    assert registered_by(webex) == {webex.world.admin.email: ALL}
    # And back: each host's own, and nothing of the organization.
    assert webhooks(product, "repair", "--no-org").returncode == 0
    assert registered_by(webex) == dict.fromkeys((OWNER.email, HANA.email, TOM.email), ALL)


# Each host's own


def test_each_host_has_webhooks_of_their_own(tmp_path: Path, webex: Sandbox) -> None:
    product = product_of(tmp_path, webex, HOSTS)
    done = webhooks(product, *CREATE)
    assert (done.returncode, "tom: recordings deleted: created" in done.stderr) == (0, True)
    assert registered_by(webex) == dict.fromkeys((OWNER.email, HANA.email, TOM.email), ALL)
    shown = webhooks(product, "list", "--format", "csv")
    rows = list(csv.DictReader(StringIO(shown.stdout)))
    assert Counter(row["account"] for row in rows) == {"olga": 9, "hana": 9, "tom": 9}
    assert {row["health"] for row in rows} == {"ok"}
    webex.webhooks.remove(ended_of(webex, HANA.email).id)
    webex.webhooks.disable(ended_of(webex, TOM.email).id)
    check = webhooks(product, "repair", "--check")
    assert check.returncode == 1
    assert "hana: meetings ended: missing" in check.stderr
    assert "tom: meetings ended: inactive" in check.stderr
    found = checked(product)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "hana: meetings ended: missing; tom: meetings ended: ina" in (found.description or "")
    done = webhooks(product, "repair")
    assert done.returncode == 0, done.stderr
    assert "hana: meetings ended: created" in done.stderr
    assert "tom: meetings ended: re-activated" in done.stderr
    assert checked(product).description == "All 27 webhooks are there and active."
    assert "account" in webhooks(product, "list").stdout
    assert webhooks(product, "delete", "--yes").returncode == 0
    assert webex.webhooks.all() == []


def test_two_accounts_of_one_host_have_one_set_of_webhooks(tmp_path: Path, webex: Sandbox) -> None:
    twins = {"olga": user(OWNER.email), "again": user(OWNER.email), "tom": user(TOM.email)}
    product = product_of(tmp_path, webex, twins)
    assert webhooks(product, *CREATE).returncode == 0
    assert registered_by(webex) == {OWNER.email: ALL, TOM.email: ALL}
    rows = webhooks(product, "list", "--format", "json").stdout.splitlines()
    assert Counter(json.loads(row)["account"] for row in rows) == {"olga": 9, "tom": 9}
    assert "All 18 webhooks exist" in webhooks(product, "repair", "--check").stderr


# An account that cannot be used


def test_a_rejected_account_is_named_and_the_others_are_handled(
    tmp_path: Path, webex: Sandbox
) -> None:
    product = product_of(tmp_path, webex, HOSTS)
    product.etl().accounts  # noqa: B018 - their owners are known from now on
    webex.revoke(HANA.email)
    rejected = "hana: Set a new TOKEN_HANA ([accounts.hana] access_token)"
    done = webhooks(product, *CREATE)
    assert (done.returncode, rejected in done.stderr) == (1, True), done.stderr
    assert registered_by(webex) == {OWNER.email: ALL, TOM.email: ALL}
    webex.webhooks.disable(ended_of(webex, TOM.email).id)
    check = webhooks(product, "repair", "--check")
    assert (check.returncode, rejected in check.stderr) == (1, True)
    assert "tom: meetings ended: inactive" in check.stderr
    assert "missing" not in check.stderr, "what hana's account has is not known"
    listed = webhooks(product, "list", "--format", "json")
    assert (listed.returncode, rejected in listed.stderr) == (1, True)
    assert len(listed.stdout.splitlines()) == 18
    found = checked(product)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert rejected in (found.description or "")
    assert webhooks(product, "repair").returncode == 1
    assert ended_of(webex, TOM.email).status == "active"
    # Deleting is not complete, so that it can be done again.
    deleted = webhooks(product, "delete", "--yes")
    assert (deleted.returncode, rejected in deleted.stderr) == (1, True)
    assert webex.webhooks.all() == []
    assert (product.folder / "state/webhooks.json").exists()


def test_without_its_administrator_nothing_is_registered_twice(
    tmp_path: Path, webex: Sandbox
) -> None:
    product = product_of(tmp_path, webex, BOTH)
    webhooks(product, *CREATE, "--org")
    webex.revoke(webex.world.admin.email)
    recording = next(hook for hook in webex.webhooks.all() if hook.resource == "recordings")
    webex.webhooks.disable(recording.id)
    check = webhooks(product, "repair", "--check")
    assert check.returncode == 1
    assert "officer: recordings created: inactive" in check.stderr
    assert "missing" not in check.stderr
    assert webhooks(product, "repair").returncode == 1
    assert recording.status == "active"
    assert len(webex.webhooks.all()) == 9
