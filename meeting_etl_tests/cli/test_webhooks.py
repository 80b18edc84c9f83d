"""`meeting-etl webhooks …` as its users meet it: deeds, exit statuses, and no secret anywhere."""

import csv
import json
import subprocess
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from meeting_etl.cli.sandbox import post_events
from meeting_etl.sandbox.api.webhook_registry import Hook
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.commands import command
from meeting_etl_tests.product import Product
from meeting_etl_tests.sandbox.small import A, at, small_world
from meeting_etl_tests.sandbox.walker import Walker
from meeting_etl_tests.webex.servers import Reply, Seen, running

TARGET = "https://hooks.team.example/webex"
SECRET = "a-very-planted-signing-secret"
CREATE = ("create", "--target-url", TARGET, "--org")


@pytest.fixture
def webex() -> Iterator[Sandbox]:
    with Sandbox(small_world()) as webex:
        yield webex


@pytest.fixture
def product(tmp_path: Path, webex: Sandbox) -> Iterator[Product]:
    """An administrator's; at the end the secret is in nothing that was written."""
    product = Product(tmp_path, webex, "admin", more={"WEBEX_WEBHOOK_SECRET": SECRET})
    yield product
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def webhooks(product: Product, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = product.command("webhooks", *arguments)
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def ended(webex: Sandbox) -> Hook:
    (found,) = (hook for hook in webex.webhooks.all() if hook.event == "ended")
    return found


def expected(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "state/webhooks.json").read_text())
    return found


def test_create_registers_once_and_remembers_what_it_was_asked_for(
    product: Product, webex: Sandbox
) -> None:
    done = webhooks(product, *CREATE)
    assert done.returncode == 0, done.stderr
    assert "meetings ended: created" in done.stderr
    assert len(webex.webhooks.all()) == 9
    assert {hook.secret for hook in webex.webhooks.all()} == {SECRET}
    assert expected(product.folder) == {
        "target_url": TARGET,
        "org": True,
        "resources": ["meetings", "recordings", "meetingTranscripts"],
    }
    again = webhooks(product, *CREATE)
    assert (again.returncode, "meetings ended: already registered" in again.stderr) == (0, True)
    assert len(webex.webhooks.all()) == 9


def test_participants_and_resources_are_a_matter_of_choice(
    product: Product, webex: Sandbox
) -> None:
    done = webhooks(product, *CREATE, "--resources", "meetingTranscripts", "--participants")
    assert done.returncode == 0, done.stderr
    assert [(hook.resource, hook.event) for hook in webex.webhooks.all()] == [
        ("meetingTranscripts", "created"),
        ("meetingParticipants", "joined"),
        ("meetingParticipants", "left"),
    ]
    added = webhooks(product, "repair", "--resources", "meetingParticipants,recordings")
    assert added.returncode == 0
    assert expected(product.folder)["resources"] == ["meetingParticipants", "recordings"]
    assert len(webex.webhooks.all()) == 6


def test_without_a_secret_nothing_is_created_unless_insecure(
    webex: Sandbox, tmp_path: Path
) -> None:
    product = Product(tmp_path, webex, "admin")
    for arguments in (CREATE, ("repair", "--target-url", TARGET)):
        done = webhooks(product, *arguments)
        assert (done.returncode, "WEBEX_WEBHOOK_SECRET is not set" in done.stderr) == (2, True)
    assert webex.counters.total == 0
    assert not (tmp_path / "state/webhooks.json").exists()
    assert webhooks(product, *CREATE, "--insecure").returncode == 0
    assert {hook.secret for hook in webex.webhooks.all()} == {None}


@pytest.mark.parametrize(
    ("kind", "arguments", "told"),
    [
        ("user", CREATE, "--org needs the token of an administrator"),
        ("compliance", (*CREATE, "--resources", "meetings"), "cannot create webhooks on meetings"),
        (
            "compliance",
            (*CREATE, "--participants"),
            "cannot create webhooks on meetingParticipants",
        ),
        ("admin", ("create",), "--target-url"),
        ("admin", ("create", "--target-url", "hooks.team.example"), "not a valid http(s) URL"),
        ("admin", (*CREATE, "--resources", "meetings,rooms"), "'rooms' is not one of"),
        ("admin", ("repair",), "webhooks create --target-url"),
    ],
)
def test_what_cannot_be_is_refused_without_a_request(
    webex: Sandbox, tmp_path: Path, kind: Kind, arguments: tuple[str, ...], told: str
) -> None:
    product = Product(tmp_path, webex, kind, more={"WEBEX_WEBHOOK_SECRET": SECRET})
    done = webhooks(product, *arguments)
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr
    assert webex.counters.total == 0


