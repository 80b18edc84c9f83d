"""The product with its state in PostgreSQL: the same tables, and nothing written without a lock."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from meeting_etl.errors import LockLost, StorageError
from meeting_etl.orchestration.instance.instance import check_instance
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl.schemas import MEETINGS
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.cluster.sessions import contents, end_sessions, session
from meeting_etl_tests.product import Product, tables

pytestmark = pytest.mark.cluster
NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
DAY = date(2026, 3, 10)


@pytest.fixture(scope="module")
def world() -> World:
    return demo_world(1, NOW, days=3, meetings=40)


@pytest.fixture
def webex(world: World) -> Iterator[Sandbox]:
    with Sandbox(world, ManualClock(NOW)) as sandbox:
        yield sandbox


def on_postgres(folder: Path, webex: Sandbox, url: str) -> Product:
    more = {"MEETING_ETL_STATE": url}
    return Product(folder, webex, clock=ManualClock(NOW), more=more)


def test_the_same_tables_and_a_second_run_asks_nothing(
    webex: Sandbox, postgres: str, tmp_path: Path
) -> None:
    local = Product(tmp_path / "local", webex, clock=ManualClock(NOW))
    shared = on_postgres(tmp_path / "shared", webex, postgres)
    for product in (local, shared):
        product.write_logs()
        assert product.run().failures == []
    assert tables(shared.folder) == tables(local.folder)
    assert shared.etl().ledger.open_days() == local.etl().ledger.open_days()
    seen = webex.counters.total
    assert shared.run().days == []
    assert webex.counters.total == seen
    # Nothing on which processes agree is in files.
    assert not list((shared.folder / "lake" / "due_days").glob("*"))
    assert not list((shared.folder / "state").glob("*.json"))
    assert not (shared.folder / "state" / "pace").exists()


def test_a_data_folder_is_moved_with_its_state(
    webex: Sandbox, postgres: str, tmp_path: Path
) -> None:
    before = Product(tmp_path / "data", webex, clock=ManualClock(NOW))
    before.write_logs()
    assert before.run().failures == []
    key = before.etl().state.get("reader")
    due = before.etl().ledger.open_days()
    assert key is not None
    assert due
    after = on_postgres(tmp_path / "data", webex, postgres)
    checked = after.command("doctor", "--format", "json")
    assert checked.returncode == 1, checked.stderr
    assert "run `meeting-etl migrate`" in checked.stdout
    done = after.command("migrate", "--yes")
    assert done.returncode == 0, done.stderr
    assert "to the state in PostgreSQL" in done.stderr
    assert after.etl().state.get("reader") == key
    assert after.etl().ledger.open_days() == due
    assert not list((tmp_path / "data" / "state").glob("*.json"))
    seen = webex.counters.total
    assert after.run().days == []
    assert webex.counters.total == seen
    assert "PostgreSQL" not in after.command("migrate", "--yes").stderr


def test_a_run_whose_lock_was_lost_writes_nothing(
    webex: Sandbox, postgres: str, tmp_path: Path
) -> None:
    etl = on_postgres(tmp_path / "data", webex, postgres).etl()
    row = {"meeting_id": "m", "ended_at": NOW}
    with etl.lake.lock_days([DAY]):
        etl.lake.merge(MEETINGS, DAY, [row])
    with pytest.raises(LockLost, match=f"The lock day-{DAY} was lost"), etl.lake.lock_days([DAY]):
        end_sessions(postgres)
        etl.lake.merge(MEETINGS, DAY, [row | {"meeting_id": "lost"}])
    assert etl.lake.read(MEETINGS, DAY)["meeting_id"].to_pylist() == ["m"]
    # Afterwards everything works again.
    with etl.lake.lock_days([DAY]):
        etl.lake.merge(MEETINGS, DAY, [row | {"meeting_id": "later"}])
    assert etl.lake.count(MEETINGS, DAY) == 2


def test_a_value_is_not_swapped_after_its_lock_was_lost(
    webex: Sandbox, postgres: str, tmp_path: Path
) -> None:
    state = on_postgres(tmp_path / "data", webex, postgres).etl().state
    state.put("reader", b"old")
    with (
        pytest.raises(StorageError, match="Cannot use postgresql://127"),
        state.swap("reader") as value,
    ):
        value.content = b"new"
        end_sessions(postgres)
    assert state.get("reader") == b"old"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://host/db", "MEETING_ETL_STATE must begin with postgresql+psycopg2://"),
        (
            "postgresql+psycopg2://me:plantedsecret@127.0.0.1:1/db",
            "port 1 failed: Connection refused. Check that PostgreSQL runs",
        ),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    webex: Sandbox, tmp_path: Path, url: str, sentence: str
) -> None:
    for command in (["run"], ["status"], ["migrate"], ["doctor"]):
        done = on_postgres(tmp_path / "data", webex, url).command(*command)
        said = " ".join((done.stdout + done.stderr).split())
        assert sentence in said, command
        assert done.returncode in (1, 2), command
        assert "Traceback" not in said
        assert "plantedsecret" not in said


def test_of_a_history_in_postgresql_nobody_is_told_to_free_disk_space(tmp_path: Path) -> None:
    url = "postgresql+psycopg2://me:plantedsecret@127.0.0.1:1/db"
    (tmp_path / "dagster.yaml").write_text(f"storage: {{postgres: {{postgres_url: '{url}'}}}}\n")
    with pytest.raises(StorageError, match="check that the PostgreSQL of its dagster") as raised:
        check_instance(tmp_path)
    assert "plantedsecret" not in str(raised.value)


def test_missing_tables_are_one_sentence(webex: Sandbox, postgres: str, tmp_path: Path) -> None:
    from meeting_etl.postgres.database import Database

    Database(postgres).execute("CREATE DATABASE empty")
    url = postgres.rpartition("/")[0] + "/empty"
    done = on_postgres(tmp_path / "data", webex, url).command("run")
    assert "has no tables of meeting_etl: run `meeting-etl migrate`" in " ".join(
        done.stderr.split()
    )
    assert on_postgres(tmp_path / "data", webex, url).command("migrate").returncode == 0
    assert on_postgres(tmp_path / "data", webex, url).command("run").returncode == 0


def test_without_the_driver_the_sentence_says_what_to_install(tmp_path: Path) -> None:
    script = """
