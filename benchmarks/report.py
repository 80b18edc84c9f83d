"""What a report costs over 31 days of 400 meetings of 125 snippets: CPU and wall seconds, size.

Beside it the report of one meeting. Each is written by the command, in a process of its own.

    .venv/bin/python benchmarks/report.py
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import median, runs_argument
from benchmarks.queries import FIRST, build

DAYS = 31


def measured(folder: Path, *arguments: str) -> tuple[float, float, float]:
    """CPU and wall seconds of the command, and megabytes of the file that it wrote."""
    path = folder / "report.html"
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "meeting_etl.cli.main", "report", *arguments, "-o", path],
        env={"PATH": os.environ["PATH"], "MEETING_ETL_DATA_DIR": str(folder)},
        check=True,
        capture_output=True,
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall, path.stat().st_size / 1e6


def main() -> None:
    from meeting_etl.files import Files
    from meeting_etl.lake import catalog
    from meeting_etl.lake.lake import Lake

    runs = runs_argument(__doc__).parse_args().runs
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        build(folder, DAYS)
        files = Files(folder)
        catalog.publish(files, Lake(files))
        last = FIRST.replace(day=DAYS)
        reports = {
            "31 days": ("--from", str(FIRST), "--to", str(last)),
            "one meeting": ("--meeting", "m20_007"),
        }
        for name, arguments in reports.items():
            found = [measured(folder, *arguments) for _ in range(runs)]
            cpu, wall, megabytes = zip(*found, strict=True)
            print(f"{name:12} CPU {median(cpu)} s, wall {median(wall)} s, {median(megabytes)} MB")


if __name__ == "__main__":
    main()
