"""Running a thing in a process of its own, several times, and printing medians."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Measured:
    """One run: what the process needed, and its last line of output, as JSON."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float
    written_bytes: float
    output: Any


def in_process(
    arguments: Sequence[str],
    *,
    one_core: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Measured:
    """Run a Python script; its last line of output is a JSON object.

    What it writes to stderr is shown only when it fails. Its peak memory is at least that of this
    process, which should therefore be small.
    """
    lines, measured = _measured(arguments, one_core=one_core, environ=environ)
    return Measured(*measured, json.loads(lines[-1]))


def command(code: Path, environ: Mapping[str, str], *arguments: str) -> Measured:
    """Run `meeting-etl` of the checkout in `code`, with this environment and nothing else of ours.

    Every checkout is run by the interpreter of this process, with its packages.
    """
    module = ["-m", "meeting_etl.cli.main", *arguments]
    with tempfile.TemporaryDirectory() as folder:  # Python looks for packages there first
        _, measured = _measured(module, environ=environ_for(code, environ), folder=folder)
    return Measured(*measured, None)


def environ_for(code: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """This environment, in which `meeting_etl` is the package of that checkout."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    python = {"PYTHONPATH": str(code.resolve()), "DAGSTER_DISABLE_TELEMETRY": "1"}
    return inherited | python | dict(environ)


def _measured(
    arguments: Sequence[str],
    *,
    one_core: bool = False,
    environ: Mapping[str, str] | None = None,
    folder: str | None = None,
) -> tuple[list[str], tuple[float, float, float, float]]:
    """Lines of output, and the figures of Measured."""
    started = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environ,
            cwd=folder,
            preexec_fn=_pin if one_core else None,
        ) as process,
    ):
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        complaint = errors.read()
    if process.returncode:
        sys.stderr.write(complaint)
        raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}")
    seconds = time.perf_counter() - started
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return lines, (seconds, cpu_seconds, usage.ru_maxrss / 1024, usage.ru_oublock * 512)


class Server:
    """A script that serves something in a process of its own and speaks JSON, a line at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    def next(self) -> Any:
        """Its next line."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def ask(self, line: str) -> Any:
        """Its answer to that line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self.next()


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


def cpu_seconds(pid: int) -> float:
    """CPU time of a process with its children, those that have ended too, so far."""
    # The name of the program may have spaces; it is in parentheses.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(int(field) for field in fields[11:15])
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return ticks / os.sysconf("SC_CLK_TCK") + sum(cpu_seconds(int(child)) for child in children)


def _pin() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def median(values: Sequence[float]) -> str:
    """`12.3 (11.9–14.0)`: median, least and greatest."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> str:
    """Median, least and greatest of the ratios of what was measured in turn."""
    pairs = zip(numerators, denominators, strict=True)
    return median([numerator / denominator for numerator, denominator in pairs])


def runs_argument(description: str | None) -> argparse.ArgumentParser:
    """Arguments that all benchmarks share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--runs", type=int, default=5, help="runs of each; the median is told")
    return parser


def against_argument(parser: argparse.ArgumentParser) -> None:
    """An older checkout to compare with."""
    parser.add_argument(
        "--against", type=Path, metavar="FOLDER", help="also measure the checkout in this folder"
    )


def versions(against: Path | None) -> dict[str, Path]:
    """The checkouts to measure, by name."""
    return {"now": ROOT} | ({against.name: against} if against else {})


def here(name: str) -> str:
    """Path of a file beside this one."""
    return str(Path(__file__).parent / name)
