"""`meeting-etl doctor` as a user runs it: table, JSON, exit statuses, no secret in any output."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import demo_world, guide_world
from meeting_etl.times import Clock
from meeting_etl_tests.cli.doctor_results import SECRET
from meeting_etl_tests.commands import command
from meeting_etl_tests.product import Product


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A demo of a team after its first run."""
    clock = Clock()
    with Sandbox(demo_world(1, clock.now(), meetings=12), clock) as webex:
        product = Product(tmp_path_factory.mktemp("ran"), webex)
        product.write_logs()
        product.run()
        yield product


@pytest.mark.slow
def test_a_demo_has_no_problem_after_its_run(ran: Product) -> None:
    sent = ran.webex.counters.total
    done = ran.command("doctor")
    assert done.returncode == 0, done.stdout
    assert 0 < ran.webex.counters.total - sent <= 12
    assert {seen.method for seen in ran.webex.counters.requests[sent:]} == {"GET"}
    assert SECRET not in done.stdout + done.stderr
    screen = " ".join(done.stdout.split())  # without its lines and columns
    assert "0 problems, " in done.stderr
    for sentence in (
        "Allowed by spark-compliance:meetings_read.",
        "→ Run `meeting-etl webhooks create --target-url …`.",
        "This machine's clock agrees with Webex's.",
        "meetings of the last 14 days have recordings.",
    ):
        assert sentence in screen
    assert "\x1b" not in done.stdout


def test_json_is_an_array_of_the_lines_and_nothing_else(ran: Product) -> None:
    done = ran.command("doctor", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = json.loads(done.stdout)
    assert all(set(line) == {"section", "name", "state", "found", "todo"} for line in lines)
    assert {line["state"] for line in lines} <= {"ok", "warning", "skipped"}
    warnings = [line["section"] for line in lines if line["state"] == "warning"]
    # Soon after midnight the log of the day may have nothing but a line that is being written.
    assert [section for section in warnings if section != "logs"] == [
        "sites",  # no officer's scope lists them
        "webhooks",  # none are expected
    ]
    assert SECRET not in done.stdout
    sections = list(dict.fromkeys(line["section"] for line in lines))
    assert sections == [
        *("settings", "privacy", "token", "scopes", "sites", "webhooks", "receiver"),
        *("logs", "meetings", "data folder", "Dagster", "work"),
    ]


def test_a_missing_token_is_a_problem_and_everything_else_is_checked(ran: Product) -> None:
    sent = ran.webex.counters.total
    environ = {name: value for name, value in ran.environ.items() if name != "WEBEX_ACCESS_TOKEN"}
    done = command("doctor", "--json", environ=environ)
    assert done.returncode == 1
    lines = {(line["section"], line["name"]): line for line in json.loads(done.stdout)}
    problems = [line for line in lines.values() if line["state"] == "problem"]
    assert [line["name"] for line in problems] == ["credentials"]
    assert "WEBEX_ACCESS_TOKEN" in problems[0]["found"]
    assert lines["token", "expiry"]["state"] == "skipped"
    assert lines["meetings", "recordings"]["state"] == "ok"
    assert ran.webex.counters.total == sent


def test_unreadable_settings_still_allow_local_checks(ran: Product) -> None:
    environ = ran.environ | {"WEBEX_TOKEN_KIND": "root"}
    done = command("doctor", "--json", environ=environ)
    assert done.returncode == 2
    lines = {(line["section"], line["name"]): line for line in json.loads(done.stdout)}
    assert "WEBEX_TOKEN_KIND" in lines["settings", "values"]["found"]
    assert lines["data folder", "writable"]["state"] == "ok"
    assert lines["work", "open work"]["state"] == "ok"
    assert lines["token", "expiry"]["state"] == "skipped"


def test_a_token_in_the_wrong_place_is_not_shown(tmp_path: Path) -> None:
    token = f"{SECRET}-in-the-wrong-place"
    environ = {"MEETING_ETL_DATA_DIR": str(tmp_path), "WEBEX_ACCESS_TOKEN": token}
    for arguments in (("doctor",), ("doctor", "--json")):
        done = command(*arguments, environ=environ | {"WEBEX_TOKEN_KIND": token})
        assert done.returncode == 2
        assert SECRET not in done.stdout + done.stderr
        assert "WEBEX_TOKEN_KIND" in done.stdout


def test_there_is_no_problem_before_the_first_run(tmp_path: Path) -> None:
    with Sandbox(guide_world()) as webex:
        product = Product(tmp_path / "data", webex, "user")
        done = product.command("doctor", "--json")
    assert done.returncode == 0, done.stdout
    lines = {(line["section"], line["name"]): line for line in json.loads(done.stdout)}
    assert "no meeting is known yet" in lines["scopes", "/meetingParticipants"]["found"]
    assert lines["scopes", "/meetingParticipants"]["state"] == "skipped"
    assert "created by the first run" in lines["Dagster", "home"]["found"]
    assert lines["work", "open work"]["found"] == "No day has open work."
