"""An erasure beside readers and runs: no query fails or sees half a row, and nothing comes back."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import Clock
from meeting_etl_tests.promises.forgetting import (
    ADDRESS,
    Forgetting,
    append,
    lines_of_the_person,
    settings_of,
    world_of_the_person,
)
from meeting_etl_tests.promises.reading import reading, sums
from meeting_etl_tests.promises.reconciling import ended_line

pytestmark = pytest.mark.slow
LOGS = "webhook_logs"
SIZE = 60_000_000
# Each has one sum, before and after; a row of which one half is erased counts as broken.
QUERIES = {
    "attendance": "SELECT 'x', count(*) FROM attendance",
    "speaker_metrics": "SELECT 'x', sum(snippets) FROM speaker_metrics",
    "search_transcripts": "SELECT 'x', count(*) FROM search_transcripts('the', NULL, NULL)",
    "halves": """SELECT 'x', count(*) FILTER ((person_name LIKE 'erased:%') <> (text = '[erased]'))
        FROM transcript_snippets""",
}


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Forgetting]:
    with Sandbox(world_of_the_person(13), faults=Faults(media_bytes=2000)) as webex:
        product = Forgetting(tmp_path / "data", webex, more=settings_of(tmp_path))
        product.fill()
        yield product


def start(
    product: Forgetting, *arguments: str, home: Path | None = None
) -> "subprocess.Popen[str]":
    environ = {"PATH": os.environ["PATH"], **product.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "meeting_etl.cli.main", *arguments],
        env=environ | ({"DAGSTER_HOME": str(home)} if home else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_readers(filled: Forgetting) -> None:
    hows = ("ours", "plain", "ours", "plain")
    scripts = [
        sums(filled.folder, sql, how) for how, sql in zip(hows, QUERIES.values(), strict=True)
    ]
    with reading(*scripts) as readers:
        for reader in readers:
            reader.wait_for(1)
        filled.succeed("erase", "--person", ADDRESS, "--yes", "--logs")
        for reader in readers:
            reader.wait_for(2)
        met = [reader.end() for reader in readers]
    for name, found in zip(QUERIES, met, strict=True):
        assert not [key for key in found if not key.startswith("sums ")], name
        if name != "search_transcripts":  # words of the person go
            assert len(found) == 1, (name, found)


def test_runs_at_the_same_time(filled: Forgetting, tmp_path: Path) -> None:
    world = filled.webex.world
    first = str(min(meeting.ended_at for meeting in world.meetings).date())
    received = Clock().now() - timedelta(seconds=9)
    homes = [tmp_path / "other", tmp_path / "erasing"]
    for number, command in enumerate((["--person", ADDRESS], ["--person", ADDRESS, "--logs"])):
        homes[number].mkdir()
        lines = [ended_line(each, each.ended_at, received) for each in world.meetings]
        append(filled, [*lines, *lines_of_the_person(world)])
        run = start(filled, "run", "--from", first, "--refetch", home=homes[number])
        erasing = start(filled, "erase", *command, "--yes")
        for process in (erasing, run):
            output = process.communicate(timeout=600)
            assert process.returncode == 0, output
        assert filled.found(LOGS) == {}
    filled.refetch()
    filled.succeed("erase", "--person", ADDRESS, "--yes", "--logs")
    assert filled.found() == {}


@pytest.mark.parametrize("wanted", [["--person", "person0@sized.example"], ["--meeting"]])
def test_a_download_at_the_same_time(tmp_path: Path, wanted: list[str]) -> None:
    """The file that is being downloaded does not stay."""
    world = sized_world(3, Clock().now(), meetings=1, participants=2, snippets=2)
    (tmp_path / "settings.toml").write_text(
        '[downloads]\nrecordings = ["video"]\nkeep_free_bytes = 0\n'
    )
    more = {"MEETING_ETL_SETTINGS": str(tmp_path / "settings.toml")}
    faults = Faults(media_bytes=SIZE, slow_media=SIZE // 4)
    with Sandbox(world, faults=faults) as webex:
        product = Forgetting(tmp_path / "data", webex, more=more)
        product.write_logs()
        seen = webex.counters.media_requests
        run = start(product, "run")
        while run.poll() is None and not (seen and seen[0].bytes_sent > SIZE // 8):
            time.sleep(0.01)
        name = [*wanted, world.meetings[0].id] if wanted == ["--meeting"] else wanted
        erasing = product.succeed("erase", *name, "--yes")
        output = run.communicate(timeout=600)
        assert "All tables were read once more" in erasing
        assert run.returncode == 0, output
        assert seen, "it had begun"
        assert [path for path in product.folder.glob("media/*/*") if path.is_file()] == []
        product.refetch()
        assert [path for path in product.folder.glob("media/*/*") if path.is_file()] == []
