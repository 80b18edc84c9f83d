"""The state of a data folder moves into the database: killed at any point, nothing is lost."""

import json
import random
import signal
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.pipeline.ledger.due_days import DueDay, FileQueue
from meeting_etl.settings import Etl
from meeting_etl.state import LocalState
from meeting_etl_tests.cluster.kinds import pg_queue, pg_state
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.commands import command

pytestmark = pytest.mark.cluster
# Kills itself right before or after one of its statements or removals of files.
SCRIPT = """
import os, signal, sys
from meeting_etl.files import Files
from meeting_etl.postgres import database
from meeting_etl.settings import Etl
which, is_before, count = int(sys.argv[1]), sys.argv[2] == "before", 0
def counting(function):
    def counted(*arguments):
        global count
        count += 1
        if count == which and is_before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments)
        if count == which:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return counted
database._execute, Files.remove = counting(database._execute), counting(Files.remove)
Etl(os.environ).shared.migrate()
print(count)
"""
VALUES = {
    "privacy_key": b'{"id": "k", "key": "a key of pseudonyms"}',
    "erasures": b"[]",
    "tokens": b'{"access_token": "plantedsecret"}',
    "tokens-events": b'{"access_token": "another"}',
    "webhooks": b'{"target": "https://hooks.example/"}',
    "catalog": b"\x00 not even JSON \xff",
}
DAYS = [date(2026, 3, day) for day in range(2, 7)]


def fill(folder: Path) -> dict[date, DueDay]:
    files = Files(folder)
    local = LocalState(files)
    for name, content in VALUES.items():
        local.put(name, content)
    for number, day in enumerate(DAYS):
        document = {
            "due_at": f"2026-03-0{number + 2}T12:00:00Z",
            "files_due_at": None,
            "version": number,
            "news": {f"meeting-{number}": ["participants"]},
        }
        files.replace_bytes(f"lake/due_days/{day}.json", json.dumps(document).encode())
    return FileQueue(files, local).open_days()


def move(folder: Path, url: str, which: int, when: str) -> subprocess.CompletedProcess[str]:
    environ = {"MEETING_ETL_DATA_DIR": str(folder), "MEETING_ETL_STATE": url}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(which), when],
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done


def assert_moved(folder: Path, due: dict[date, DueDay]) -> None:
    state = pg_state(folder)
    assert {name: state.get(name) for name in VALUES} == VALUES
    assert pg_queue(folder).open_days() == due
    assert not list((folder / "state").glob("*.json"))
    assert not list((folder / "lake/due_days").glob("*.json"))


def test_killed_at_any_point_and_repeated(postgres: str, tmp_path: Path) -> None:
    due = fill(tmp_path / "calm")
    steps = int(move(tmp_path / "calm", postgres, 0, "before").stdout)
    assert_moved(tmp_path / "calm", due)
    rng = random.Random(19)
    for number in range(3):
        folder, kills = tmp_path / f"killed-{number}", 0
        due = fill(folder)
        while move(
            folder, postgres, rng.randrange(1, steps), rng.choice(["before", "after"])
        ).returncode:
            kills += 1
            said = command("status", environ=environ_of(folder, postgres))
            is_left = any(folder.glob("state/*.json")) or any(folder.glob("lake/due_days/*.json"))
            assert ("run `meeting-etl migrate`" in " ".join(said.stderr.split())) == is_left
        assert kills
        assert_moved(folder, due)


def environ_of(folder: Path, url: str) -> dict[str, str]:
    return {"MEETING_ETL_DATA_DIR": str(folder), "MEETING_ETL_STATE": url}


def test_before_the_move_nothing_is_done(postgres: str, tmp_path: Path) -> None:
    """Without the erasures, whoever was erased would come back."""
    fill(tmp_path)
    for arguments in (["run"], ["status"], ["erase", "--person", "a@b.example", "--yes"]):
        done = command(*arguments, environ=environ_of(tmp_path, postgres))
        assert done.returncode == 1
        assert "run `meeting-etl migrate`, which moves it" in " ".join(done.stderr.split())
    assert pg_state(tmp_path).get("erasures") is None


def test_another_value_in_the_database_is_not_overwritten(postgres: str, tmp_path: Path) -> None:
    fill(tmp_path)
    state = pg_state(tmp_path)
    state.put("erasures", b"[1]")
    done = command("migrate", "--yes", environ=environ_of(tmp_path, postgres))
    assert done.returncode == 1
    assert "another value erasures than state/erasures.json" in " ".join(done.stderr.split())
    assert state.get("erasures") == b"[1]"
    assert LocalState(Files(tmp_path)).get("erasures") == b"[]"


def test_news_of_both_queues_stay(postgres: str, tmp_path: Path) -> None:
    fill(tmp_path)
    queue = pg_queue(tmp_path)
    with queue.swap(DAYS[0]) as work:
        work.due = DueDay(
            due_at=datetime.fromisoformat("2026-03-01T00:00:00Z"),
            version=7,
            news={"meeting-0": ("details",), "new": ("recordings",)},
        )
    Etl(environ_of(tmp_path, postgres)).shared.migrate()
    due = queue.due_day(DAYS[0])
    assert due.news == {"meeting-0": ("details", "participants"), "new": ("recordings",)}
    assert due.due_at == datetime.fromisoformat("2026-03-01T00:00:00Z")
    assert due.version == 8


def test_due_days_of_a_bucket_are_moved(postgres: str, s3: dict[str, str], tmp_path: Path) -> None:
    """Those in the working folder are of the time before the tables were in the bucket."""
    url = url_of(tmp_path)
    fill(tmp_path)
    places = {"MEETING_ETL_DATA_DIR": url, "MEETING_ETL_WORK_DIR": str(tmp_path)}
    before, due = Etl(places), DueDay(version=3, everything=True)
    with before.queue.swap(DAYS[2]) as work:
        work.due = due
    environ = {**s3, **places, "MEETING_ETL_STATE": postgres}
    assert "run `meeting-etl migrate`" in " ".join(
        command("status", environ=environ).stderr.split()
    )
    done = command("migrate", "--yes", environ=environ)
    assert done.returncode == 0, done.stderr
    assert Etl(environ).queue.open_days() == {DAYS[2]: due}
    assert before.queue.open_days() == {}
    assert command("status", environ=environ).returncode == 0
