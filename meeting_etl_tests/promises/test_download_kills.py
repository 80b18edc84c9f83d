"""Rule 2 for large files: killed in the middle, the next run goes on where it was."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.product import Product
from meeting_etl_tests.promises.downloads import received_bytes

SIZE = 200_000_000
# What was written since the last sync is downloaded again, and not more: what the kernel holds of a
# connection when its process is killed was never received, so bytes that the host has sent (up to
# 37 MB more on one loopback connection) tell nothing.
RECEIVED_TWICE = 2_000_000


def start(product: Product) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "meeting_etl.cli.main", "run"],
        env={"PATH": os.environ["PATH"], **product.environ},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_download_goes_on_where_it_was(tmp_path: Path, how: signal.Signals) -> None:
    world = sized_world(
        3, datetime.now(UTC) - timedelta(days=5), meetings=1, participants=1, snippets=1
    )
    settings = tmp_path / "settings.toml"
    settings.write_text('[downloads]\nrecordings = ["video"]\nkeep_free_bytes = 0\n')
    faults = Faults(media_bytes=SIZE, slow_media=60_000_000)
    with Sandbox(world, faults=faults) as webex:
        more = {"MEETING_ETL_SETTINGS": str(settings)}
        product = Product(tmp_path / "data", webex, "user", more=more)
        product.write_logs()
        seen = webex.counters.media_requests
        with start(product) as run:
            while run.poll() is None and sum(received_bytes(product.folder)) < SIZE // 2:
                time.sleep(0.01)
            os.killpg(run.pid, how)
            status = run.wait(60)
        assert status == (-how if how is signal.SIGKILL else 1)
        (received,) = received_bytes(product.folder)
        assert not list(product.folder.glob("media/*/*.mp4"))

        assert product.run().failures == []
        (row,) = product.rows("recording_files")
        content = (product.folder / row["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
        assert row["sha256"] == webex.media.sha256(row["recording_id"], "video")
        assert len(content) == SIZE
        assert len(seen) == 2
        assert seen[1].range_start is not None
        assert seen[1].range_start > received - RECEIVED_TWICE
        assert not list(product.folder.glob("media/*/.*"))
