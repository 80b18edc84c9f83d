"""Machines that share a bucket and no disk: none keeps what another one has finished."""

from datetime import timedelta
from pathlib import Path

import pytest

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.schemas import RECORDINGS
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.product import work_off
from meeting_etl_tests.promises.downloads import MEETINGS, NOW, SIZE, Downloads
from meeting_etl_tests.promises.test_shared_downloads import download

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def machine(folder: Path, webex: Sandbox, variables: dict[str, str]) -> Downloads:
    made = Downloads(folder, webex, "user", clock=ManualClock(NOW))
    made.settings()
    made.more = {**made.more, **variables, "MEETING_ETL_WORK_DIR": str(folder)}
    return made


def leave_unfinished(made: Downloads, recording_id: str) -> None:
    """As a run does that was killed."""
    (day,) = made.etl().lake.days(RECORDINGS)
    for end in ("", ".json"):
        made.etl().files.replace_bytes(f"media/date={day}/.{recording_id}.video.part{end}", b"{}")


def test_a_machine_removes_what_another_has_finished(
    postgres: str, s3: dict[str, str], tmp_path: Path
) -> None:
    world = sized_world(7, NOW - timedelta(days=5), meetings=MEETINGS, participants=1, snippets=1)
    shared = {**s3, "MEETING_ETL_STATE": postgres, "MEETING_ETL_DATA_DIR": url_of(tmp_path)}
    with Sandbox(world, ManualClock(NOW), Faults(media_bytes=SIZE)) as webex:
        one, two = (machine(tmp_path / name, webex, shared) for name in ("one", "two"))
        one.write_logs()
        work_off(one.etl())
        first, second, *_ = [
            row["recording_id"]
            for day in one.etl().lake.days(RECORDINGS)
            for row in one.etl().lake.read(RECORDINGS, day).to_pylist()
        ]
        leave_unfinished(one, first)
        leave_unfinished(one, second)
        with one.etl().state.lock(f"recording-{second}"):
            assert download(two.etl(), "two") == {"rows": MEETINGS - 1}
        assert len(one.leftovers()) == 4
        assert one.run().failures == []
        assert one.leftovers() == two.leftovers() == []
        assert len(webex.counters.media_requests) == MEETINGS


def test_an_erasure_removes_what_its_machine_has_begun(
    postgres: str, s3: dict[str, str], tmp_path: Path
) -> None:
    """And that of another machine goes with its next run of downloads."""
    world = sized_world(7, NOW - timedelta(days=5), meetings=2, participants=1, snippets=1)
    shared = {**s3, "MEETING_ETL_STATE": postgres, "MEETING_ETL_DATA_DIR": url_of(tmp_path)}
    with Sandbox(world, ManualClock(NOW), Faults(media_bytes=SIZE)) as webex:
        one, two = (machine(tmp_path / name, webex, shared) for name in ("one", "two"))
        one.write_logs()
        work_off(one.etl())
        recording = world.meetings[0].recordings[0].id
        leave_unfinished(one, recording)
        leave_unfinished(two, recording)
        done = one.command("erase", "--meeting", world.meetings[0].id, "--yes")
        assert done.returncode == 0, done.stderr
        assert one.leftovers() == []
        assert len(two.leftovers()) == 2
        assert two.run().failures == []
        assert two.leftovers() == []
