"""Peak memory of `meeting-etl run` on one large day: 1,500 meetings of 250 snippets each.

375,000 snippets, fetched cold into committed tables; the embedded Webex is a process of its own.

    .venv/bin/python benchmarks/memory.py
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.embedded_webex import embedded_webex
from benchmarks.measuring import ROOT, command, median, runs_argument

MEETINGS, SNIPPETS = 1500, 250


def main(runs: int) -> None:
    """Fetch the day in fresh processes, then the figures."""
    found = []
    with embedded_webex(meetings=MEETINGS, snippets=SNIPPETS) as webex:
        for _ in range(runs):
            with tempfile.TemporaryDirectory() as folder:
                webex.write_logs(folder)
                found.append(command(ROOT, webex.environ(folder), "run"))
    peak = median([measured.peak_megabytes for measured in found])
    seconds = median([measured.seconds for measured in found])
    print(f"{MEETINGS:,} meetings, {MEETINGS * SNIPPETS:,} snippets of one day; medians of {runs}")
    print(f"peak memory {peak} MB in {seconds} s")


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    main(parser.parse_args().runs)
