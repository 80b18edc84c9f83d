"""Peak memory and speed of downloading one recording, small and large.

`run` with one meeting whose recording has 10 MB, then 1 GB; the embedded Webex is a process of its
own that invents the bytes while it sends them.

    .venv/bin/python benchmarks/download.py
"""

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import here, in_process, median, runs_argument, serving

UNTIL = datetime(2026, 3, 9, tzinfo=UTC)
SIZES = (10_000_000, 1_000_000_000)


def serve(size_bytes: int) -> None:
    """The sandbox; writes the webhook logs to the folder that it is told, and says its address."""
    from meeting_etl.sandbox.faults.faults import Faults
    from meeting_etl.sandbox.sandbox import Sandbox
    from meeting_etl.sandbox.world.deliveries import write_logs
    from meeting_etl.sandbox.world.worlds import sized_world

    world = sized_world(1, UNTIL, meetings=1, participants=1, snippets=1)
    with Sandbox(world, faults=Faults(media_bytes=size_bytes)) as webex:
        for line in sys.stdin:
            write_logs(world, Path(line.strip()) / "webhook_logs", seed=1, until=UNTIL)
            print(json.dumps([webex.base_url, webex.token("user")]), flush=True)


def ours(folder: Path, base_url: str, token: str) -> None:
    """What `meeting-etl run` does, Dagster and all."""
    from meeting_etl.definitions import build_defs
    from meeting_etl.orchestration.instance import dagster_home, open_instance
    from meeting_etl.orchestration.run_now import run_now
    from meeting_etl.settings import Etl

    settings = folder / "settings.toml"
    settings.write_text('[downloads]\nrecordings = ["video"]\nkeep_free_bytes = 0\n')
    etl = Etl(
        {
            "WEBEX_BASE_URL": base_url,
            "WEBEX_ACCESS_TOKEN": token,
            "WEBEX_REQUESTS_PER_MINUTE": "0",
            "MEETING_ETL_DATA_DIR": str(folder),
            "MEETING_ETL_SETTINGS": str(settings),
        }
    )
    started = time.perf_counter()
    with open_instance(dagster_home(etl.files, None)) as instance:
        outcome = run_now(build_defs(etl), instance, etl)
    assert not outcome.failures
    (path,) = folder.glob("media/*/*.mp4")
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "bytes": path.stat().st_size}))


def main(runs: int) -> None:
    """Both sizes in turn, in fresh processes, then the figures."""
    peaks: dict[int, list[float]] = {size: [] for size in SIZES}
    seconds: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(runs):
        for size in SIZES:
            with (
                serving("download.py", "--serve", str(size)) as server,
                tempfile.TemporaryDirectory() as folder,
            ):
                base_url, token = server.asked(folder)
                measured = in_process([here("download.py"), "--ours", folder, base_url, token])
            assert measured.said["bytes"] == size
            peaks[size].append(measured.peak_megabytes)
            seconds[size].append(measured.said["seconds"])
    print(f"one recording; medians of {runs} (least–greatest)")
    for size in SIZES:
        print(f"{size / 1e6:>7,.0f} MB   peak {median(peaks[size])} MB, {median(seconds[size])} s")
    few, many = peaks.values()
    print(f"ratio of the peaks {median([b / a for a, b in zip(few, many, strict=True)])}")


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    parser.add_argument("--ours", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
    elif given.ours:
        data, address, bearer = given.ours
        ours(Path(data), address, bearer)
    else:
        main(given.runs)
