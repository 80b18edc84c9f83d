"""CPU time of `meeting-etl --help` and `meeting-etl status`, also of an older checkout.

Each makes the lake of its own demo (300 meetings); then both commands of all run in turn.

    .venv/bin/python benchmarks/startup.py --against FOLDER
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import (
    against_argument,
    command,
    median,
    ratio,
    runs_argument,
    versions,
)

BOUNDS = {"--help": 0.3, "status": 0.6}


def main(runs: int, against: Path | None) -> None:
    """All in turn, then the figures."""
    with tempfile.TemporaryDirectory() as folder:
        lakes = {name: {"MEETING_ETL_DATA_DIR": f"{folder}/{name}"} for name in versions(against)}
        for name, code in versions(against).items():
            command(code, lakes[name], "demo", "--data-dir", f"{folder}/{name}")
        print(f"CPU seconds, medians of {runs} (least–greatest)", flush=True)
        for argument, bound in BOUNDS.items():
            found: dict[str, list[float]] = {name: [] for name in lakes}
            for _ in range(runs):
                for name, code in versions(against).items():
                    found[name].append(command(code, lakes[name], argument).cpu_seconds)
            for name, seconds in found.items():
                print(f"meeting-etl {argument:<8} {name:<8} {median(seconds)}, bound {bound}")
                if name != "now":
                    print(f"ratio {ratio(seconds, found['now'])}", flush=True)


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    against_argument(parser)
    given = parser.parse_args()
    main(given.runs, given.against)
