"""What the doctor reports about webhooks, receiver, data folder, Dagster, meetings and work."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.orchestration.instance import dagster_home, open_instance
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.schemas import MEETINGS, WEBHOOK_EVENTS
from meeting_etl.settings import Etl
from meeting_etl.times import utc_day
from meeting_etl.webex.webhook_spec import WebhookSpec, write_webhook_spec
from meeting_etl.webex.webhook_sync import create
from meeting_etl_tests.cli.doctor_results import OK, PROBLEM, SECRET, SKIPPED, WARNING, checked
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.product import Product
from meeting_etl_tests.receiver.served import served
from meeting_etl_tests.sandbox.small import NOW, small_world
from meeting_etl_tests.webex.servers import Reply, running

REGISTERED, REACHABLE = ("webhooks", "registered"), ("receiver", "reachable")
LATEST, WORK = ("receiver", "latest line"), ("work", "open work")
WRITABLE, SPACE = ("data folder", "writable"), ("data folder", "space")
HOME, TELEMETRY = ("Dagster", "home"), ("Dagster", "telemetry")
INSTANCE = ("Dagster", "instance")
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
    write_webhook_spec(etl.files, EXPECTED)
    list(create(etl.webex, EXPECTED, f"{SECRET}-signing", etl.clock))


# Webhooks


def test_without_expected_webhooks_the_command_is_named(product: Product) -> None:
    lines = checked(product)
    assert lines[REGISTERED].state == WARNING
    assert "meeting-etl webhooks create" in lines[REGISTERED].todo
    assert lines[REACHABLE].state == SKIPPED
    assert lines["settings", "webhook secret"].state == OK


def test_missing_or_inactive_webhooks_are_problems(product: Product, webex: Sandbox) -> None:
    write_webhook_spec(product.etl().files, EXPECTED)
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
        write_webhook_spec(product.etl().files, replace(EXPECTED, target_url=target))
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
        write_webhook_spec(product.etl().files, replace(EXPECTED, target_url=target))
        more = {"WEBEX_WEBHOOK_SECRET": ours} if ours else {}
        line = checked(product, **more)[REACHABLE]
        assert (line.state, found in line.found) == (state, True), line
        assert receiver.content() == b""
        assert receiver.figure("accepted_total") == 0


@pytest.mark.parametrize("target", [EXPECTED.target_url, "https://hooks.invalid/webex"])
def test_a_receiver_that_does_not_respond_is_a_warning(product: Product, target: str) -> None:
    write_webhook_spec(product.etl().files, replace(EXPECTED, target_url=target))
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
    write_webhook_spec(etl.files, EXPECTED)
    assert checked(product, etl)[LATEST].state == state


def test_without_receive_times_or_logs_the_check_is_skipped(product: Product) -> None:
    assert checked(product)[LATEST].state == SKIPPED
    product.etl().lake.merge(WEBHOOK_EVENTS, utc_day(NOW), [{"log_id": "a", "byte_offset": 0}])
    assert "no receive times" in checked(product)[LATEST].found


# The data folder


class SmallFiles(Files):
    """A disk with little space."""

    free = 10**9

    def free_bytes(self) -> int:
        return self.free


@pytest.mark.parametrize(("free", "state"), [(10**10, OK), (10**9, WARNING), (10**8, PROBLEM)])
def test_little_space(product: Product, free: int, state: str) -> None:
    etl = product.etl()
    etl.files = SmallFiles(product.folder)
    etl.files.free = free
    assert checked(product, etl)[SPACE].state == state


@pytest.mark.parametrize("fails_at", [0, 1])
def test_a_folder_that_cannot_be_written_is_a_problem(product: Product, fails_at: int) -> None:
    etl = product.etl()
    etl.files = FaultyFiles(product.folder, fails_at)
    lines = checked(product, etl)
    assert (lines[WRITABLE].state, "no space left" in lines[WRITABLE].found) == (PROBLEM, True)
    assert lines[WORK].state == OK


@pytest.mark.parametrize("name", ["file", "x" * 300])
def test_an_invalid_data_folder_is_the_only_result(product: Product, name: str) -> None:
    (product.folder / "file").write_text("")
    lines = checked(product, MEETING_ETL_DATA_DIR=str(product.folder / name))
    assert [line.state for line in lines.values()] == [PROBLEM]
    assert "MEETING_ETL_DATA_DIR" in lines["settings", "values"].found


def test_checks_leave_nothing_behind(product: Product) -> None:
    checked(product)
    assert not (product.folder / "state/doctor").exists()
    assert not (product.folder / "dagster").exists()


def test_foreign_files_in_the_lake_are_named(product: Product) -> None:
    assert checked(product)["data folder", "lake"].state == OK
    for name in ("date=junk", "date=2026-03-02", "old"):
        (product.folder / "lake/meetings" / name).mkdir(parents=True)
    line = checked(product)["data folder", "lake"]
    assert line.state == WARNING
    assert "lake/meetings/date=junk, lake/meetings/old." in line.found


# Dagster


def test_the_dagster_home(product: Product, tmp_path: Path) -> None:
    assert checked(product)[HOME].state == OK
    assert checked(product, DAGSTER_HOME="relative/path")[HOME].state == PROBLEM
    home = tmp_path / "home"
    home.mkdir()
    lines = checked(product, DAGSTER_HOME=str(home))
    assert (lines[HOME].state, lines[TELEMETRY].state) == (WARNING, WARNING)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: true\n")
    lines = checked(product, DAGSTER_HOME=str(home))
    assert (lines[HOME].state, lines[TELEMETRY].state) == (OK, WARNING)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    assert checked(product, DAGSTER_HOME=str(home))[TELEMETRY].state == OK
    (home / "dagster.yaml").write_text("{")
    assert checked(product, DAGSTER_HOME=str(home))[TELEMETRY].state == WARNING


def test_a_broken_instance_is_a_problem_that_says_what_to_move(product: Product) -> None:
    home = dagster_home(product.etl().files, None)
    assert checked(product)[INSTANCE].found.startswith("Not created yet")
    assert not (home / "history").exists()
    open_instance(home).dispose()
    assert checked(product)[INSTANCE].state == OK
    with sqlite3.connect(home / "history/runs.db") as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('5771160a95ad')")
    connection.close()
    line = checked(product)[INSTANCE]
    assert line.state == PROBLEM
    assert "half created; move its folders history and schedules away" in line.found


@pytest.mark.parametrize("content", ["{", "nonsense: 1"])
def test_a_wrong_dagster_yaml_is_a_problem(product: Product, content: str) -> None:
    home = dagster_home(product.etl().files, None)
    (home / "dagster.yaml").write_text(content)
    (home / "history").mkdir()
    line = checked(product)[INSTANCE]
    assert (line.state, "dagster.yaml" in line.found) == (PROBLEM, True)


def test_an_instance_of_an_earlier_version_is_checked_and_left_unchanged(
    product: Product,
) -> None:
    home = dagster_home(product.etl().files, None)
    open_instance(home).dispose()
    # The revision before the one that this version creates.
    with sqlite3.connect(home / "history/runs.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '5771160a95ad'")
    connection.close()
    assert checked(product)[INSTANCE].state == OK
    with sqlite3.connect(home / "history/runs.db") as connection:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    connection.close()
    assert found == [("5771160a95ad",)]


# Meetings and open work


def record(product: Product, count: int, **fields: object) -> None:
    pairs = [
        WorkItem(f"m{number}", resource, attempts=1, **fields)  # type: ignore[arg-type]
        for number in range(count)
        for resource in ("recordings", "transcripts")
    ]
    product.etl().ledger.record(utc_day(NOW), pairs)


@pytest.mark.parametrize(
    ("count", "fields", "state"),
    [
        (10, {"status": "absent"}, WARNING),
        (9, {"status": "absent"}, OK),
        (10, {"status": "ready", "row_count": 1}, OK),
        (10, {"status": "forbidden"}, SKIPPED),
        (10, {"status": "failed"}, SKIPPED),
    ],
)
def test_many_meetings_without_any_recording_name_the_prerequisite(
    product: Product, count: int, fields: dict[str, object], state: str
) -> None:
    record(product, count, **fields)
    lines = checked(product)
    found = {name: lines["meetings", name] for name in ("recordings", "transcripts")}
    assert {line.state for line in found.values()} == {state}
    if state == WARNING:
        assert "Enable recording" in found["recordings"].todo
        assert "Webex Assistant" in found["transcripts"].todo


def test_meetings_on_sites_without_access(product: Product) -> None:
    rows = [{"meeting_id": "m1", "site_url": "three.webex.example"}]
    product.etl().lake.merge(MEETINGS, utc_day(NOW), rows)
    found = checked(product)["sites", "sites"]
    assert (found.state, "three.webex.example" in found.found) == (WARNING, True)


def test_failed_and_overdue_work_items_are_warnings(product: Product) -> None:
    etl = product.etl()
    day = utc_day(NOW)
    record(product, 2, next_attempt_at=NOW + timedelta(hours=1))
    etl.ledger.refresh(day)
    lines = checked(product)
    assert lines[WORK].state == OK
    assert "1 open day (0 with new events): 4 work items waiting" in lines[WORK].found
    assert "2026-03-05 13:00 UTC" in lines[WORK].found
    late = Etl(product.environ, ManualClock(NOW + timedelta(days=3)))
    assert "meeting-etl run" in checked(product, late)[WORK].todo
    record(product, 1, status="failed", next_attempt_at=NOW)
    failed = checked(product)[WORK]
    assert (failed.state, "2 failed" in failed.found) == (WARNING, True)
    assert "meeting-etl status" in failed.todo


def test_a_damaged_file_is_a_problem_of_its_own_check_alone(product: Product) -> None:
    etl = product.etl()
    etl.files.replace_bytes(f"lake/due_days/{utc_day(NOW)}.json", b"{")
    etl.files.replace_bytes("state/webhooks.json", b"{")
    etl.files.replace_bytes(f"lake/fetch_ledger/date={utc_day(NOW)}/part-0.parquet", b"none")
    lines = checked(product)
    for broken in (WORK, REGISTERED, ("meetings", "recordings")):
        assert lines[broken].state == PROBLEM
    assert lines["scopes", "/meetings"].state == OK
