"""What the doctor reports about data folder, Dagster, meetings and open work."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from meeting_etl.cli.doctor.finding import Finding, ok, run_check, said_once
from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.orchestration.instance.instance import dagster_home, open_instance
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.schemas import MEETINGS
from meeting_etl.settings import Etl
from meeting_etl.times import utc_day
from meeting_etl_tests.cli.doctor_results import OK, PROBLEM, SKIPPED, WARNING, checked
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.product import Product
from meeting_etl_tests.sandbox.small import NOW, small_world

REGISTERED = ("webhooks", "registered")
WORK = ("work", "open work")
WRITABLE, SPACE = ("data folder", "writable"), ("data folder", "space")
HOME, TELEMETRY = ("Dagster", "home"), ("Dagster", "telemetry")
INSTANCE = ("Dagster", "instance")


@pytest.fixture
def webex() -> Iterator[Sandbox]:
    with Sandbox(small_world(), ManualClock(NOW)) as webex:
        yield webex


@pytest.fixture
def product(tmp_path: Path, webex: Sandbox) -> Product:
    """An administrator's, on a Thursday; its clock is far from the real one of the responses."""
    return Product(tmp_path, webex, "admin", ManualClock(NOW))


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


def test_what_concerns_many_checks_is_said_in_full_once() -> None:
    def fails() -> Finding:
        raise StorageError("Cannot use postgresql://db.team.example/etl.")

    results = [run_check("state", name, fails) for name in ("tables", "locks", "rate")]
    first, *others = said_once([*results, run_check("sites", "sites", lambda: ok("One."))])
    assert first == results[0]
    assert [(line.state, line.found) for line in others] == [
        (PROBLEM, "Not checked, for the same reason as state, tables."),
        (PROBLEM, "Not checked, for the same reason as state, tables."),
        (OK, "One."),
    ]
