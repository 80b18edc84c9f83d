"""An erasure that is killed at any instant and repeated ends as one that nobody disturbs."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.schemas import TABLES
from meeting_etl_tests.pipeline.rewriting import text_of
from meeting_etl_tests.promises.forgetting import (
    ADDRESS,
    Forgetting,
    settings_of,
    world_of_the_person,
)

pytestmark = pytest.mark.slow
KILLS = 20
# Counts what is made durable, and kills itself right before or after one of these moments.
SCRIPT = """
import os, signal, sys
from meeting_etl.cli.main import main
which, is_before, count, fsync = int(sys.argv[1]), sys.argv[2] == "before", 0, os.fsync
def counting(file):
    global count
    count += 1
    if count != which:
        return fsync(file)
    if not is_before:
        fsync(file)
    os.kill(os.getpid(), signal.SIGKILL)
os.fsync = counting
try:
    main(sys.argv[3:])
finally:
    print("fsyncs:", count, file=sys.stderr)
"""
OF_THE_ERASURE = {"began_at", "finished_at", "removed_at", "definition", "mtime", "size"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forgetting]:
    folder = tmp_path_factory.mktemp("filled")
    with Sandbox(world_of_the_person(13), faults=Faults(media_bytes=2000)) as webex:
        more = {**settings_of(folder), "MEETING_ETL_PRIVACY_KEY": "one key for all copies"}
        product = Forgetting(folder / "data", webex, more=more)
        product.fill()
        yield product


def erase(product: Forgetting, which: int, when: str, *command: str) -> tuple[int, int]:
    """The return code, and how often something was made durable."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(which), when, "erase", *command, "--yes"],
        env={"PATH": "/usr/bin:/bin", **product.environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    last = done.stderr.strip().rpartition("\n")[2]
    return done.returncode, int(last.removeprefix("fsyncs: ")) if not done.returncode else 0


def state_of(product: Forgetting) -> dict[str, Any]:
    """All tables, files and logs; not when that was done."""
    tables = {
        name: sorted(
            str({key: row[key] for key in row if key not in OF_THE_ERASURE})
            for row in product.rows(name)
        )
        for name in TABLES
    }
    names = [path.relative_to(product.folder) for path in product.folder.glob("[mtr]*/**/*")]
    logs = text_of(product.folder / "webhook_logs")
    return {**tables, "files": sorted(map(str, names)), "logs": logs}


def leave_temporary_files(folder: Path) -> None:
    """What writers that were killed before the erasure leave of the person."""
    for name in ("state", "reports", "lake", "lake/due_days", "lake/unowned_recordings"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / ".x.json.0123.tmp").write_text(ADDRESS)


def differing(now: Any, whole: Any) -> Any:
    """What is in one of two lists and not in the other; None when they are equal."""
    if now == whole:
        return None
    return [each for each in now if each not in whole], [each for each in whole if each not in now]


@pytest.mark.parametrize("rows", [[], ["--rows"]])
def test_kills(filled: Forgetting, tmp_path: Path, rows: list[str]) -> None:
    command = ["--person", ADDRESS, "--logs", *rows]
    calm = filled.copy(tmp_path / "calm")
    leave_temporary_files(calm.folder)
    _, writes = erase(calm, 0, "before", *command)
    whole = state_of(calm)
    assert calm.found() == {}
    rng, kills = random.Random(len(rows)), 0
    while kills < KILLS // 2:
        product = filled.copy(tmp_path / f"killed-{kills}")
        status = -signal.SIGKILL
        while status:
            when = rng.choice(["before", "after"])
            status, _ = erase(product, rng.randrange(1, writes), when, *command)
            kills += status != 0
        assert product.found() == {}
        now = state_of(product)
        assert {name: differing(now[name], whole[name]) for name in whole} == dict.fromkeys(whole)
        assert not list((product.folder / "lake").rglob("*.tmp"))
