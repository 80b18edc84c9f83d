"""A disk that is really full or read-only ends a run with one sentence; the next run is whole.

The Dagster instance, which lies in the data folder by default, writes there too, and not through
Files.
"""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.product import Product, tables
from meeting_etl_tests.recent_world import recent_world

# Runs a command while the folder $1 is a disk of its own with $2 KB left, or with "ro" a read-only
# one. What is in $1 then is left in $1.after.
_ON_A_DISK = """
set -e
folder=$1 room=$2; shift 2
cp -a "$folder" "$folder.after"
mount -t tmpfs -o size=40m tmpfs "$folder"
cp -a "$folder.after/." "$folder"
used=$(df -k "$folder" | awk 'NR == 2 { print $3 }')
[ "$room" = ro ] && how=ro || how=size=$((used + room))k
mount -o "remount,$how" "$folder"
status=0; "$@" || status=$?
rm -r "$folder.after"
cp -a "$folder" "$folder.after"
exit $status
"""


def on_a_disk(folder: Path, room: str) -> tuple[str, ...]:
    """What a command is put under to run on such a disk; skips where that is not allowed."""
    namespace = ("unshare", "--map-root-user", "--mount")
    try:
        trial = [*namespace, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        subprocess.run(trial, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no disk can be mounted here")
    return (*namespace, "sh", "-c", _ON_A_DISK, "sh", str(folder), room)


def data(folder: Path) -> dict[str, Any]:
    """All tables; a run that failed counts as an attempt."""
    found = tables(folder)
    for row in found["fetch_ledger"]:
        row["attempts"] = None
    return found


def assert_one_sentence(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    """Exit status 1, and at the end what is wrong where and what to do."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    complaints = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert done.stderr.splitlines()[-1:] == complaints
    assert str(folder) in complaints[0]
    assert "and run again" in complaints[0]


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    world = recent_world(4, days_ago=10, days=2, meetings=12)
    with Sandbox(world) as server:
        yield server


@dataclass(frozen=True)
class Calm:
    """A run with room enough: its tables, and the KB that it wrote and left."""

    tables: dict[str, Any]
    written_kb: int


def used_kb(folder: Path) -> int:
    """What the files take on a disk that has pages of 4 KB."""
    sizes = (path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return sum(-(-size // 4096) * 4 for size in sizes)


@pytest.fixture(scope="module")
def calm(webex: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Calm:
    product = Product(tmp_path_factory.mktemp("calm"), webex)
    product.write_logs()
    logs_kb = used_kb(product.folder)
    # In a process of its own, as the runs below: SQLite leaves other files while it is open.
    assert product.command_process("run").returncode == 0
    return Calm(data(product.folder), used_kb(product.folder) - logs_kb)


# The instance cannot be made; its first run cannot be written; a later one; the catalog.
@pytest.mark.slow
@pytest.mark.parametrize("percent", [4, 25, 40, 75, 90, 95])
def test_a_full_disk_is_one_sentence_and_the_next_run_is_whole(
    tmp_path: Path, webex: Sandbox, calm: Calm, percent: int
) -> None:
    product = Product(tmp_path / "data", webex)
    product.write_logs()
    room = str(calm.written_kb * percent // 100)
    done = product.command_process("run", under=on_a_disk(product.folder, room))
    if done.returncode == 0:  # all rows found room; that the catalog did not fails no run
        assert f"Cannot write {product.folder / 'meetings.duckdb'}" in done.stderr
        assert "Traceback" not in done.stdout + done.stderr
    else:
        assert_one_sentence(done, product.folder)
    assert "free some disk space" in done.stderr
    shutil.rmtree(product.folder)
    Path(f"{product.folder}.after").rename(product.folder)
    again = product.command("run")
    assert again.returncode == 0, again.stderr
    assert "Cannot write" not in again.stderr
    assert data(product.folder) == calm.tables


@pytest.mark.slow
def test_a_read_only_instance_is_one_sentence(tmp_path: Path, webex: Sandbox) -> None:
    home = tmp_path / "home"
    home.mkdir()
    product = replace(Product(tmp_path / "data", webex), more={"DAGSTER_HOME": str(home)})
    done = product.command_process("run", under=on_a_disk(home, "ro"))
    assert_one_sentence(done, home)
    assert "make the folder writable" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [64, pytest.param(192, marks=pytest.mark.slow)])
def test_an_instance_that_may_not_grow_is_one_sentence(
    tmp_path: Path, webex: Sandbox, blocks: int
) -> None:
    """As on a full disk, where none can be mounted."""
    product = Product(tmp_path, webex)
    done = product.command_process(
        "run", under=("sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh")
    )
    assert_one_sentence(done, tmp_path / "dagster")
