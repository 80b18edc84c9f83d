"""`meeting-etl dev` in processes of its own, as a user of the UI has it: GraphQL, daemon, runs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests

from meeting_etl_tests.ports import free_port

_COMMAND = [sys.executable, "-m", "meeting_etl.cli.main"]
_SCHEDULES = """
{ repositoriesOrError { ... on RepositoryConnection { nodes {
  schedules { scheduleState { id } } } } } }
"""
_STOP = "mutation ($id: String!) { stopRunningSchedule(id: $id) { __typename } }"


@dataclass
class ServedUi:
    """A running `dev`. `lines` are what it has printed."""

    process: "subprocess.Popen[str]"
    url: str
    lines: list[str]

    def ask(self, query: str, **variables: Any) -> Any:
        """Data of a GraphQL query, which must succeed."""
        answer = requests.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60
        ).json()
        assert "errors" not in answer, json.dumps(answer)[:2000]
        return answer["data"]

    def stop_schedules(self) -> None:
        """Turn off what starts by the clock alone: at some hours there would be further runs."""
        for repository in self.ask(_SCHEDULES)["repositoriesOrError"]["nodes"]:
            for schedule in repository["schedules"]:
                stopped = self.ask(_STOP, id=schedule["scheduleState"]["id"])
                assert stopped == {"stopRunningSchedule": {"__typename": "ScheduleStateResult"}}


@contextmanager
def served_ui(
    environ: Mapping[str, str], *command: str, within: Path, seconds: float = 120
) -> Iterator[ServedUi]:
    """The UI of `command`, by default `dev`, once it answers, without its schedules.

    It is stopped when the block ends.
    """
    port = free_port()
    with subprocess.Popen(
        [*_COMMAND, *(command or ("dev",)), "--port", str(port)],
        env={"PATH": os.environ["PATH"], **environ},
        cwd=within,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            ui = ServedUi(process, f"http://127.0.0.1:{port}", [])
            while not ui.lines or not ui.lines[-1].startswith("Dagster UI: "):
                ui.lines.append(process.stdout.readline())
                assert ui.lines[-1], f"the UI ended by itself: {ui.lines}"
            # A full pipe would stop it.
            reader = Thread(target=ui.lines.extend, args=(process.stdout,), daemon=True)
            reader.start()
            ui.stop_schedules()
            yield ui
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(seconds)
        # Whatever it started has this pipe open, too, so that all of it has ended.
        reader.join(seconds)
        assert not reader.is_alive()


def processes_of(folder: Path) -> list[int]:
    """Ids of the processes whose data folder this is. Skips the test where there is no /proc."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("processes are looked for in /proc")
    variable = f"MEETING_ETL_DATA_DIR={folder}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if variable in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue  # it has ended, or is somebody else's
    return found


def wait_until(condition: Callable[[], object], seconds: float = 300) -> None:
    """Wait until the condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.25)
