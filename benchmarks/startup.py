"""CPU time of `meeting-etl --help` and `meeting-etl status`, now and before modules loaded lazily.

The earlier commit is checked out beside this one and run by the same interpreter. Each version
makes the lake of its own demo (300 meetings); then both commands of both run in turn.

    .venv/bin/python benchmarks/startup.py
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import median, runs_argument

BEFORE = "c57b09f"
ROOT = Path(__file__).parents[1]
COMMANDS = {"--help": 0.3, "status": 0.6}


@contextmanager
def checkout(commit: str, folder: Path) -> Iterator[Path]:
    """A git worktree of a commit in the folder."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), commit], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def cpu_seconds(code: Path, data_dir: Path, *arguments: str) -> float:
    """User and system time of a command of the version in `code`."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(code),
        "MEETING_ETL_DATA_DIR": str(data_dir),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "meeting_etl.cli.main", *arguments],
        cwd=data_dir.parent,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} in {code} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def main(runs: int) -> None:
    """Both versions in turn, then the figures."""
    with tempfile.TemporaryDirectory() as name, checkout(BEFORE, Path(name) / "before") as before:
        versions = {before: Path(name) / "lake_before", ROOT: Path(name) / "lake_now"}
        for code, data_dir in versions.items():
            cpu_seconds(code, data_dir, "demo", "--data-dir", str(data_dir))
        print(f"CPU seconds, medians of {runs} (least–greatest)", flush=True)
        for command, bound in COMMANDS.items():
            found: dict[Path, list[float]] = {code: [] for code in versions}
            for _ in range(runs):
                for code, data_dir in versions.items():
                    found[code].append(cpu_seconds(code, data_dir, command))
            ratios = [old / new for old, new in zip(found[before], found[ROOT], strict=True)]
            print(f"meeting-etl {command:<8} {BEFORE}   {median(found[before])}")
            print(f"meeting-etl {command:<8} now       {median(found[ROOT])}, target {bound}")
            print(f"ratio                          {median(ratios)}", flush=True)


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    main(parser.parse_args().runs)
