"""Bounds of downloads by size and free space."""

from datetime import timedelta
from pathlib import Path

import pytest

from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.promises.downloads import MEETINGS, NOW, product


@pytest.fixture(scope="module")
def world() -> World:
    return sized_world(7, NOW - timedelta(days=5), meetings=MEETINGS, participants=2, snippets=4)


@pytest.mark.parametrize(
    "bounds",
    [
        "largest_bytes = 2_999_999",
        pytest.param("longest_seconds = 0", marks=pytest.mark.slow),
        pytest.param('hosts = ["*@elsewhere.example"]', marks=pytest.mark.slow),
    ],
)
def test_bounds_cost_no_request(world: World, tmp_path: Path, bounds: str) -> None:
    made = product(tmp_path, world)
    made.settings(f'recordings = ["video"]\n{bounds}')
    with made.webex:
        assert made.run().failures == []
        assert [url for url in made.requests() if url.startswith("/v1/recordings/")] == []
    assert made.states() == {("absent", "out_of_bounds"): MEETINGS}


@pytest.mark.slow
def test_bounds_that_are_met_let_everything_pass(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world)
    made.settings(
        'recordings = ["video"]\nlargest_bytes = 3_000_000\nlongest_seconds = 999_999\n'
        'hosts = ["*@*"]\nat_once = 1'
    )
    with made.webex:
        made.run()
        made.assert_whole("video", MEETINGS)


@pytest.mark.slow
def test_the_floor_of_free_space_ends_downloads_only(world: World, tmp_path: Path) -> None:
    made = product(tmp_path, world)
    made.settings('[downloads]\nrecordings = ["video"]\nkeep_free_bytes = 1_000_000_000_000_000')
    with made.webex:
        ((kind, sentence),) = made.run().failures
        assert kind == "StorageError"
        assert "keep_free_bytes in [downloads]" in sentence
        assert len(made.rows("transcript_snippets")) == 4 * MEETINGS
        made.settings()
        assert made.run().failures == []
        made.assert_whole("video", MEETINGS)
