"""A control host and workers: processes of this machine with Dagster folders of their own."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import dagster as dg

SETTINGS = Path(__file__).parents[2] / "deploy" / "cluster"
# As units of systemd and services of compose have them where nothing else is said.
ALL_QUEUES = "dagster,downloads"


@dataclass
class Machines:
    """What the hosts share, and the workers that were started. `folder` has all Dagster folders.

    `inside` has what starts a command on a host with a network of its own.
    """

    folder: Path
    variables: Mapping[str, str]
    inside: Mapping[str, list[str]] = field(default_factory=dict)
    workers: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)
    queues: dict[str, str] = field(default_factory=dict)

    def environ(self, host: str) -> dict[str, str]:
        """The variables of a host; `control` has other settings of Dagster than workers."""
        home = self.folder / host
        if not home.exists():
            home.mkdir(parents=True)
            kind = "control" if host == "control" else "worker"
            shutil.copy(SETTINGS / f"dagster-{kind}.yaml", home / "dagster.yaml")
        # Tenants have theirs in their file.
        is_one = "MEETING_ETL_TENANTS" not in self.variables
        return {
            "PATH": os.environ["PATH"],
            **self.variables,
            "DAGSTER_HOME": str(home),
            **({"MEETING_ETL_WORK_DIR": str(home / "work")} if is_one else {}),
        }

    def start_worker(self, host: str, queues: str = ALL_QUEUES) -> None:
        """A worker as its systemd unit starts it, in a process group of its own."""
        self.queues[host] = queues
        command = [
            *self.inside.get(host, ()),
            *(sys.executable, "-m", "celery", "-A", "meeting_etl.workers", "worker"),
            *("--queues", queues, "--concurrency", "1", "--hostname", f"1@{host}"),
        ]
        output: IO[bytes]
        with (self.folder / f"{host}.log").open("ab") as output:
            self.workers[host] = subprocess.Popen(
                [*command, "--loglevel", "INFO"],
                env=self.environ(host),
                cwd=self.folder,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def revive(self) -> None:
        """Start workers again that have ended by themselves, as systemd does."""
        for host, worker in list(self.workers.items()):
            if worker.poll() is not None:
                self.kill(host)
                self.start_worker(host, self.queues[host])

    def kill(self, host: str, number: int = signal.SIGKILL) -> None:
        """End a worker and its runs."""
        worker = self.workers.pop(host)
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, number)
        worker.wait(60)

    def host_of(self, pid: int) -> str:
        """The host whose worker has this process."""
        group = os.getpgid(pid)
        (host,) = [host for host, worker in self.workers.items() if worker.pid == group]
        return host

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """The history of runs, as this process sees it."""
        folder = self.folder / "reader"
        folder.mkdir(exist_ok=True)
        url = self.variables["MEETING_ETL_STATE"]
        (folder / "dagster.yaml").write_text(f"storage: {{postgres: {{postgres_url: '{url}'}}}}\n")
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            yield instance


@contextmanager
def machines(
    folder: Path, variables: Mapping[str, str], inside: Mapping[str, list[str]] | None = None
) -> Iterator[Machines]:
    """Hosts that share these variables; their workers are ended with the block."""
    folder.mkdir()
    made = Machines(folder, variables, inside or {})
    try:
        yield made
    finally:
        for host in list(made.workers):
            made.kill(host)
