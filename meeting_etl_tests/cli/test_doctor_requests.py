"""What the doctor makes of Webex's responses, and of none: each request once, no waiting."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.cli.doctor.all_checks import run_checks
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl.sandbox.world.worlds import guide_world
from meeting_etl.settings import Etl
from meeting_etl_tests.cli.doctor_results import (
    OK,
    PROBLEM,
    SECRET,
    SKIPPED,
    WARNING,
    Lines,
    checked,
    states,
)
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.product import Product
from meeting_etl_tests.webex.servers import Reply, Seen, running

KIND, EXPIRY, CLOCK = ("token", "kind"), ("token", "expiry"), ("token", "clock")
KINDS: tuple[Kind, ...] = ("user", "admin", "compliance")


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    with Sandbox(guide_world()) as webex:
        yield webex


@pytest.fixture(scope="module")
def lake(webex: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that knows the guide's meeting."""
    product = Product(tmp_path_factory.mktemp("lake"), webex, "user")
    product.write_logs()
    product.run()
    return product.folder


def denied(lines: Lines) -> set[str]:
    return {
        line.name for line in lines.values() if line.section == "scopes" and line.state == PROBLEM
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_right_token_has_all_scopes_of_its_kind(webex: Sandbox, lake: Path, kind: Kind) -> None:
    sent = webex.counters.total
    lines = checked(Product(lake, webex, kind))
    assert lines[KIND].state == OK
    assert states(lines, "scopes") == ({OK, WARNING} if kind == "admin" else {OK})
    assert lines["sites", "sites"].state == (WARNING if kind == "compliance" else OK)
    assert webex.counters.total - sent <= 12
    snippets = lines["scopes", "/meetingTranscripts/{id}/snippets"]
    assert ("VTT" in snippets.found) == (kind == "admin")
    assert ("scopes", "/meetingInvitees") not in lines


@pytest.mark.parametrize(
    ("kind", "state", "found"),
    [
        ("user", OK, "Allowed by meeting:schedules_read."),
        ("admin", OK, "Allowed by meeting:admin_schedule_read."),
        ("compliance", WARNING, "No scope allows a compliance officer to read invitees"),
    ],
)
def test_invitees_are_checked_where_they_are_switched_on(
    webex: Sandbox, lake: Path, tmp_path: Path, kind: Kind, state: str, found: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[fetch]\ninvitees = true\n")
    lines = checked(Product(lake, webex, kind, more={"MEETING_ETL_SETTINGS": str(file)}))
    line = lines["scopes", "/meetingInvitees"]
    assert line.state == state
    assert line.found.startswith(found)


@pytest.mark.parametrize(
    ("configured", "token", "state", "forbidden"),
    [
        ("user", "admin", WARNING, {"/meetingTranscripts/{id}/snippets"}),
        ("user", "compliance", PROBLEM, {"/meetings"}),
        ("admin", "user", PROBLEM, {"/admin/recordings"}),
        ("admin", "compliance", PROBLEM, {"/meetings"}),
        ("compliance", "admin", PROBLEM, {"/admin/meetingTranscripts"}),
        ("compliance", "user", PROBLEM, {"/admin/recordings", "/admin/meetings/{id}"}),
    ],
)
def test_another_kind_of_token_is_reported_with_the_scopes_that_are_missing(
    webex: Sandbox, lake: Path, configured: str, token: Kind, state: str, forbidden: set[str]
) -> None:
    sent = webex.counters.total
    lines = checked(Product(lake, webex, token), WEBEX_TOKEN_KIND=configured)
    assert f"WEBEX_TOKEN_KIND={token}" in lines[KIND].todo
    assert lines[KIND].state in (state, PROBLEM)
    assert forbidden <= denied(lines)
    for name in denied(lines):
        assert "Webex responded 403" in lines["scopes", name].found
        assert "meeting" in lines["scopes", name].todo.partition("the scope ")[2]
    assert webex.counters.total - sent <= 12


def test_more_than_the_kind_needs_is_worth_a_warning(webex: Sandbox, tmp_path: Path) -> None:
    """Before the first fetch nothing is denied to an administrator configured as a user."""
    lines = checked(Product(tmp_path, webex, "admin"), WEBEX_TOKEN_KIND="user")
    assert (lines[KIND].state, denied(lines)) == (WARNING, set())


def test_a_rejected_token_is_one_problem_and_one_request(webex: Sandbox, lake: Path) -> None:
    sent = webex.counters.total
    lines = checked(Product(lake, webex), WEBEX_ACCESS_TOKEN=f"{SECRET}-expired")
    assert lines[EXPIRY].state == PROBLEM
    assert "Set a new WEBEX_ACCESS_TOKEN" in lines[EXPIRY].found
    assert webex.counters.total == sent + 1
    assert states(lines, "scopes") == {SKIPPED}
    assert lines[CLOCK].state == OK  # also a refusal says what time it is
    assert states(lines, "data folder", "Dagster", "work") == {OK}


def test_a_token_that_ends_soon_is_a_warning_and_one_that_renews_itself_is_not(
    tmp_path: Path,
) -> None:
    with Sandbox(guide_world(), faults=Faults(access_token_seconds=86_400)) as webex:
        product = Product(tmp_path, webex, "user")
        assert checked(product)[EXPIRY].state == WARNING
        grant = {
            "WEBEX_ACCESS_TOKEN": "",
            "WEBEX_CLIENT_ID": webex.client_id,
            "WEBEX_CLIENT_SECRET": webex.client_secret,
            "WEBEX_REFRESH_TOKEN": webex.grant("user"),
        }
        found = checked(product, **grant)[EXPIRY]
        assert (found.state, "renews itself" in found.found) == (OK, True)
        grant["WEBEX_REFRESH_TOKEN"] = f"{SECRET}-used-up"
        refused = checked(product, **grant)[EXPIRY]
        assert refused.state == PROBLEM
        assert "WEBEX_REFRESH_TOKEN" in refused.todo


def test_a_refresh_token_is_not_used_when_the_new_one_cannot_be_stored(
    webex: Sandbox, tmp_path: Path
) -> None:
    product = Product(tmp_path, webex, "user")
    grant = {
        "WEBEX_ACCESS_TOKEN": "",
        "WEBEX_CLIENT_ID": webex.client_id,
        "WEBEX_CLIENT_SECRET": webex.client_secret,
        "WEBEX_REFRESH_TOKEN": webex.grant("user"),
    }
    etl = Etl(product.environ | grant, product.clock)
    etl.files = FaultyFiles(tmp_path, fails_at=0)
    sent = webex.counters.total
    lines = checked(product, etl, **grant)
    assert lines["data folder", "writable"].state == PROBLEM
    assert "could not be stored" in lines[EXPIRY].found
    assert webex.counters.total == sent
    assert checked(product, **grant)[EXPIRY].state == OK


def test_an_unreachable_api_is_a_problem_and_the_rest_is_checked(
    webex: Sandbox, lake: Path
) -> None:
    clock = ManualClock(datetime.now(UTC))
    lines = checked(Product(lake, webex, clock=clock), WEBEX_BASE_URL="http://127.0.0.1:9/v1")
    assert clock.slept == []
    assert lines[EXPIRY].state == PROBLEM
    assert "Webex cannot be reached" in lines[EXPIRY].found
    assert "http://127.0.0.1:9/v1" in lines[EXPIRY].todo
    assert states(lines, "token", "scopes", "sites") == {PROBLEM}
    assert states(lines, "settings", "data folder", "Dagster", "work") == {OK}


def test_a_token_that_cannot_be_renewed_is_requested_once(tmp_path: Path) -> None:
    clock = ManualClock(datetime.now(UTC))
    grant = {
        "WEBEX_BASE_URL": "http://127.0.0.1:9/v1",
        "WEBEX_CLIENT_ID": "client",
        "WEBEX_CLIENT_SECRET": f"{SECRET}-client",
        "WEBEX_REFRESH_TOKEN": f"{SECRET}-refresh",
        "MEETING_ETL_DATA_DIR": str(tmp_path),
    }
    etl = Etl(grant, clock)
    lines = {(line.section, line.name): line for line in run_checks(etl, grant)}
    assert "Webex cannot be reached" in lines[EXPIRY].found
    assert SECRET not in str(lines)
    assert clock.slept == []


@pytest.mark.parametrize("fault", ["internal_error", "bad_gateway", "truncated_body"])
def test_a_failing_api_gets_one_request_per_check(lake: Path, fault: str) -> None:
    faults = Faults(**{fault: 1.0, "most_in_a_row": 99})  # type: ignore[arg-type]
    with Sandbox(guide_world(), faults=faults) as webex:
        lines = checked(Product(lake, webex, "user"))
        assert lines[EXPIRY].state == PROBLEM
        assert lines[KIND].state == SKIPPED
        assert webex.counters.total <= 12


@pytest.mark.parametrize("body", [{}, {"exp": "soon"}, {"exp": 1e30}, {"exp": []}, None])
def test_an_unknown_expiry_is_a_warning(
    webex: Sandbox, lake: Path, body: dict[str, object] | None
) -> None:
    def answer(seen: Seen) -> Reply:
        if seen.path.endswith("/tokenExpiry"):
            return Reply({"message": "no"}, 404) if body is None else Reply(body)
        return Reply()

    with running(answer) as server:
        lines = checked(Product(lake, webex, "user"), WEBEX_BASE_URL=server.url)
    assert lines[EXPIRY].state == WARNING
    assert lines["sites", "sites"].state == WARNING  # no list of them
    assert lines["scopes", "/meetings"].state == OK


def test_a_host_that_is_not_the_api_is_a_problem(webex: Sandbox, lake: Path) -> None:
    lines = checked(Product(lake, webex, "user"), WEBEX_BASE_URL=f"{webex.base_url}/v2")
    assert lines[EXPIRY].state == PROBLEM
    assert "does not look like the Webex API" in lines[EXPIRY].found
    assert "WEBEX_BASE_URL" in lines[EXPIRY].todo
    assert lines[KIND].state != OK


def test_a_pause_is_reported_and_neither_waited_for_nor_broken(
    webex: Sandbox, tmp_path: Path
) -> None:
    clock = ManualClock(datetime.now(UTC))
    product = Product(tmp_path, webex, "user", clock)
    product.etl().connections[0].bucket.pause(120)
    sent, until = webex.counters.total, clock.now() + timedelta(seconds=120)
    lines = checked(product)
    assert states(lines, "token", "sites") == {WARNING}
    assert f"{until:%Y-%m-%d %H:%M:%S} UTC" in lines[EXPIRY].found
    assert (webex.counters.total, clock.slept) == (sent, [])
    clock.advance(seconds=121)
    assert checked(product)[EXPIRY].state == OK


def test_a_429_stops_further_requests(tmp_path: Path) -> None:
    faults = Faults(requests_per_second=0.001, burst=2, retry_after_seconds=60)
    with Sandbox(guide_world(), faults=faults) as webex:
        lines = checked(Product(tmp_path, webex, "user"))
        assert (lines[EXPIRY].state, lines["sites", "sites"].state) == (OK, OK)
        assert states(lines, "scopes") == {WARNING, SKIPPED}
        assert webex.counters.total == 3
        assert webex.counters.during_retry_after == 0


@pytest.mark.parametrize(
    ("ahead", "state"), [(0, OK), (60, WARNING), (-60, WARNING), (900, PROBLEM), (-900, PROBLEM)]
)
def test_a_wrong_clock_is_detected_by_the_response_date(
    webex: Sandbox, lake: Path, ahead: int, state: str
) -> None:
    clock = ManualClock(datetime.now(UTC) + timedelta(seconds=ahead))
    found = checked(Product(lake, webex, "user", clock))[CLOCK]
    assert found.state == state
    if ahead:
        assert ("ahead" if ahead > 0 else "late") in found.found


def test_the_base_url_is_shown_without_its_password(webex: Sandbox, tmp_path: Path) -> None:
    url = webex.base_url.replace("://", f"://somebody:{SECRET}@")
    lines = checked(Product(tmp_path, webex, "user"), WEBEX_BASE_URL=url)
    assert lines["settings", "API"].found == webex.base_url