def test_a_compliance_officer_is_told_what_his_token_cannot_have(
    webex: Sandbox, tmp_path: Path
) -> None:
    product = Product(tmp_path, webex, "compliance", more={"WEBEX_WEBHOOK_SECRET": SECRET})
    done = webhooks(product, *CREATE)
    assert done.returncode == 0, done.stderr
    assert "cannot create webhooks on meetings" in done.stderr
    assert expected(tmp_path)["resources"] == ["recordings", "meetingTranscripts"]
    assert webhooks(product, "repair", "--check").returncode == 0


def test_a_missing_token_is_one_sentence(tmp_path: Path) -> None:
    environ = {"MEETING_ETL_DATA_DIR": str(tmp_path), "WEBEX_WEBHOOK_SECRET": SECRET}
    done = command("webhooks", *CREATE, environ=environ)
    assert (done.returncode, "WEBEX_ACCESS_TOKEN" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr


def test_list_shows_health_and_never_the_secret(product: Product, webex: Sandbox) -> None:
    assert "No webhooks are configured" in webhooks(product, "list").stderr
    webhooks(product, *CREATE)
    webex.webhooks.disable(ended(webex).id)
    with Walker(webex, "admin") as walker:
        theirs = {"name": "Theirs", "targetUrl": TARGET, "resource": "meetings", "event": "ended"}
        walker.send("POST", "/webhooks", theirs | {"secret": SECRET})
    shown = webhooks(product, "list")
    assert shown.returncode == 0
    for part in ("inactive", "ok", "org", TARGET, "health"):
        assert part in shown.stdout
    assert "Theirs" not in shown.stdout
    assert "1 other webhook not managed by meeting_etl" in shown.stderr
    lines = webhooks(product, "list", "--format", "json").stdout.splitlines()
    found = {(webhook["resource"], webhook["event"]): webhook for webhook in map(json.loads, lines)}
    assert len(found) == 9
    assert found["meetings", "ended"]["health"] == "inactive"
    assert found["recordings", "created"]["created"].endswith("Z")
    (row, *_) = csv.DictReader(StringIO(webhooks(product, "list", "--format", "csv").stdout))
    assert (row["resource"], row["event"], row["owned_by"]) == ("meetings", "created", "org")


def test_check_says_what_is_wrong_and_repair_puts_it_right(
    product: Product, webex: Sandbox
) -> None:
    done = webhooks(product, "repair", "--check")
    assert (done.returncode, "No webhooks are configured" in done.stderr) == (0, True)
    webhooks(product, *CREATE)
    well = webhooks(product, "repair", "--check")
    assert (well.returncode, "All 9 webhooks exist and are active" in well.stderr) == (0, True)
    old = ended(webex)
    webex.webhooks.disable(old.id)
    hooks = {(hook.resource, hook.event): hook for hook in webex.webhooks.all()}
    webex.webhooks.remove(hooks["recordings", "deleted"].id)
    hooks["recordings", "created"].target_url = "https://old.team.example/"
    hooks["meetingTranscripts", "created"].filter = "id=1"
    with Walker(webex, "admin") as walker:
        twin = {
            "name": "meeting_etl meetings started",
            "targetUrl": TARGET,
            "resource": "meetings",
            "event": "started",
        }
        assert walker.send("POST", "/webhooks", twin).status_code == 200
    sent = webex.counters.total
    wrong = webhooks(product, "repair", "--check")
    assert wrong.returncode == 1
    for told in (
        "meetings ended: inactive",
        "recordings deleted: missing",
        "recordings created: wrong target",
        "meetingTranscripts created: wrong filter",
        "meetings started: duplicate",
    ):
        assert told in wrong.stderr
    assert {seen.method for seen in webex.counters.requests[sent:]} == {"GET"}
    done = webhooks(product, "repair")
    assert done.returncode == 0, done.stderr
    assert "meetings ended: re-activated" in done.stderr
    assert webhooks(product, "repair", "--check").returncode == 0
    assert len(webex.webhooks.all()) == 9
    assert "Nothing to do." in webhooks(product, "repair").stderr


def test_repair_takes_another_target_for_good_and_check_only_asks(
    product: Product, webex: Sandbox
) -> None:
    webhooks(product, *CREATE)
    new = "https://new.team.example/webex"
    assert webhooks(product, "repair", "--check", "--target-url", new).returncode == 1
    assert expected(product.folder)["target_url"] == TARGET
    other = webhooks(product, "create", "--target-url", new, "--org")
    assert (other.returncode, "wrong target" in other.stderr) == (1, True)
    assert len(webex.webhooks.all()) == 9
    assert webhooks(product, "repair", "--target-url", new).returncode == 0
    assert {hook.target_url for hook in webex.webhooks.all()} == {new}
    assert expected(product.folder)["target_url"] == new


def test_a_changed_secret_is_set_for_healthy_webhooks_when_that_is_said(
    product: Product, webex: Sandbox
) -> None:
    webhooks(product, *CREATE)
    changed = Product(
        product.folder, webex, "admin", more={"WEBEX_WEBHOOK_SECRET": f"new {SECRET}"}
    )
    assert "Nothing to do." in webhooks(changed, "repair").stderr
    done = webhooks(changed, "repair", "--set-secret")
    assert (done.returncode, done.stderr.count(": secret set")) == (0, len(webex.webhooks.all()))
    assert {hook.secret for hook in webex.webhooks.all()} == {f"new {SECRET}"}
    assert webhooks(changed, "repair", "--check", "--set-secret").returncode == 2


def test_delete_asks_first_removes_ours_and_expects_none_any_more(
    product: Product, webex: Sandbox
) -> None:
    webhooks(product, *CREATE)
    with Walker(webex, "admin") as walker:
        theirs = {"name": "Theirs", "targetUrl": TARGET, "resource": "meetings", "event": "ended"}
        walker.send("POST", "/webhooks", theirs)
    done = webhooks(product, "delete")  # nobody answers the question
    assert done.returncode == 2
    assert "Delete 9 webhooks?" in done.stderr
    assert "--yes" in done.stderr
    assert TARGET in done.stdout
    assert len(webex.webhooks.all()) == 10
    assert webhooks(product, "delete", "--yes").returncode == 0
    assert [hook.name for hook in webex.webhooks.all()] == ["Theirs"]
    assert not (product.folder / "state/webhooks.json").exists()
    assert webhooks(product, "repair", "--check").returncode == 0
    assert "Nothing to do" in webhooks(product, "delete").stderr


@pytest.mark.slow
def test_a_refused_request_is_one_sentence_without_the_secret(
    product: Product, webex: Sandbox
) -> None:
    with Walker(webex, "admin") as walker:
        theirs = {"name": "Theirs", "targetUrl": TARGET, "resource": "meetings", "event": "ended"}
        walker.send("POST", "/webhooks", theirs | {"ownedBy": "org"})
    done = webhooks(product, *CREATE)
    assert done.returncode == 1
    assert "already has a webhook for meetings ended: another application's" in done.stderr


def test_a_served_sandbox_tells_its_webhooks_what_happens() -> None:
    """Its clock goes as fast as it can here."""
    clock, over, heard = ManualClock(at("2026-03-02T09:25:00")), threading.Event(), []

    def hear(seen: Seen) -> Reply:
        heard.append(json.loads(seen.body)["data"]["id"])
        over.set()
        return Reply({})

    with Sandbox(small_world(), clock) as webex, running(hear) as receiver:
        with Walker(webex, "admin") as walker:
            hook = {"name": "All", "targetUrl": receiver.url, "ownedBy": "org"}
            walker.send("POST", "/webhooks", hook | {"resource": "meetings", "event": "ended"})
        post_events(webex, clock, over)
    assert heard == [A]
    assert clock.now() < at("2026-03-02T09:35:00")
