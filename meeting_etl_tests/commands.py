"""The command line: in this process, or in one of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TextIO

import pandas  # noqa: F401 - before main(), which keeps pyarrow from it in this process

from meeting_etl.cli.main import main

Completed = subprocess.CompletedProcess[str]


def command(*arguments: str, environ: Mapping[str, str] | None = None) -> Completed:
    """`meeting-etl …` in this process, with this environment, no terminal and no input.

    A process of its own takes seconds to load Dagster: see `command_process` for what needs one.
    """
    with (
        TemporaryFile("w+", encoding="utf-8") as out,
        TemporaryFile("w+", encoding="utf-8", errors="backslashreplace") as err,
        _only(_environment(environ)),
        Path(os.devnull).open() as nothing,
        _stdin(nothing),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        status: object = 0
        try:
            main(arguments)
        except SystemExit as end:
            status = end.code or 0
        said = [_content(out), _content(err)]
    return Completed([*arguments], status if isinstance(status, int) else 1, *said)


def command_process(
    *arguments: str, environ: Mapping[str, str] | None = None, under: Sequence[str] = ()
) -> Completed:
    """`meeting-etl …` in a process of its own, with this environment and nothing else of ours.

    Where signals, limits, several at once or what loading takes matter. With `under` that command
    starts it.
    """
    return subprocess.run(
        [*under, sys.executable, "-m", "meeting_etl.cli.main", *arguments],
        env=_environment(environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def _environment(environ: Mapping[str, str] | None) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **(environ or {})}


@contextmanager
def _only(environ: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(environ)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _stdin(stream: TextIO) -> Iterator[None]:
    before, sys.stdin = sys.stdin, stream
    try:
        yield
    finally:
        sys.stdin = before


def _content(stream: IO[str]) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()
