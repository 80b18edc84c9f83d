"""Running a thing in a process of its own, several times, and printing medians."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Measured:
    """One run: wall seconds and peak memory of the process, and what it said about itself."""

    seconds: float
    peak_megabytes: float
    said: dict[str, Any]


def in_process(arguments: Sequence[str], *, one_core: bool = False) -> Measured:
    """Run a Python script; its last line of output is a JSON object.

    What it says beside is shown only when it fails.
    """
    started = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as beside,
        subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=beside,
            text=True,
            preexec_fn=_pin if one_core else None,
        ) as process,
    ):
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        beside.seek(0)
        said_beside = beside.read()
    if process.returncode:
        sys.stderr.write(said_beside)
        raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}")
    seconds = time.perf_counter() - started
    return Measured(seconds, usage.ru_maxrss / 1024, json.loads(lines[-1]))


class Server:
    """A script that serves something in a process of its own and speaks JSON, a line at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def said(self) -> Any:
        """What it says next."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def asked(self, line: str) -> Any:
        """What it says to that line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self.said()


@contextmanager
def serving(name: str, *arguments: str) -> Iterator[Server]:
    """A script beside this one as a server, until it reads the end of its input."""
    command = [sys.executable, here(name), *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        try:
            yield Server(process)
        finally:
            process.stdin.close()


def _pin() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def median(values: Sequence[float]) -> str:
    """`12.3 (11.9–14.0)`: median, least and greatest."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def runs_argument(description: str | None) -> argparse.ArgumentParser:
    """Arguments that all benchmarks share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--runs", type=int, default=5, help="runs of each; the median is told")
    return parser


def here(name: str) -> str:
    """Path of a file beside this one."""
    return str(Path(__file__).parent / name)