import sys
sys.modules["psycopg2"] = None
from meeting_etl.cli.main import main
main(["status"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            "PATH": "/usr/bin:/bin",
            "MEETING_ETL_STATE": "postgresql+psycopg2://host/db",
            "MEETING_ETL_DATA_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'meeting_etl[cluster]'" in done.stderr


def test_a_read_only_server_is_refused(webex: Sandbox, postgres: str, tmp_path: Path) -> None:
    """As a standby is: its locks would exclude nobody on the primary."""
    product = on_postgres(tmp_path / "data", webex, postgres)
    with session(postgres) as cursor:
        cursor.execute("ALTER ROLE postgres SET default_transaction_read_only = on")
        end_sessions(postgres)  # a server becomes a standby when it starts
        try:
            with (
                pytest.raises(StorageError, match="session is read-only"),
                product.etl().state.lock("x"),
            ):
                pass
        finally:
            cursor.execute("ALTER ROLE postgres RESET default_transaction_read_only")


def test_an_erased_meeting_is_not_in_the_database(
    webex: Sandbox, postgres: str, tmp_path: Path
) -> None:
    product = on_postgres(tmp_path / "data", webex, postgres)
    product.write_logs()
    assert product.run().failures == []
    meeting = webex.world.meetings[0]
    product.etl().ledger.announce({DAY: {meeting.id: ("recordings",)}})
    assert any(meeting.id in content for content in contents(postgres, product.folder))
    done = product.command("erase", "--meeting", meeting.id, "--yes")
    assert done.returncode == 0, done.stderr
    assert not any(meeting.id in content for content in contents(postgres, product.folder))


def test_doctor_says_what_the_database_does(webex: Sandbox, postgres: str, tmp_path: Path) -> None:
    product = on_postgres(tmp_path / "data", webex, postgres)
    said = " ".join(product.command("doctor").stdout.split())
    assert "Each connection has a session of its own; a lost one is noticed in time." in said


def test_a_damaged_value_is_restored_where_it_is(
    webex: Sandbox, postgres: str, tmp_path: Path
) -> None:
    etl = on_postgres(tmp_path / "data", webex, postgres).etl()
    etl.state.put("erasures", b"{")
    with pytest.raises(StorageError, match="restore the value erasures in PostgreSQL from a back"):
        etl.privacy.erasures  # noqa: B018 - it is read there
