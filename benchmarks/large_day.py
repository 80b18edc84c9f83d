"""What a row costs on a day of 5,000 meetings, beside a day of 400.

`meeting-etl run`, cold, from an embedded Webex in a process of its own without latency. The CPU
seconds and the bytes that the process writes, less those of a run with one meeting, divided by the
rows; what has already been committed must not make the next commit dearer.

    .venv/bin/python benchmarks/large_day.py --against FOLDER
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.embedded_webex import embedded_webex
from benchmarks.measuring import (
    Measured,
    against_argument,
    command,
    median,
    ratio,
    runs_argument,
    versions,
)

SIZES = (400, 5000)
PARTICIPANTS, SNIPPETS = 10, 50
ROWS = 3 + PARTICIPANTS + SNIPPETS  # of a meeting: its own, a recording, a transcript
BOUND = 2


def measure(code: Path, meetings: int) -> Measured:
    """A cold run of one day."""
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_webex(meetings=meetings, participants=PARTICIPANTS, snippets=SNIPPETS) as webex,
    ):
        webex.write_logs(folder)
        return command(code, webex.environ(folder), "run")


def main(runs: int, against: Path | None) -> None:
    """Both sizes of every checkout in turn, then the figures."""
    for name, code in versions(against).items():
        cpu: dict[int, list[float]] = {size: [] for size in SIZES}
        written: dict[int, list[float]] = {size: [] for size in SIZES}
        for _ in range(runs):
            least = measure(code, 1)
            for size in SIZES:
                found, rows = measure(code, size), size * ROWS
                cpu[size].append((found.cpu_seconds - least.cpu_seconds) / rows * 1e6)
                written[size].append((found.written_bytes - least.written_bytes) / rows)
        for size in SIZES:
            print(
                f"{name}: {size:,} meetings, for each row {median(cpu[size])} µs of CPU, ", end=""
            )
            print(f"{median(written[size])} bytes written")
        few, many = SIZES
        print(f"{name}: ratio of the CPU {ratio(cpu[many], cpu[few])}, bound {BOUND}; ", end="")
        print(f"of the bytes {ratio(written[many], written[few])}", flush=True)


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    against_argument(parser)
    given = parser.parse_args()
    main(given.runs, given.against)
