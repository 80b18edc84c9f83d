"""Peak memory and speed of downloading one recording, small and large.

`meeting-etl run` with one meeting whose recording has 10 MB, then 1 GB; the embedded Webex is a
process of its own that invents the bytes while it sends them.

    .venv/bin/python benchmarks/download.py
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.embedded_webex import embedded_webex
from benchmarks.measuring import ROOT, Measured, command, median, ratio, runs_argument

SIZES = (10_000_000, 1_000_000_000)


def measure(size_bytes: int) -> Measured:
    """A run that downloads a recording of that size."""
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_webex(meetings=1, participants=1, snippets=1, media_bytes=size_bytes) as webex,
    ):
        settings = Path(folder) / "settings.toml"
        settings.write_text('[downloads]\nrecordings = ["video"]\nkeep_free_bytes = 0\n')
        webex.write_logs(folder)
        environ = webex.environ(folder, MEETING_ETL_SETTINGS=str(settings))
        measured = command(ROOT, environ, "run")
        (path,) = Path(folder).glob("media/*/*.mp4")
        assert path.stat().st_size == size_bytes
    return measured


def main(runs: int) -> None:
    """Both sizes in turn, in fresh processes, then the figures."""
    peaks: dict[int, list[float]] = {size: [] for size in SIZES}
    seconds: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(runs):
        for size in SIZES:
            measured = measure(size)
            peaks[size].append(measured.peak_megabytes)
            seconds[size].append(measured.seconds)
    print(f"one recording; medians of {runs} (least–greatest)")
    for size in SIZES:
        print(f"{size / 1e6:>7,.0f} MB   peak {median(peaks[size])} MB, {median(seconds[size])} s")
    small, large = peaks.values()
    print(f"ratio of the peaks {ratio(large, small)}")


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    main(parser.parse_args().runs)
