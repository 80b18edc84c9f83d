"""A data folder moves to a bucket: killed on the way, all of it arrives, and nothing twice."""

import random
import signal
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl.schemas import TABLES
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.cluster.moving import Moving, digest, rows_of, said
from meeting_etl_tests.product import DATA_TABLES

pytestmark = pytest.mark.cluster
NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
REFUSED = (
    ["run"],
    ["status"],
    ["sql", "FROM meetings"],
    ["doctor"],
    ["dev"],
    ["prune", "--older-than", "400d", "--yes"],
)


@pytest.fixture(scope="module")
def world() -> World:
    return demo_world(3, NOW, days=4, meetings=24)


@pytest.fixture
def webex(world: World) -> Iterator[Sandbox]:
    with Sandbox(world, ManualClock(NOW), Faults(media_bytes=50_000)) as sandbox:
        yield sandbox


def assert_moved(product: Moving, before: dict[str, Any]) -> None:
    """All is there, the next run requests nothing, and new events are ingested there."""
    product = product.in_bucket()
    after = product.contents()
    assert {name for name in before if after[name] != before[name]} == set()
    counters = product.webex.counters
    seen = counters.total, len(counters.media_requests)
    assert product.run().days == []
    assert (counters.total, len(counters.media_requests)) == seen
    product.late.rename(product.folder / "webhook_logs" / product.late.name)
    assert product.run().failures == []
    ended = {meeting.id for meeting in product.webex.world.meetings if meeting.ended_at <= NOW}
    ids = [str(row["meeting_id"]) for row in rows_of(product.url, "meetings")]
    assert sorted(ids) == sorted(ended)
    assert len(ids) > len(before["meetings"])


@pytest.fixture(params=["files", pytest.param("postgres", marks=pytest.mark.slow)])
def product(
    request: pytest.FixtureRequest, webex: Sandbox, s3: dict[str, str], tmp_path: Path
) -> Moving:
    """A filled data folder, its state in either kind."""
    in_postgres = request.param == "postgres"
    more = {"MEETING_ETL_STATE": request.getfixturevalue("postgres")} if in_postgres else {}
    return filled(tmp_path / "data", webex, s3, more)


@pytest.fixture
def local(webex: Sandbox, s3: dict[str, str], tmp_path: Path) -> Moving:
    """A filled data folder with its state in files."""
    return filled(tmp_path / "data", webex, s3, {})


def filled(folder: Path, webex: Sandbox, s3: Mapping[str, str], more: Mapping[str, str]) -> Moving:
    product = Moving(folder, webex, "admin", clock=ManualClock(NOW))
    product.fill(s3, more)
    return product


def test_all_of_it_arrives_and_the_folder_is_refused(product: Moving) -> None:
    before = product.contents()
    assert all(before[name] for name in (*DATA_TABLES, "recording_files", "transcript_files"))
    assert all(before[name] for name in ("files", "meeting_index", "due"))
    left = tree(product.folder)
    shown = product.command("migrate", "--to", product.url, "--dry-run")
    done = product.command("migrate", "--to", product.url, "--yes")
    assert (shown.returncode, done.returncode) == (0, 0), done.stderr
    rows = sum(len(before[name]) for name in TABLES)
    for table in (shown.stdout, done.stdout):
        counts = figures(table)
        index = counts.pop("meeting_index")
        assert sum(count[1] for count in counts.values()) == rows
        assert index[1] == sum(map(len, before["meeting_index"].values()))
        assert sum(counts[f"{name}/"][0] for name in ("media", "transcripts")) == len(
            before["files"]
        )
    assert f"export MEETING_ETL_DATA_DIR={product.url}" in done.stderr
    assert f"export MEETING_ETL_WORK_DIR={product.folder}" in done.stderr
    # Nothing was removed, and the folder is not used any more.
    assert tree(product.folder).items() >= left.items()
    for command in REFUSED:
        assert f"was moved to {product.url}" in said(product.command(*command)), command
        assert product.command(*command).returncode in (1, 2)
    again = product.command("migrate", "--to", product.url, "--yes")
    assert again.returncode == 0, again.stderr
    assert not again.stdout
    assert_moved(product, before)


@pytest.mark.slow
def test_killed_five_times_on_the_way(product: Moving) -> None:
    before = product.contents()
    steps = calls(product.copy().move())
    rng, kills = random.Random(19), 0
    while kills < 5:
        # So early that five are killed, and so late that each gets further.
        done = product.move(rng.randrange(steps // 8, steps // 5), rng.choice(["before", "after"]))
        kills += done.returncode == -signal.SIGKILL
    assert "is being moved to" in said(product.command("run"))
    assert "Not all of" in said(product.in_bucket().command("run"))
    assert product.move().returncode == 0
    assert_moved(product, before)


@pytest.mark.slow
def test_killed_at_each_of_the_last_steps(product: Moving) -> None:
    before, copy = product.contents(), product.copy()
    steps = calls(copy.move())
    # What is uploaded is not uploaded again, so that the end is nearer.
    (copy.folder / "moved.json").unlink()
    empty(copy.url)
    assert copy.move(steps - 3).returncode == -signal.SIGKILL
    left = calls(copy.move())
    assert left < steps // 2
    assert product.move(steps - 3).returncode == -signal.SIGKILL
    killed = [product.move(left - back, "before").returncode for back in range(5, -1, -1)]
    # Without a database, a catalog that was published is not published again.
    assert killed[:3] == [-signal.SIGKILL] * 3
    assert product.move().returncode == 0
    assert_moved(product, before)


def calls(done: subprocess.CompletedProcess[str]) -> int:
    """How often a move changed something."""
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def empty(url: str) -> None:
    bucket = ObjectFiles(url)
    for name in bucket.paths("."):
        bucket.remove(name)


def tree(folder: Path) -> dict[str, str]:
    """The digests of all files but those of the state, which is used on."""
    return {
        str(path.relative_to(folder)): digest(path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and "state" not in path.parts
    }


def figures(table: str) -> dict[str, list[int]]:
    """Files, rows if there are any, and bytes by name."""
    lines = (line.replace(",", "").replace("–", "0").split() for line in table.splitlines())
    return {
        line[0]: [int(number) for number in line[1:]]
        for line in lines
        if len(line) == 4 and line[1].isdigit()
    }
