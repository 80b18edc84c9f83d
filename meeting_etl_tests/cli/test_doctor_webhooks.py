"""What the doctor reports about webhooks and the receiver."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.schemas import WEBHOOK_EVENTS
from meeting_etl.settings import Etl
from meeting_etl.times import utc_day
from meeting_etl.webex.webhook_spec import WebhookSpec, write_webhook_spec
from meeting_etl.webex.webhook_sync import check_webhooks, create
from meeting_etl_tests.cli.doctor_results import OK, PROBLEM, SECRET, SKIPPED, WARNING, checked
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.receiver.served import served
from meeting_etl_tests.sandbox.small import NOW, small_world
from meeting_etl_tests.webex.servers import Reply, running

REGISTERED, REACHABLE = ("webhooks", "registered"), ("receiver", "reachable")
LATEST = ("receiver", "latest line")
EXPECTED = WebhookSpec("http://127.0.0.1:9/webhooks/webex", True, ("meetings", "recordings"))


@pytest.fixture
def webex() -> Iterator[Sandbox]:
    with Sandbox(small_world(), ManualClock(NOW)) as webex:
        yield webex


@pytest.fixture
def product(tmp_path: Path, webex: Sandbox) -> Product:
    """An administrator's, on a Thursday; its clock is far from the real one of the responses."""
    return Product(tmp_path, webex, "admin", ManualClock(NOW))


def register(product: Product) -> None:
    etl = product.etl()
    write_webhook_spec(etl.state, EXPECTED)
    webex = etl.accounts.all[0].webex
    list(create(webex, EXPECTED, check_webhooks(webex, EXPECTED), f"{SECRET}-signing", etl.clock))


# Webhooks


def test_without_expected_webhooks_the_command_is_named(product: Product) -> None:
    lines = checked(product)
    assert lines[REGISTERED].state == WARNING
    assert "meeting-etl webhooks create" in lines[REGISTERED].todo
    assert lines[REACHABLE].state == SKIPPED
    assert lines["settings", "webhook secret"].state == OK


def test_missing_or_inactive_webhooks_are_problems(product: Product, webex: Sandbox) -> None:
    write_webhook_spec(product.etl().state, EXPECTED)
    missing = checked(product)[REGISTERED]
    assert (missing.state, "meetings ended: missing" in missing.found) == (PROBLEM, True)
    register(product)
    lines = checked(product)
    assert lines[REGISTERED].found == "All 8 are registered and active."
    assert lines["settings", "webhook secret"].state == WARNING
    assert checked(product, WEBEX_WEBHOOK_SECRET=SECRET)[REGISTERED].state == OK
    webex.webhooks.disable(webex.webhooks.all()[0].id)
    inactive = checked(product)[REGISTERED]
    assert (inactive.state, "inactive" in inactive.found) == (PROBLEM, True)
    assert "meeting-etl webhooks repair" in inactive.todo


def test_a_token_that_cannot_see_the_webhooks_is_a_problem(
    product: Product, webex: Sandbox
) -> None:
    register(product)
    other = replace(product, kind="user")
    found = checked(other)[REGISTERED]
    assert (found.state, "WEBEX_TOKEN_KIND" in found.found) == (PROBLEM, True)


# The receiver


@pytest.mark.parametrize(("status", "state"), [(200, OK), (404, OK), (302, OK), (503, WARNING)])
def test_the_receivers_health_is_requested_without_the_token(
    product: Product, status: int, state: str
) -> None:
    headers = {"Location": "/elsewhere"} if status == 302 else {}
    with running(lambda seen: Reply({}, status, headers)) as receiver:
        target = receiver.url.replace("://", f"://somebody:{SECRET}@") + "/webhooks/webex"
        write_webhook_spec(product.etl().state, replace(EXPECTED, target_url=target))
        found = checked(product)[REACHABLE]
    assert found.state == state
    (seen,) = receiver.seen
    assert (seen.method, seen.path) == ("GET", "/healthz")
    assert "Authorization" not in seen.headers


@pytest.mark.parametrize(
    ("theirs", "ours", "state", "found"),
    [
        (SECRET, SECRET, OK, "verified a signed request"),
        ("another", SECRET, PROBLEM, "another secret"),
        (None, SECRET, PROBLEM, "not checked"),
        (SECRET, None, OK, "signatures could not be tested"),
    ],
)
def test_a_signed_probe_shows_whether_the_secrets_match_and_stores_no_event(
    product: Product, tmp_path: Path, theirs: str | None, ours: str | None, state: str, found: str
) -> None:
    logs = tmp_path / "received"
    with served(logs, secret=theirs) as receiver:
        target = f"http://127.0.0.1:{receiver.port}/webhooks/webex"
        write_webhook_spec(product.etl().state, replace(EXPECTED, target_url=target))
        more = {"WEBEX_WEBHOOK_SECRET": ours} if ours else {}
        line = checked(product, **more)[REACHABLE]
        assert (line.state, found in line.found) == (state, True), line
        assert ("repair --set-secret" in line.todo) is (found == "another secret")
        assert receiver.content() == b""
        assert receiver.figure("accepted_total") == 0


@pytest.mark.parametrize("target", [EXPECTED.target_url, "https://hooks.invalid/webex"])
def test_a_receiver_that_does_not_respond_is_a_warning(product: Product, target: str) -> None:
    write_webhook_spec(product.etl().state, replace(EXPECTED, target_url=target))
    found = checked(product)[REACHABLE]
    assert (found.state, "does not respond" in found.found) == (WARNING, True)


@pytest.mark.parametrize(
    ("now", "hours", "state"),
    [
        ("2026-03-05T12:00:00", 20, OK),
        ("2026-03-05T12:00:00", 30, WARNING),
        ("2026-03-08T12:00:00", 40, OK),  # a Sunday
        ("2026-03-09T12:00:00", 66, OK),  # a Monday
        ("2026-03-09T12:00:00", 80, WARNING),
    ],
)
def test_a_day_without_a_line_is_a_warning_unless_it_is_the_weekend(
    product: Product, now: str, hours: int, state: str
) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    etl = Etl(product.environ, ManualClock(moment))
    row = {"log_id": "a", "byte_offset": 0, "received_at": moment - timedelta(hours=hours)}
    etl.lake.merge(WEBHOOK_EVENTS, utc_day(row["received_at"]), [row])  # type: ignore[arg-type]
    assert checked(product, etl)[LATEST].state == OK  # nobody expects any
    write_webhook_spec(etl.state, EXPECTED)
    assert checked(product, etl)[LATEST].state == state


def test_without_receive_times_or_logs_the_check_is_skipped(product: Product) -> None:
    assert checked(product)[LATEST].state == SKIPPED
    product.etl().lake.merge(WEBHOOK_EVENTS, utc_day(NOW), [{"log_id": "a", "byte_offset": 0}])
    assert "no receive times" in checked(product)[LATEST].found
